package hopsworks

import (
	"bytes"
	"strconv"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/fail"
	"quiver/engine/plan"
)

// request is everything one vector request needs, pooled.
type request struct {
	envelope
	names    []byte // unquoted store and view names
	metadata int    // index into Plan.Metadata; -1 when not asked for
	validate bool
	detailed bool
	counted  int // entries that begin read into the query already; -1 when they were not
	query    engine.Query
	vectors  engine.Vectors
}

func (d *dialect) get() *request { return d.requests.Get().(*request) }

func (d *dialect) put(r *request) {
	r.query.Reset()
	r.vectors.Reset()
	r.envelope = envelope{}
	r.names = r.names[:0]
	d.requests.Put(r)
}

// name returns the bytes of a required, non-empty JSON string.
func (r *request) name(raw codec.Raw, field string) ([]byte, error) {
	if len(raw) < 3 || raw[0] != '"' {
		return nil, fieldError(field)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	start := len(r.names)
	var err error
	if r.names, err = codec.AppendUnquoted(r.names, raw); err != nil {
		return nil, malformed(err)
	}
	return r.names[start:], nil
}

// versionOf returns a required unsigned version. 0 names no version here (inside the
// engine it means the newest), so it becomes one that cannot exist.
func versionOf(raw codec.Raw) (int, error) {
	v, err := strconv.ParseUint(string(raw), 10, 63)
	if err != nil {
		return 0, fieldError("featureViewVersion")
	}
	if v == 0 {
		return noVersion, nil
	}
	return int(v), nil
}

const noVersion = -1

func isNull(raw codec.Raw) bool { return len(raw) == 0 || raw[0] == 'n' }

// readOptions reads options and metadataOptions. Unknown names are refused in both
// requests: a misspelt option that is silently ignored costs its user a day.
func (r *request) readOptions() error {
	r.metadata, r.validate, r.detailed = -1, true, false
	err := eachOption(r.Options, "options", func(name []byte, o option) bool {
		switch string(name) {
		case "validatePassedFeatures":
			r.validate = o.or(r.validate)
		case "includeDetailedStatus":
			r.detailed = o.or(r.detailed)
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	return eachOption(r.MetadataOptions, "metadataOptions", func(name []byte, o option) bool {
		bit := 0
		switch string(name) {
		case "featureName":
			bit = plan.MetaNames
		case "featureType":
			bit = plan.MetaTypes
		default:
			return false
		}
		if o == absent {
			return true
		}
		r.metadata = max(r.metadata, 0)
		if o == on {
			r.metadata |= bit
		} else {
			r.metadata &^= bit
		}
		return true
	})
}

// option is the value of an option: the first byte of true, false or null.
type option byte

const (
	on     option = 't'
	absent option = 'n'
)

// or returns what the option says, or is when it is absent.
func (o option) or(is bool) bool {
	if o == absent {
		return is
	}
	return o == on
}

// eachOption calls f for the members of an object of options, which are true or false;
// null counts as absent, but its name must be known all the same.
func eachOption(raw codec.Raw, field string, f func(name []byte, o option) bool) error {
	if isNull(raw) {
		return nil
	}
	s := codec.NewScanner(raw)
	if s.Peek() != codec.JSONObject {
		return fieldError(field)
	}
	s.Object()
	for {
		name, ok := s.NextField()
		if !ok {
			break
		}
		value, kind := s.Value()
		switch kind {
		case codec.JSONNull, codec.JSONBool:
			if !f(name, option(value[0])) {
				return fieldError(field + "." + string(name))
			}
		default:
			return scanError(&s, field+"."+string(name))
		}
	}
	if err := s.End(); err != nil {
		return malformed(err)
	}
	return nil
}

// readEntry scans one object of serving keys. With a nil query it only checks.
func readEntry(s *codec.Scanner, q *engine.Query) error {
	if s.Peek() != codec.JSONObject {
		return scanError(s, "entries")
	}
	s.Object()
	if q != nil {
		q.NewEntry()
	}
	for {
		name, value, kind := s.NextMember()
		if kind == codec.JSONInvalid {
			break
		}
		if kind == codec.JSONNull {
			return scanError(s, "entries")
		}
		if q != nil {
			q.Key(name, value)
		}
	}
	if q != nil {
		q.EndEntry()
	}
	return nil
}

// readPassed scans one object (or null) of passed features for entry i.
func readPassed(s *codec.Scanner, q *engine.Query, i int) error {
	if s.Peek() == codec.JSONNull {
		s.Value()
		return nil
	}
	if s.Peek() != codec.JSONObject {
		return scanError(s, "passedFeatures")
	}
	s.Object()
	for {
		name, ok := s.NextField()
		if !ok {
			return nil
		}
		value, kind := s.Value()
		if kind == codec.JSONNull {
			return scanError(s, "passedFeatures")
		}
		if q != nil {
			q.Pass(i, name, value, kind)
		}
	}
}

// readSingle scans the entry and the passed features of a single request.
func (r *request) readSingle(q *engine.Query) error {
	if r.counted < 0 {
		s := codec.NewScanner(r.Entries)
		if err := readEntry(&s, q); err != nil {
			return err
		}
		if err := s.End(); err != nil {
			return malformed(err)
		}
	}
	if isNull(r.PassedFeatures) {
		return nil
	}
	s := codec.NewScanner(r.PassedFeatures)
	if err := readPassed(&s, q, 0); err != nil {
		return err
	}
	return ended(&s)
}

// readEntries scans the array of entries of a batch and returns their number.
func readEntries(s *codec.Scanner, q *engine.Query, maxEntries int) (entries int, err error) {
	if s.Peek() != codec.JSONArray {
		return 0, scanError(s, "entries")
	}
	s.Array()
	for s.NextElement() {
		if entries++; entries > maxEntries {
			return 0, fail.Errorf(fail.TooLarge, "Request too large: more than %d entries.", maxEntries)
		}
		if err := readEntry(s, q); err != nil {
			return 0, err
		}
	}
	return entries, nil
}

// readBatch scans the entries and the passed features of a batch request. The
// returned counts are of elements; passed is 0 when none were given.
func (r *request) readBatch(q *engine.Query, maxEntries int) (entries, passed int, err error) {
	if entries = r.counted; entries < 0 {
		s := codec.NewScanner(r.Entries)
		if entries, err = readEntries(&s, q, maxEntries); err != nil {
			return 0, 0, err
		}
		if err := s.End(); err != nil {
			return 0, 0, malformed(err)
		}
	}
	if isNull(r.PassedFeatures) {
		return entries, 0, nil
	}
	s := codec.NewScanner(r.PassedFeatures)
	if s.Peek() != codec.JSONArray {
		return 0, 0, scanError(&s, "passedFeatures")
	}
	s.Array()
	for s.NextElement() {
		into := q
		if passed >= entries {
			into = nil // the lengths differ; only check the rest
		}
		if err := readPassed(&s, into, passed); err != nil {
			return 0, 0, err
		}
		passed++
	}
	return entries, passed, ended(&s)
}

// checkOnly checks entries and passed features of a request whose view could not be
// opened.
func (d *dialect) checkOnly(r *request, batch bool) error {
	if batch {
		_, _, err := r.readBatch(nil, d.MaxEntries)
		return err
	}
	return r.readSingle(nil)
}

func ended(s *codec.Scanner) error {
	if err := s.End(); err != nil {
		return malformed(err)
	}
	return nil
}

// malformed is the contract's plain-text answer to a body that cannot be parsed.
func malformed(err error) error {
	return &fail.Error{Code: fail.Malformed, Text: "Error:" + err.Error()}
}

// fieldError is the contract's plain-text answer to a field that is absent, null or
// of the wrong kind.
func fieldError(field string) error {
	return &fail.Error{Code: fail.Malformed, Name: field, Text: "Error:Field validation for 'Body' failed " + field}
}

// scanError reports what stopped the scanner, or that the field is of the wrong kind
// when it was not a syntax error.
func scanError(s *codec.Scanner, field string) error {
	if err := s.Err(); err != nil {
		return malformed(err)
	}
	return fieldError(field)
}
