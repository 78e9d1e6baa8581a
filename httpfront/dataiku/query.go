package dataiku

import (
	"bytes"
	"strconv"

	"quiver/codec"
	"quiver/engine/service"
	"quiver/engine/sqlquery"
	"quiver/httpfront/wire"
)

// query answers with what an endpoint's queries give (contract, section 10). The values
// of parameters are the members of the body, or texts in the URL.
func (d *dialect) query(x *wire.Exchange) {
	start := d.engine.Now()
	name, endpoint := string(x.Param("service")), string(x.Param("endpoint"))
	if err := d.services.May(x.Principal, x.Denied, name); err != nil {
		d.fail(x, err)
		return
	}
	values, err := readValues(x)
	if err != nil {
		d.fail(x, err)
		return
	}
	ready := d.engine.Now()
	a, err := d.services.Query(x.Ctx, x.Principal, x.Denied, name, endpoint, values)
	if err != nil {
		d.fail(x, err)
		return
	}
	answered := d.engine.Now()
	d.begin(x)
	out := append(x.Out, `{"results":[`...)
	for i := range a.Results {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendRows(out, &a.Results[i])
	}
	wait := a.Wait.Microseconds()
	out = append(out, `],"timing":{"preProcessing":`...)
	out = strconv.AppendInt(out, ready-start, 10)
	out = append(out, `,"wait":`...)
	out = strconv.AppendInt(out, wait, 10)
	out = append(out, `,"execution":`...)
	out = strconv.AppendInt(out, max(answered-ready-wait, 0), 10)
	out = append(out, `,"postProcessing":`...)
	out = strconv.AppendInt(out, d.engine.Now()-answered, 10)
	x.Out = appendContext(append(out, '}'), x, a.Generation)
}

// readValues reads the values of parameters.
func readValues(x *wire.Exchange) (all []service.Field, err error) {
	if x.Method == "GET" {
		x.Queries(func(name, value []byte) {
			all = append(all, service.Field{Name: bytes.Clone(name), Token: codec.AppendQuoted(nil, value)})
		})
		return all, nil
	}
	if len(bytes.TrimSpace(x.Body)) == 0 {
		return nil, nil
	}
	s := codec.NewScanner(x.Body)
	s.AllowNaN(true)
	if err := object(&s, "body"); err != nil {
		return nil, err
	}
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		value, _ := s.Value()
		all = append(all, service.Field{Name: name, Token: value})
	}
	return all, malformed(s.End())
}

// appendRows prints the result of one query: every cell is a string or null. A query that
// gives no rows has neither columns nor rows.
func appendRows(out []byte, r *sqlquery.Result) []byte {
	out = append(out, '{')
	if len(r.Columns) > 0 {
		out = append(out, `"columns":[`...)
		for i, c := range r.Columns {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, `{"name":`...)
			out = codec.AppendQuoted(out, []byte(c.Name))
			out = append(out, `,"type":`...)
			out = append(codec.AppendQuoted(out, []byte(c.Type)), '}')
		}
		out = append(out, `],"rows":[`...)
		for row := range r.Rows() {
			if row > 0 {
				out = append(out, ',')
			}
			out = append(out, '[')
			for column := range r.Columns {
				if column > 0 {
					out = append(out, ',')
				}
				if text, null := r.Cell(row, column); null {
					out = append(out, "null"...)
				} else {
					out = codec.AppendQuoted(out, text)
				}
			}
			out = append(out, ']')
		}
		out = append(out, `],`...)
	}
	out = append(out, `"updatedRows":`...)
	return append(strconv.AppendInt(out, r.Updated, 10), '}')
}
