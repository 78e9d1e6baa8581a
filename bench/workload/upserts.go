package workload

import (
	"fmt"
	"strconv"

	"quiver/bench"
)

// Upserts is a bench.Source of calls of the Fennel API's log, each of which writes rows
// of a table of one group. The rows are those that the table has anyhow, so that readers
// get the same answers all along.
type Upserts struct {
	table *Table
	order *Order
	rows  uint64 // of one call
	head  []byte
}

// webhook is the name of the webhook, and of its endpoint, that feeds a table.
func (t *Table) webhook() string { return t.View + "_log" }

// Webhook returns the definition, as YAML, of the webhook that Upserts writes to.
func (t *Table) Webhook() []byte {
	return fmt.Appendf(nil, "---\nkind: Webhook\nstore: %s\nname: %s\nendpoints:\n  - {name: %s, into: [{group: %s}]}\n",
		Store, t.webhook(), t.webhook(), t.Group(0))
}

// NewUpserts prepares calls of some rows each, whose keys come in an order.
func NewUpserts(t *Table, o *Order, host string, rows int) (*Upserts, error) {
	switch {
	case t.Groups != 1:
		return nil, fmt.Errorf("table %s has %d groups; upserts write to one", t.View, t.Groups)
	case rows < 1 || rows > maxBatch:
		return nil, fmt.Errorf("%d rows of one call are not between 1 and %d", rows, maxBatch)
	case o.of > t.Rows || o.misses:
		return nil, fmt.Errorf("the order has keys that table %s does not have", t.View)
	}
	return &Upserts{table: t, order: o, rows: uint64(rows), head: bench.AppendPostHead(nil, host, "/api/v1/log", "")}, nil
}

// Append appends call i.
func (u *Upserts) Append(dst []byte, i uint64) []byte {
	body := u.AppendBody(nil, i)
	dst = append(dst, u.head...)
	return append(bench.AppendLength(dst, len(body)), body...)
}

// AppendBody appends the body of call i alone: columns, as the API wants them.
func (u *Upserts) AppendBody(dst []byte, i uint64) []byte {
	dst = fmt.Appendf(dst, `{"webhook":%q,"endpoint":%q,"data":{"%s":[`, u.table.webhook(), u.table.webhook(), Key)
	for k := range u.rows {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(u.order.At(i*u.rows+k)), 10)
	}
	for f := range u.table.Features {
		dst = fmt.Appendf(dst, `],"%s":[`, feature(f))
		for k := range u.rows {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = u.table.value(u.order.At(i*u.rows+k), f).appendInput(dst)
		}
	}
	return append(dst, "]}}"...)
}

// Check accepts the one answer that says that all rows are durable.
func (u *Upserts) Check(_ uint64, body []byte) error { return bench.Compare(body, []byte("{}")) }
