package dataiku

import (
	"bytes"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

// request is the body of a lookup or a prediction; context is logged by servers that keep a log of
// queries, and not used.
type request struct {
	items    [][]service.Field
	dispatch service.Dispatch

	explanations []byte // the token; nil: not given
}

// readRequest reads the body of a lookup or a prediction, one of many items with multi;
// key is what the values of a record stand under, "data" or "features". An empty body is
// {}: the official client sends none for an empty object. The content type is not
// looked at. What is no field of the API is left alone; of a name given twice the last
// counts.
func (d *dialect) readRequest(body []byte, key string, multi bool) (request, error) {
	var r request
	if !multi {
		r.items = [][]service.Field{nil}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return r, nil
	}
	s := codec.NewScanner(body)
	s.AllowNaN(true)
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, kind := s.Value()
		var err error
		switch {
		case kind == codec.JSONNull || s.Err() != nil:
		case string(name) == key && !multi:
			r.items[0], err = readFields(raw, key)
		case string(name) == "items" && multi:
			r.items, err = d.readItems(raw, key)
		case string(name) == "dispatch":
			r.dispatch, err = readDispatch(raw)
		case string(name) == "explanations":
			r.explanations = raw
		}
		if err != nil {
			return r, err
		}
	}
	return r, malformed(s.End())
}

// readItems reads the array of a multi request; an element without the key has no values.
func (d *dialect) readItems(raw []byte, key string) ([][]service.Field, error) {
	items := [][]service.Field{}
	s := codec.NewScanner(raw)
	s.AllowNaN(true)
	s.Array()
	for s.NextElement() {
		if len(items) == d.MaxItems {
			return nil, fail.Errorf(fail.TooLarge, "More than %d items in one request.", d.MaxItems)
		}
		var item []service.Field
		s.Object()
		for name, ok := s.NextField(); ok; name, ok = s.NextField() {
			value, kind := s.Value()
			if string(name) != key || kind == codec.JSONNull || s.Err() != nil {
				continue
			}
			var err error
			if item, err = readFields(value, key); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
	}
	return items, malformed(s.End())
}

// readFields reads an object of values.
func readFields(raw []byte, what string) ([]service.Field, error) {
	var all []service.Field
	s := codec.NewScanner(raw)
	s.AllowNaN(true)
	if s.Peek() != codec.JSONObject {
		return nil, fail.Errorf(fail.Malformed, "'%s' should be an object.", what)
	}
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		value, _ := s.Value()
		all = append(all, service.Field{Name: name, Token: value})
	}
	return all, malformed(s.End())
}

// readDispatch reads which generation is to answer. The official client sends it for
// predictions only; here lookups take it as well.
func readDispatch(raw []byte) (d service.Dispatch, err error) {
	fields, err := readFields(raw, "dispatch")
	if err != nil {
		return d, err
	}
	for _, f := range fields {
		text := f.Token
		switch {
		case string(f.Token) == "null":
			continue
		case f.Token[0] == '"':
			if text, err = codec.AppendUnquoted(nil, f.Token); err != nil {
				return d, malformed(err)
			}
		}
		switch string(f.Name) {
		case "forcedGeneration":
			d.Forced = string(text)
		case "dispatchKey":
			d.Key = text
		}
	}
	return d, nil
}

// readQuery reads the keys of a simple lookup: all values are texts.
func readQuery(x *wire.Exchange) []service.Field {
	var all []service.Field
	x.Queries(func(name, value []byte) {
		all = append(all, service.Field{Name: bytes.Clone(name), Token: codec.AppendQuoted(nil, value)})
	})
	return all
}

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return fail.Errorf(fail.Malformed, "The body is not valid JSON: %v.", err)
}
