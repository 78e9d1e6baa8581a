package fennel

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/expr/vec"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// lookup answers {"data": {column: [..]}, "found": [..]}.
func (d *dialect) lookup(x *wire.Exchange) error { return d.rows(x, false) }

// lookup20 is lookup as release 0.20 reads it: of one field data is the plain list.
func (d *dialect) lookup20(x *wire.Exchange) error { return d.rows(x, true) }

func (d *dialect) rows(x *wire.Exchange, plain bool) error {
	g, ref, err := d.dataset(x)
	if err != nil {
		return err
	}
	keysIn, fieldsIn, timesIn := named("keys"), named("fields"), named("timestamps", "timestamp")
	if err := readBody(x.Body, keysIn, fieldsIn, timesIn); err != nil {
		return err
	}
	keys, err := d.keys(g, keysIn)
	if err != nil {
		return err
	}
	names, err := fieldsIn.texts(false, maxNames)
	if err != nil {
		return err
	}
	features := make([]*catalog.Feature, 0, len(g.Features))
	for i := range g.Features {
		if len(names) == 0 {
			features = append(features, &g.Features[i])
		}
	}
	for _, name := range names {
		f := g.Feature(name)
		if f == nil {
			return fail.Errorf(fail.NotFound, "Dataset `%s` has no field `%s`", g.Name, name)
		}
		if !slices.Contains(features, f) { // one that is repeated counts once
			features = append(features, f)
		}
	}
	times, err := d.times(timesIn, len(keys))
	if err != nil {
		return err
	}
	rows, found, err := d.engine.AsOf(x.Ctx, x.Principal, ref, keys, times)
	if err != nil {
		return err
	}
	out := append(x.Out, `{"data":`...)
	single := plain && len(features) == 1
	if !single {
		out = append(out, '{')
	}
	for i, f := range features {
		if i > 0 {
			out = append(out, ',')
		}
		if !single {
			out = append(codec.AppendQuoted(out, []byte(f.Name)), ':')
		}
		if out, err = appendColumn(out, g, f, rows, found, keys); err != nil {
			return err
		}
	}
	if !single {
		out = append(out, '}')
	}
	out = append(out, `,"found":[`...)
	for i, ok := range found {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendBool(out, ok)
	}
	x.Out = append(out, "]}"...)
	return nil
}

// keys reads a list of objects, each with all key columns and nothing else, by the rules
// of logged rows. They are returned as the API answers values.
func (d *dialect) keys(g *catalog.Group, m *member) ([][][]byte, error) {
	if len(g.Key) == 0 {
		return nil, fail.Errorf(fail.Malformed, "Dataset `%s` has no key: nothing can be looked up in it", g.Name)
	}
	raw, err := m.list(true, d.MaxKeys)
	if err != nil {
		return nil, err
	}
	columns := make([]*vec.Column, len(g.Key))
	for n, name := range g.Key {
		columns[n] = vec.New(g.Feature(name).Type)
	}
	l := vec.Loader{Now: d.engine.Now()}
	keys := make([][][]byte, len(raw))
	for i, object := range raw {
		parts := make([][]byte, len(g.Key))
		other := "" // a column that is no key
		s := codec.NewScanner(object)
		s.AllowNaN(true)
		s.Object()
		for name, ok := s.NextField(); ok; name, ok = s.NextField() {
			n := slices.Index(g.Key, string(name))
			value, _ := s.Value()
			if n < 0 {
				other = string(name)
				continue
			}
			c := columns[n]
			c.Reset(c.Type)
			if parts[n] = nil; string(value) == "null" {
				continue
			}
			if err := l.PushJSON(c, value); err != nil {
				reason, _ := strings.CutPrefix(err.Error(), "row 0: ")
				return nil, fail.Errorf(fail.BadKeyValue, "Key %d, column `%s`: %s.", i, name, reason)
			}
			parts[n] = c.AppendFennel(nil, 0)
		}
		if s.End() != nil {
			return nil, fail.Errorf(fail.Malformed, "Key %d must be an object of key columns.", i)
		}
		for n, part := range parts {
			if part == nil {
				return nil, fail.Errorf(fail.BadKeyName, "Key %d lacks the key column `%s`, or has null for it.", i, g.Key[n])
			}
		}
		if other != "" {
			return nil, fail.Errorf(fail.BadKeyName, "Key %d has `%s`, which is no key column of `%s`.", i, other, g.Name)
		}
		keys[i] = parts
	}
	return keys, nil
}

var instant = &codec.Type{Kind: codec.KindTimestamp, Precision: 6, Spelling: codec.SpellingFennel, Text: "datetime"}

// times reads as-of times; the present for all keys when there are none.
func (d *dialect) times(m *member, n int) ([]int64, error) {
	now := d.engine.Now()
	raw, err := m.list(false, d.MaxKeys)
	if err != nil {
		return nil, err
	}
	times := make([]int64, n)
	if len(raw) == 0 {
		for i := range times {
			times[i] = now
		}
		return times, nil
	}
	if len(raw) != n {
		return nil, fail.Errorf(fail.Malformed, "There are %d timestamps for %d keys.", len(raw), n)
	}
	c := vec.New(instant)
	l := vec.Loader{Now: now}
	for i, r := range raw {
		if err := l.PushJSON(c, r); err != nil {
			return nil, fail.Errorf(fail.Malformed, "Timestamps, %v.", err)
		}
		times[i] = c.Ints[i]
	}
	return times, nil
}

// appendColumn appends the list of a field's values. keys, where not nil, are echoed for
// rows that are not found.
func appendColumn(out []byte, g *catalog.Group, f *catalog.Feature, rows []codec.Row, found []bool, keys [][][]byte) ([]byte, error) {
	key := slices.Index(g.Key, f.Name)
	c := vec.New(f.Type)
	var l vec.Loader
	out = append(out, '[')
	for i, row := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		c.Reset(f.Type)
		var err error
		switch {
		case found[i] && f.Slot < row.Columns():
			err = l.PushCell(c, row.Cell(f.Slot), row.Special(f.Slot))
		case found[i] && f.Default != nil:
			err = l.PushCell(c, f.Default, codec.None)
		case !found[i] && key >= 0 && keys != nil:
			err = l.PushJSON(c, keys[i][key])
		default:
			c.PushNull()
		}
		if err != nil {
			return out, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		out = c.AppendFennel(out, 0)
	}
	return append(out, ']'), nil
}

// inspect answers the last rows of a dataset without a key, some of one with.
func (d *dialect) inspect(x *wire.Exchange) error {
	g, ref, err := d.dataset(x)
	if err != nil {
		return err
	}
	n := 10
	if text := x.Query("n"); len(text) > 0 {
		if n, err = strconv.Atoi(string(text)); err != nil || n < 0 || n > d.MaxKeys {
			return fail.Errorf(fail.Malformed, "n must be a whole number from 0 to %d.", d.MaxKeys)
		}
	}
	var rows []codec.Row
	keep := func(row codec.Row) codec.Row {
		cells := slices.Clone(row.Bytes())
		own, _ := codec.ParseRow(cells) // it was a row before
		return own
	}
	switch {
	case n == 0:
	case len(g.Key) == 0:
		seen := 0
		err = d.engine.Events(x.Ctx, ref, func(row codec.Row) bool {
			if len(rows) < n {
				rows = append(rows, keep(row))
			} else {
				rows[seen%n] = keep(row)
			}
			seen++
			return x.Ctx.Err() == nil
		})
		if seen > n { // the oldest first
			at := seen % n
			rows = slices.Concat(rows[at:], rows[:at])
		}
	default:
		err = d.engine.Scan(x.Ctx, ref, func(row codec.Row) bool {
			rows = append(rows, keep(row))
			return len(rows) < n
		})
	}
	if err != nil {
		return err
	}
	return d.printRows(x, g, rows)
}

func (d *dialect) printRows(x *wire.Exchange, g *catalog.Group, rows []codec.Row) error {
	out := append(x.Out, '[')
	for i := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		for n := range g.Features {
			if n > 0 {
				out = append(out, ',')
			}
			out = append(codec.AppendQuoted(out, []byte(g.Features[n].Name)), ':')
			at := len(out)
			var err error
			if out, err = appendColumn(out, g, &g.Features[n], rows[i:i+1], []bool{true}, nil); err != nil {
				return err
			}
			out = append(out[:at], out[at+1:len(out)-1]...) // the one element
		}
		out = append(out, '}')
	}
	x.Out = append(out, ']')
	return nil
}

// erase deletes keys for good: rows with them that are logged later are dropped.
func (d *dialect) erase(x *wire.Exchange) error {
	g, ref, err := d.dataset(x)
	if err != nil {
		return err
	}
	m := named("erase_keys")
	if err := readBody(x.Body, m); err != nil {
		return err
	}
	keys, err := d.keys(g, m)
	if err != nil {
		return err
	}
	removals := make([]engine.Removal, len(keys))
	for i, key := range keys {
		removals[i] = engine.Removal{Key: key, Time: math.MaxInt64}
	}
	if err := d.engine.DeleteRows(x.Ctx, ref, removals); err != nil {
		return err
	}
	x.Out = append(x.Out, "{}"...)
	return nil
}
