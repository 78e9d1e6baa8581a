package webhook

import (
	"strconv"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/fail"
)

// changes converts the data of a call for this target. With lenient rows that do not fit
// are dropped and counted.
func (c *target) changes(b *batch, data []byte, lenient bool) (all []engine.Change, dropped int, err error) {
	if c.CDC == catalogDebezium {
		return c.envelopes(b, data, lenient)
	}
	all, err = c.convert(b, data, false, nil)
	if err == nil || !lenient || fail.AsError(err).Code != fail.BadRow {
		return all, 0, err
	}
	rows, err := split(data, b.maxRows)
	if err != nil {
		return nil, 0, c.because(err, "")
	}
	return c.eachRow(b, rows, false, nil)
}

// eachRow converts rows one by one, dropping those that do not fit.
func (c *target) eachRow(b *batch, rows [][]byte, deleted bool, times []int64) (all []engine.Change, dropped int, err error) {
	for i, row := range rows {
		var at []int64
		if deleted {
			at = times[i : i+1]
		}
		one, err := c.convert(b, join([][]byte{row}), deleted, at)
		switch {
		case err == nil:
			all = append(all, one...)
		case fail.AsError(err).Code == fail.BadRow:
			dropped++
		default:
			return nil, dropped, err
		}
	}
	return all, dropped, nil
}

// envelopes converts Debezium envelopes: {"before":..,"after":..,"op":"c|r|u|d"}, each
// plain or under "payload". Runs of equal kinds are converted at once, in order.
func (c *target) envelopes(b *batch, data []byte, lenient bool) (all []engine.Change, dropped int, err error) {
	rows, err := split(data, b.maxRows)
	if err != nil {
		return nil, 0, c.because(err, "")
	}
	var run [][]byte
	var times []int64
	deleting := false
	start := 0
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		changes, err := c.convert(b, join(run), deleting, times)
		if err != nil && lenient && fail.AsError(err).Code == fail.BadRow {
			var n int
			changes, n, err = c.eachRow(b, run, deleting, times)
			dropped += n
		}
		if e := fail.AsError(err); err != nil && start > 0 {
			err = fail.Errorf(e.Code, "%s (rows counted from row %d of the call)", e.Text, start)
		}
		all = append(all, changes...)
		run, times = run[:0], times[:0]
		return err
	}
	for i, row := range rows {
		if payload, kind := field(row, "payload"); kind == codec.JSONObject {
			row = payload
		}
		op, _ := field(row, "op")
		var body []byte
		var kind codec.JSONKind
		remove := false
		switch string(op) {
		case `"c"`, `"r"`, `"u"`:
			body, kind = field(row, "after")
		case `"d"`:
			body, kind = field(row, "before")
			remove = true
		default:
			if lenient {
				dropped++
				continue
			}
			return nil, 0, c.bad("op", i, "expected \"c\", \"r\", \"u\" or \"d\", found "+string(op[:min(len(op), 40)]))
		}
		if kind == codec.JSONString { // columns of JSON text
			body, _ = codec.AppendUnquoted(nil, body)
			kind = codec.JSONObject
		}
		if kind != codec.JSONObject || body == nil {
			if lenient {
				dropped++
				continue
			}
			return nil, 0, c.bad("after", i, "the envelope has no row")
		}
		if remove != deleting {
			if err := flush(); err != nil {
				return nil, 0, err
			}
			deleting = remove
		}
		if len(run) == 0 {
			start = i
		}
		run = append(run, body)
		at := b.at
		if raw, _ := field(row, "ts_ms"); raw != nil {
			if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil && ms > 0 && ms < 1<<53 {
				at = ms * 1000
			}
		}
		times = append(times, at)
	}
	if err := flush(); err != nil {
		return nil, 0, err
	}
	return all, dropped, nil
}
