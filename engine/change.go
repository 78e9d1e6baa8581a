package engine

import (
	"context"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// FinishRow ends a row whose cells were written to w, stamping it with its event time
// or, for groups without one, with at (Unix microseconds). It appends the row to dst.
func FinishRow(g *catalog.Group, w *codec.RowWriter, at int64, dst []byte) ([]byte, error) {
	row, err := w.Row(dst, at)
	if err != nil {
		return nil, fail.Wrap(fail.BadRow, err, "Cannot write to group %s: %v.", g.Name, err)
	}
	if g.EventTimeColumn < 0 {
		return row, nil
	}
	t, err := eventTime(g, row[len(dst):])
	if err != nil {
		return nil, err
	}
	return w.Row(dst, t)
}

// Change is one finished row to store or, with Delete, whose key is to be removed as of
// the row's time: a stored row that is newer stays. Of a row to delete only the key and
// the time count.
type Change struct {
	Row    []byte
	Delete bool
}

// ChangeRows makes changes to a group in one step, the later of two for the same key and
// time counting. Keys that were erased (DeleteRows) stay so. A read of several keys sees
// all changes of a call or none, unless the store cannot do so. When it returns nil the
// changes are durable. The rows are not kept.
func (e *Engine) ChangeRows(ctx context.Context, ref Ref, changes []Change) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	gate := e.groups.of(g.ID)
	gate.RLock()
	defer gate.RUnlock()
	if g, err = e.group(ref); err != nil {
		return err
	}
	if len(g.Key) == 0 {
		rows := make([][]byte, len(changes))
		for i, c := range changes {
			if c.Delete {
				return fail.Errorf(fail.Conflict, "Group %s has no key: an event stream cannot delete single rows.", g.Name)
			}
			rows[i] = c.Row
		}
		_, err := e.append(ctx, g, rows)
		return err
	}
	ws := make([]storage.Write, len(changes))
	for i, c := range changes {
		if ws[i], err = rowWrite(nil, g, c.Row); err != nil {
			return err
		}
		if c.Delete {
			ws[i].Row, ws[i].Delete, ws[i].Expire = nil, true, 0
		}
	}
	if g.EventTimeColumn < 0 {
		if ws, err = e.withoutErased(ctx, ws); err != nil || len(ws) == 0 {
			return err
		}
	}
	if len(ws) > 0 {
		ws[0].Together = true
	}
	return e.applyRows(ctx, g, ws)
}

// CheckRow reports what keeps a finished row from being stored: a key that is null, for
// instance.
func CheckRow(g *catalog.Group, row []byte) error {
	if len(g.Key) == 0 {
		return nil
	}
	_, err := rowWrite(nil, g, row)
	return err
}

// NextRecord returns the sequence number that the next record of a stream will get, if
// AppendRecord is not called meanwhile.
func (e *Engine) NextRecord(ctx context.Context, table uint32) (uint64, error) {
	seq, _, err := e.reserve(ctx, table, 0, 0, func([]byte) (uint64, error) { return 0, nil })
	return seq, err
}

// Scan calls f for the rows of a group with a key, in the order of the store, until f
// returns false. The row dies when f returns. Expired rows may be among them.
func (e *Engine) Scan(ctx context.Context, ref Ref, f func(row codec.Row) bool) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no event streams.")
	}
	var bad error
	err = ranger.Range(ctx, g.Table, storage.Key{}, func(_ storage.Key, _ uint64, row []byte) bool {
		var r codec.Row
		r, bad = codec.ParseRow(row)
		return bad == nil && f(r)
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return nil
}
