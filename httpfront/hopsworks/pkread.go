package hopsworks

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/fail"
	"quiver/engine/plan"
	"quiver/httpfront/wire"
)

// The raw reads: one row of a group, addressed as database (the store) and table
// (name_version). They are for tools and tests, so they may allocate.

// readBody is the body of pk-read, and of each operation of a raw batch.
type readBody struct {
	Filters     codec.Raw `json:"filters"`
	ReadColumns codec.Raw `json:"readColumns"`
	OperationID codec.Raw `json:"operationId"`
}

const (
	maxFilters     = 4096
	maxOperationID = 256
	maxName        = 64
)

func (d *dialect) pkRead(x *wire.Exchange) {
	out, err := d.readRow(x, x.Param("db"), x.Param("table"), x.Body, x.Out)
	if err != nil {
		writeError(x, err)
		return
	}
	x.Out = out
}

// readRow appends the answer of one raw read.
func (d *dialect) readRow(x *wire.Exchange, db, table, body, dst []byte) ([]byte, error) {
	var b readBody
	if err := codec.DecodeEnvelope(body, &b); err != nil {
		return nil, malformed(err)
	}
	group, version, err := tableName(table)
	if err != nil {
		return nil, err
	}
	id, err := operationID(b.OperationID)
	if err != nil {
		return nil, err
	}
	var q engine.Query
	var v engine.Vectors
	if err := d.engine.OpenGroup(&q, x.Principal, db, group, version); err != nil {
		return nil, noTable(err)
	}
	filtered, err := readFilters(b.Filters, &q)
	if err != nil {
		return nil, err
	}
	columns, err := readColumns(b.ReadColumns, &q)
	if err != nil {
		return nil, err
	}
	if len(q.Plan().Groups) == 0 {
		return nil, fail.Errorf(fail.NotFound, "Group %s keeps no rows that can be read by key.", group)
	}
	if err := checkFilters(filtered, q.Plan()); err != nil {
		return nil, err
	}
	if err := d.engine.Read(x.Ctx, &q, &v); err != nil {
		return nil, err
	}
	if err := v.Err(0); err != nil {
		return nil, err
	}
	if v.Found(0, 0) == engine.NoRow {
		return nil, fail.Errorf(fail.NotFound, "No such row.")
	}
	return appendRow(dst, id, &v, columns), nil
}

func appendRow(dst []byte, id codec.Raw, v *engine.Vectors, columns []int) []byte {
	dst = append(appendID(dst, id), '{')
	for n, i := range columns {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = codec.AppendQuoted(dst, []byte(v.Plan().Features[i].Name))
		dst = append(dst, ':')
		cell, _ := v.Cell(0, i)
		dst = append(dst, cell...)
	}
	return append(dst, "}}"...)
}

// appendID begins the answer of one raw read, up to its data.
func appendID(dst []byte, id codec.Raw) []byte {
	dst = append(dst, '{')
	if id != nil {
		dst = append(dst, `"operationId":`...)
		dst = append(dst, id...)
		dst = append(dst, ',')
	}
	return append(dst, `"data":`...)
}

// noTable words that a store or group does not exist the way users of raw reads know it.
func noTable(err error) error {
	e := *fail.AsError(err)
	if e.Code == fail.NoStore || e.Code == fail.NoGroup {
		e.Text = "Database/Table does not exist. " + e.Text
	}
	return &e
}

// tableName splits name_version at its last underscore.
func tableName(table []byte) (name []byte, version int, err error) {
	at := bytes.LastIndexByte(table, '_')
	if at > 0 {
		if v, err := strconv.ParseUint(string(table[at+1:]), 10, 31); err == nil && v > 0 {
			return table[:at], int(v), nil
		}
	}
	return nil, 0, &fail.Error{Code: fail.NoGroup, Name: string(table), Text: "Database/Table does not exist."}
}

func operationID(raw codec.Raw) (codec.Raw, error) {
	if isNull(raw) {
		return nil, nil
	}
	text, err := codec.AppendUnquoted(nil, raw)
	if err != nil || utf8.RuneCount(text) > maxOperationID {
		return nil, tagError("OperationID", fmt.Sprintf("a string of at most %d characters", maxOperationID))
	}
	return raw, nil
}

// readFilters gives the query its one entry from [{"column","value"}…] and returns the
// columns.
func readFilters(raw codec.Raw, q *engine.Query) (columns []string, err error) {
	if isNull(raw) {
		return nil, tagError("Filters", "required")
	}
	q.NewEntry()
	seen := map[string]bool{}
	err = eachObject(raw, "Filters", func(s *codec.Scanner) error {
		var column, value []byte
		for {
			name, ok := s.NextField()
			if !ok {
				break
			}
			token, kind := s.Value()
			switch {
			case string(name) == "column" && kind == codec.JSONString:
				column = token
			case string(name) == "value" && kind != codec.JSONNull:
				value = token
			}
		}
		name, err := columnName(column)
		if err != nil {
			return err
		}
		if value == nil {
			return tagError("Value", "required")
		}
		if seen[name] {
			return tagError("Filters", "unique")
		}
		seen[name] = true
		columns = append(columns, name)
		q.Key([]byte(name), value)
		return nil
	})
	if err == nil && len(columns) == 0 {
		err = tagError("Filters", "min")
	}
	q.EndEntry()
	return columns, err
}

// checkFilters wants each column of the key once, as the storage of this API words it.
func checkFilters(columns []string, p *plan.Plan) error {
	if len(columns) != len(p.Slots) {
		return fail.Errorf(fail.BadKeyName, "Wrong number of primary-key columns. Expecting: %d Got: %d", len(p.Slots), len(columns))
	}
	for _, name := range columns {
		if len(p.Positions([]byte(name))) == 0 {
			return noColumn(name)
		}
		if _, ok := p.Slot([]byte(name), 0); !ok {
			return &fail.Error{Code: fail.BadKeyName, Name: name, Text: "Wrong primary-key column. Column: " + name}
		}
	}
	return nil
}

func noColumn(name string) error {
	return &fail.Error{Code: fail.BadKeyName, Name: name, Text: "Column does not exist. Column: " + name}
}

// readColumns returns the positions of [{"column","dataReturnType"}…], all when absent.
func readColumns(raw codec.Raw, q *engine.Query) ([]int, error) {
	features := q.Plan().Features
	if isNull(raw) {
		all := make([]int, len(features))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var out []int
	seen := map[string]bool{}
	err := eachObject(raw, "ReadColumns", func(s *codec.Scanner) error {
		var column []byte
		for {
			name, ok := s.NextField()
			if !ok {
				break
			}
			token, kind := s.Value()
			switch string(name) {
			case "column":
				if kind == codec.JSONString {
					column = token
				}
			case "dataReturnType":
				if string(token) != `"default"` && kind != codec.JSONNull {
					return tagError("DataReturnType", "oneof=default")
				}
			}
		}
		name, err := columnName(column)
		if err != nil {
			return err
		}
		if seen[name] {
			return tagError("ReadColumns", "unique")
		}
		seen[name] = true
		positions := q.Plan().Positions([]byte(name))
		if len(positions) == 0 {
			return noColumn(name)
		}
		out = append(out, int(positions[0]))
		return nil
	})
	if err == nil && len(out) == 0 {
		err = tagError("ReadColumns", "min")
	}
	return out, err
}

// eachObject calls f inside each object of an array.
func eachObject(raw codec.Raw, field string, f func(s *codec.Scanner) error) error {
	s := codec.NewScanner(raw)
	if s.Peek() != codec.JSONArray {
		return tagError(field, "required")
	}
	s.Array()
	for n := 0; s.NextElement(); n++ {
		if n == maxFilters {
			return tagError(field, "max")
		}
		if s.Peek() != codec.JSONObject {
			return tagError(field, "required")
		}
		s.Object()
		if err := f(&s); err != nil {
			return err
		}
	}
	return ended(&s)
}

func columnName(token []byte) (string, error) {
	if token == nil {
		return "", tagError("Column", "required")
	}
	name, err := codec.AppendUnquoted(nil, token)
	if err != nil {
		return "", malformed(err)
	}
	switch {
	case len(name) == 0:
		return "", tagError("Column", "min")
	case utf8.RuneCount(name) > maxName:
		return "", tagError("Column", "max")
	}
	return string(name), nil
}

// tagError words a failed check the way users of this API know it.
func tagError(field, tag string) error {
	return &fail.Error{Code: fail.Malformed, Name: field, Text: "Error:Field validation for '" + field + "' failed on the '" + tag + "' tag"}
}

// rawBatch is the body of the raw batch.
type rawBatch struct {
	Operations codec.Raw `json:"operations"`
}

type rawOperation struct {
	Method      codec.Raw `json:"method"`
	RelativeURL codec.Raw `json:"relative-url"`
	Body        codec.Raw `json:"body"`
}

// rawBatch answers many raw reads. A row that does not exist is code 404 inside the
// answer; anything malformed, or a store the caller may not read, fails the whole.
func (d *dialect) rawBatch(x *wire.Exchange) {
	out, err := d.readOperations(x)
	if err != nil {
		writeError(x, err)
		return
	}
	x.Out = out
}

func (d *dialect) readOperations(x *wire.Exchange) ([]byte, error) {
	var b rawBatch
	if err := codec.DecodeEnvelope(x.Body, &b); err != nil {
		return nil, malformed(err)
	}
	if isNull(b.Operations) {
		return nil, tagError("Operations", "required")
	}
	s := codec.NewScanner(b.Operations)
	if s.Peek() != codec.JSONArray {
		return nil, tagError("Operations", "required")
	}
	s.Array()
	out := append(x.Out, `{"result":[`...)
	n := 0
	for ; s.NextElement(); n++ {
		if n == d.MaxOperations {
			return nil, fail.Errorf(fail.TooLarge, "Request too large: more than %d operations.", d.MaxOperations)
		}
		if n > 0 {
			out = append(out, ',')
		}
		raw, _ := s.Value()
		var err error
		if out, err = d.readOperation(x, raw, out); err != nil {
			return nil, err
		}
	}
	if err := ended(&s); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, tagError("Operations", "min")
	}
	return append(out, "]}"...), nil
}

func (d *dialect) readOperation(x *wire.Exchange, raw, out []byte) ([]byte, error) {
	var op rawOperation
	if err := codec.DecodeEnvelope(raw, &op); err != nil {
		return nil, malformed(err)
	}
	if string(op.Method) != `"POST"` {
		return nil, tagError("Method", "oneof=POST")
	}
	url, err := codec.AppendUnquoted(nil, op.RelativeURL)
	if err != nil || isNull(op.RelativeURL) {
		return nil, tagError("RelativeURL", "required")
	}
	parts := strings.Split(strings.Trim(string(url), "/"), "/")
	if len(parts) != 3 || parts[2] != "pk-read" {
		return nil, tagError("RelativeURL", "db/table/pk-read")
	}
	if isNull(op.Body) {
		return nil, tagError("Body", "required")
	}
	start := len(out)
	out = append(out, `{"code":200,"message":"","body":`...)
	with, err := d.readRow(x, []byte(parts[0]), []byte(parts[1]), op.Body, out)
	if err == nil {
		return append(with, '}'), nil
	}
	e := fail.AsError(err)
	if e.Code != fail.NotFound {
		return nil, err
	}
	out = append(out[:start], `{"code":404,"message":`...)
	out = codec.AppendQuoted(out, []byte(e.Text))
	var b readBody // once more, for the operation that is answered
	if err := codec.DecodeEnvelope(op.Body, &b); err != nil {
		return nil, malformed(err)
	}
	id, err := operationID(b.OperationID)
	if err != nil {
		return nil, err
	}
	return append(appendID(append(out, `,"body":`...), id), "null}}"...), nil
}
