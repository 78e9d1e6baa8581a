package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// Put writes one row of a group from column texts (as in a CSV cell); a column that
// is not named is null or its default. For a group without a key it appends an event.
func (e *Engine) Put(ctx context.Context, ref Ref, columns map[string]string) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	if err := knownColumns(g, columns); err != nil {
		return err
	}
	var w codec.RowWriter
	w.Reset(g.Schema)
	for i := range g.Schema.Columns {
		column := &g.Schema.Columns[i]
		text, given := columns[column.Name]
		switch {
		case given:
			err = w.Text(text)
		case column.Default != nil:
			err = w.Cell(column.Default, codec.None)
		case slices.Contains(g.Key, column.Name):
			return fail.Errorf(fail.BadRow, "Group %s needs a value for its key column %q.", g.Name, column.Name)
		default:
			err = w.Null()
		}
		if err != nil {
			return fail.Wrap(fail.BadRow, err, "Cannot write to group %s: %v.", g.Name, err)
		}
	}
	row, err := e.finishRow(g, &w, nil)
	if err != nil {
		return err
	}
	return e.WriteRows(ctx, ref, [][]byte{row})
}

// finishRow ends a row whose cells were written, stamping it with its event time or,
// for groups without one, the present.
func (e *Engine) finishRow(g *catalog.Group, w *codec.RowWriter, dst []byte) ([]byte, error) {
	return FinishRow(g, w, e.now(), dst)
}

// eventTime reads the event time, Unix microseconds, out of a row's own column.
func eventTime(g *catalog.Group, row []byte) (int64, error) {
	r, err := codec.ParseRow(row)
	if err != nil {
		return 0, fail.Wrap(fail.BadRow, err, "Cannot read a row for group %s.", g.Name)
	}
	column := &g.Schema.Columns[g.EventTimeColumn]
	t, ok := codec.CellTime(column.Type, r.Cell(g.EventTimeColumn))
	if !ok {
		return 0, fail.Errorf(fail.BadRow, "Event time column %q of group %s has no value.", column.Name, g.Name)
	}
	return t, nil
}

// Delete removes the row with the given key column texts. Deleting a row that does
// not exist is no error.
func (e *Engine) Delete(ctx context.Context, ref Ref, key map[string]string) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	if len(g.Key) == 0 {
		return fail.Errorf(fail.Conflict, "Group %s has no key: an event stream cannot delete single rows.", g.Name)
	}
	if err := knownColumns(g, key); err != nil {
		return err
	}
	route, err := textRoute(g, key)
	if err != nil {
		return err
	}
	gate := e.groups.of(g.ID)
	gate.RLock()
	defer gate.RUnlock()
	if g, err = e.group(ref); err != nil {
		return err
	}
	k := storage.Key{Table: g.Table, Route: route}
	version := storage.NextVersion
	if g.EventTimeColumn >= 0 {
		// At equal versions the later arrival wins, so the stored row's own
		// version removes exactly that row and yields to any newer one.
		if version, err = e.storedVersion(ctx, k); err != nil || version == 0 {
			return err
		}
	}
	w := storage.Write{Key: k, Version: version, Delete: true}
	return e.applyRows(ctx, g, []storage.Write{w})
}

func (e *Engine) storedVersion(ctx context.Context, k storage.Key) (uint64, error) {
	var b storage.Batch
	b.Add(k)
	if err := e.store.Get(ctx, &b); err != nil {
		return 0, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	_, version, err := b.Row(0)
	if err != nil {
		return 0, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return version, nil
}

// textRoute builds key bytes from column texts.
func textRoute(g *catalog.Group, key map[string]string) ([]byte, error) {
	var route []byte
	for i, name := range g.Key {
		text, ok := key[name]
		if !ok {
			return nil, fail.Errorf(fail.BadKeyName, "Group %s needs its key column %q.", g.Name, name)
		}
		t := g.Schema.Columns[g.KeyColumns[i]].Type
		var err error
		if route, err = codec.AppendKeyJSON(route, t, codec.AppendQuoted(nil, []byte(text))); err != nil {
			return nil, fail.Wrap(fail.BadKeyValue, err, "Key column %q of group %s: %v.", name, g.Name, err)
		}
	}
	return route, nil
}

func knownColumns(g *catalog.Group, columns map[string]string) error {
	for name := range columns {
		if name == "" || g.Schema.Index(name) < 0 {
			return fail.Errorf(fail.BadRow, "Group %s has no column %q.", g.Name, name)
		}
	}
	return nil
}

// WriteRows stores finished rows of a group: upserts by key with the newest event
// time winning, or appended events for a group without a key. When it returns nil
// the rows are durable. The rows are not kept.
func (e *Engine) WriteRows(ctx context.Context, ref Ref, rows [][]byte) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	gate := e.groups.of(g.ID)
	gate.RLock()
	defer gate.RUnlock()
	if g, err = e.group(ref); err != nil { // the table may have been swapped meanwhile
		return err
	}
	if len(g.Key) == 0 {
		_, err := e.append(ctx, g, rows)
		return err
	}
	ws := make([]storage.Write, len(rows))
	for i, row := range rows {
		if ws[i], err = rowWrite(nil, g, row); err != nil {
			return err
		}
	}
	return e.applyRows(ctx, g, ws)
}

// applyRows applies writes to a group's table and keeps its derived rows in step.
func (e *Engine) applyRows(ctx context.Context, g *catalog.Group, ws []storage.Write) error {
	if derives(g) {
		return e.applyDerived(ctx, g, ws)
	}
	return e.apply(ctx, ws)
}

func (e *Engine) apply(ctx context.Context, ws []storage.Write) error {
	err := e.store.Apply(ctx, ws)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrFull):
		return fail.Wrap(fail.WriteFailed, err, "No space is left for writes; reads go on.")
	default:
		return fail.Wrap(fail.WriteFailed, err, "Writing to db failed.")
	}
}

// rowWrite is the storage write of one finished row, whose route it appends to dst.
func rowWrite(dst []byte, g *catalog.Group, row []byte) (storage.Write, error) {
	r, err := codec.ParseRow(row)
	if err != nil {
		return storage.Write{}, fail.Wrap(fail.BadRow, err, "Cannot read a row for group %s.", g.Name)
	}
	if r.SchemaID() != g.Schema.ID {
		return storage.Write{}, fail.Errorf(fail.Conflict, "Group %s changed since its rows were made; load them again.", g.Name)
	}
	route, err := rowRoute(dst, g, r)
	if err != nil {
		return storage.Write{}, err
	}
	w := storage.Write{Key: storage.Key{Table: g.Table, Route: route}, Row: row}
	if g.EventTimeColumn >= 0 {
		w.Version = timeVersion(r.Time())
	}
	if g.TTL > 0 {
		w.Expire = r.Time() + g.TTL.Microseconds()
	}
	return w, nil
}

// rowRoute appends the key bytes of a row, taken from its own cells.
func rowRoute(dst []byte, g *catalog.Group, r codec.Row) ([]byte, error) {
	for i, c := range g.KeyColumns {
		var err error
		if dst, err = codec.AppendKeyCell(dst, g.Schema.Columns[c].Type, r.Cell(c)); err != nil {
			return nil, fail.Wrap(fail.BadRow, err, "Key column %q of group %s: %v.", g.Key[i], g.Name, err)
		}
	}
	return dst, nil
}

// timeVersion maps an event time to a version: order is kept, and neither end of the
// range collides with what storage keeps for itself.
func timeVersion(micros int64) uint64 {
	v := uint64(micros) ^ 1<<63
	return min(max(v, 1), storage.MaxVersion)
}

// group finds a group that can be written.
func (e *Engine) group(ref Ref) (*catalog.Group, error) {
	snap := e.Snapshot()
	g := snap.Group(ref.Store, ref.Name, ref.Version)
	switch {
	case g != nil && g.Spine:
		return nil, fail.Errorf(fail.Conflict, "Group %s is a spine: it has no online rows.", g.Name)
	case g != nil:
		return g, nil
	case !snap.HasStore([]byte(ref.Store)):
		return nil, &fail.Error{Code: fail.NoStore, Name: ref.Store, Text: fmt.Sprintf("Feature store %q does not exist.", ref.Store)}
	default:
		return nil, &fail.Error{Code: fail.NoGroup, Name: ref.Name, Text: fmt.Sprintf("Feature store %q has no feature group %q%s.", ref.Store, ref.Name, versionText(ref.Version))}
	}
}

func versionText(v int) string {
	switch {
	case v == 0:
		return ""
	case v < 0:
		return " with that version"
	}
	return fmt.Sprintf(" with version %d", v)
}

// Removal is a row to delete, as of a time.
type Removal struct {
	Key  [][]byte // raw JSON tokens of the key columns, in order
	Time int64    // event time in Unix microseconds; groups without one look only for math.MaxInt64
}

// DeleteRows removes rows as of their times: a row that is newer stays. As of
// math.MaxInt64 keys are erased: rows with them that are written later are dropped; of
// a group without an event time, those that ChangeRows writes.
func (e *Engine) DeleteRows(ctx context.Context, ref Ref, removals []Removal) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	if len(g.Key) == 0 {
		return fail.Errorf(fail.Conflict, "Group %s has no key: an event stream cannot delete single rows.", g.Name)
	}
	gate := e.groups.of(g.ID)
	gate.Lock() // no ChangeRows may be between looking for erased keys and writing
	defer gate.Unlock()
	if g, err = e.group(ref); err != nil {
		return err
	}
	order := make([]int, len(g.KeyColumns))
	for i := range order {
		order[i] = i
	}
	ws := make([]storage.Write, len(removals))
	for i, r := range removals {
		if len(r.Key) != len(order) {
			return fail.Errorf(fail.BadKeyName, "Group %s has %d key columns, not %d.", g.Name, len(order), len(r.Key))
		}
		route, err := tokenRoute(nil, g, g.KeyColumns, order, r.Key)
		if err != nil {
			return err
		}
		ws[i] = storage.Write{Key: storage.Key{Table: g.Table, Route: route}, Delete: true}
		if g.EventTimeColumn >= 0 || r.Time == math.MaxInt64 {
			ws[i].Version = timeVersion(r.Time)
		}
	}
	return e.applyRows(ctx, g, ws)
}

// withoutErased returns the writes whose keys are not erased. A group with an event time
// does not need it: no row is as new as the end of time.
func (e *Engine) withoutErased(ctx context.Context, ws []storage.Write) ([]storage.Write, error) {
	var b storage.Batch
	for i := range ws {
		b.Add(ws[i].Key)
	}
	err := e.store.Get(ctx, &b)
	kept := ws[:0]
	for i := range ws {
		if err != nil {
			break
		}
		var row []byte
		var version uint64
		if row, version, err = b.Row(i); row != nil || version != erased {
			kept = append(kept, ws[i])
		}
	}
	if err != nil {
		return nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return kept, nil
}
