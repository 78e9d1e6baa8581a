package dataiku

import (
	"bytes"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

// request is the body of a lookup or a prediction, pooled; context is logged by servers that keep a log of
// queries, and not used.
type request struct {
	records      service.Records
	dispatch     service.Dispatch
	explanations []byte // the token; nil: not given
}

// request takes a request from the pool; release gives it back.
func (d *dialect) request() *request {
	r, ok := d.requests.Get().(*request)
	if !ok {
		r = &request{}
	}
	return r
}

func (d *dialect) release(r *request) {
	r.records.Reset()
	r.dispatch, r.explanations = service.Dispatch{}, nil
	d.requests.Put(r)
}

// records reads the body of a call as read does, after it was decided who may call. nil
// says that the call was refused and is answered; release what else it returns.
func (d *dialect) records(x *wire.Exchange, key string, multi bool) *request {
	if err := d.services.May(x.Principal, x.Denied, string(x.Param("service"))); err != nil {
		d.fail(x, err)
		return nil
	}
	r := d.request()
	if err := r.read(x.Body, key, multi, d.MaxItems); err != nil {
		d.release(r)
		d.fail(x, err)
		return nil
	}
	return r
}

// read reads the body of a lookup or a prediction, one of many items with multi;
// key is what the values of a record stand under, "data" or "features". An empty body is
// {}: the official client sends none for an empty object. The content type is not
// looked at. What is no field of the API is left alone; of a name given twice the last
// counts.
func (r *request) read(body []byte, key string, multi bool, maxItems int) error {
	if !multi {
		r.records.Begin()
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	s := codec.NewScanner(body)
	s.AllowNaN(true)
	if err := object(&s, "body"); err != nil {
		return err
	}
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		var err error
		switch {
		case s.Peek() == codec.JSONNull:
			s.Value()
		case string(name) == key && !multi:
			r.records.Restart()
			err = r.readRecord(&s, key)
		case string(name) == "items" && multi:
			r.records.Reset()
			err = r.readItems(&s, key, maxItems)
		case string(name) == "dispatch":
			r.dispatch, err = readDispatch(&s)
		case string(name) == "explanations":
			r.explanations, _ = s.Value()
		default:
			s.Value()
		}
		if err != nil {
			return err
		}
	}
	return malformed(s.End())
}

// readItems reads the array of a multi request; an element without the key has no values,
// nor has null.
func (r *request) readItems(s *codec.Scanner, key string, maxItems int) error {
	if kind := s.Peek(); kind != codec.JSONArray && kind != codec.JSONInvalid {
		return fail.Errorf(fail.Malformed, "'items' should be an array.")
	}
	s.Array()
	for s.NextElement() {
		if r.records.Len() == maxItems {
			return fail.Errorf(fail.TooLarge, "More than %d items in one request.", maxItems)
		}
		r.records.Begin()
		switch s.Peek() {
		case codec.JSONNull:
			s.Value()
			continue
		case codec.JSONObject, codec.JSONInvalid:
			s.Object()
		default:
			return fail.Errorf(fail.Malformed, "'items[%d]' should be an object.", r.records.Len()-1)
		}
		for name, ok := s.NextField(); ok; name, ok = s.NextField() {
			if string(name) != key || s.Peek() == codec.JSONNull {
				s.Value()
				continue
			}
			r.records.Restart()
			if err := r.readRecord(s, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRecord reads the object of a record's values.
func (r *request) readRecord(s *codec.Scanner, what string) error {
	if err := object(s, what); err != nil {
		return err
	}
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		value, _ := s.Value()
		r.records.Add(name, value)
	}
	return nil
}

// object begins an object; what cannot be one at all is s's own error.
func object(s *codec.Scanner, what string) error {
	if kind := s.Peek(); kind != codec.JSONObject && kind != codec.JSONInvalid {
		return fail.Errorf(fail.Malformed, "'%s' should be an object.", what)
	}
	s.Object()
	return nil
}

// readDispatch reads which generation is to answer. The official client sends it for
// predictions only; here lookups take it as well.
func readDispatch(s *codec.Scanner) (d service.Dispatch, err error) {
	if err := object(s, "dispatch"); err != nil {
		return d, err
	}
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		text, kind := s.Value()
		known := string(name) == "forcedGeneration" || string(name) == "dispatchKey"
		switch {
		case kind == codec.JSONNull || kind == codec.JSONInvalid || !known:
			continue
		case kind == codec.JSONString:
			if text, err = codec.AppendUnquoted(nil, text); err != nil {
				return d, malformed(err)
			}
		case kind != codec.JSONNumber:
			return d, fail.Errorf(fail.Malformed, "'%s' should be a text.", name)
		}
		if string(name) == "dispatchKey" {
			d.Key = text
		} else {
			d.Forced = string(text)
		}
	}
	return d, nil
}

// readQuery reads the keys of a simple lookup: all values are texts.
func (r *request) readQuery(x *wire.Exchange) {
	r.records.Begin()
	x.Queries(func(name, value []byte) {
		r.records.Add(bytes.Clone(name), codec.AppendQuoted(nil, value))
	})
}

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return fail.Errorf(fail.Malformed, "The body is not valid JSON: %v.", err)
}
