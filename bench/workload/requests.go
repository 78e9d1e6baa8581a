package workload

import (
	"fmt"
	"strconv"

	"quiver/bench"
	"quiver/codec"
)

// Options describe requests for feature vectors.
type Options struct {
	Host    string // of the Host header
	APIKey  string // "" sends none
	Store   string
	View    string
	Version int    // 1 or more
	Batch   int    // entries of one request; 0 asks for single vectors
	Keys    *Keys  // what to ask for
	Order   *Order // in which order, over at most Keys.Len() keys, and a range's misses
	// Detailed asks for the status of every group, as the Python client does.
	Detailed bool
	// Path overrides the path of the request line, to ask a server that is not a
	// feature server for something of the same size.
	Path string

	// Table makes Check compare answers with the rows of that table, whose keys
	// must be a range from 0. Without it Check parses answers.
	Table *Table
	// Missing lets Check accept vectors with status MISSING, which it does for
	// keys that Table does not have in any case.
	Missing bool
}

// Requests is a bench.Source of requests for feature vectors.
type Requests struct {
	o        Options
	batch    uint64
	head     []byte // up to the Content-Length line
	bodyHead []byte // up to the entries
	bodyTail []byte
}

// maxBatch bounds the entries of one request.
const maxBatch = 10_000

// NewRequests prepares the requests.
func NewRequests(o Options) (*Requests, error) {
	switch {
	case o.Store == "" || o.View == "" || o.Version < 1:
		return nil, fmt.Errorf("requests need a store, a view and its version")
	case o.Keys == nil || o.Order == nil:
		return nil, fmt.Errorf("requests need keys and an order")
	case o.Batch < 0 || o.Batch > maxBatch:
		return nil, fmt.Errorf("a batch of %d is not between 1 and %d", o.Batch, maxBatch)
	case o.Order.of > o.Keys.Len():
		return nil, fmt.Errorf("the order is over %d keys, but there are %d", o.Order.of, o.Keys.Len())
	case o.Order.misses && o.Keys.List():
		return nil, fmt.Errorf("a list of keys has no keys that miss")
	}
	r := &Requests{o: o, batch: uint64(max(o.Batch, 1))}
	path := "/0.1.0/feature_store"
	if o.Batch > 0 {
		path = "/0.1.0/batch_feature_store"
	}
	if o.Path != "" {
		path = o.Path
	}
	extra := ""
	if o.APIKey != "" {
		extra = "X-API-KEY: " + o.APIKey + "\r\n"
	}
	r.head = bench.AppendPostHead(nil, o.Host, path, extra)

	b := append(r.bodyHead, `{"featureStoreName":`...)
	b = codec.AppendQuoted(b, []byte(o.Store))
	b = append(b, `,"featureViewName":`...)
	b = codec.AppendQuoted(b, []byte(o.View))
	b = append(b, `,"featureViewVersion":`...)
	b = strconv.AppendInt(b, int64(o.Version), 10)
	if o.Detailed {
		b = append(b, `,"options":{"validatePassedFeatures":false,"includeDetailedStatus":true}`...)
	}
	b = append(b, `,"entries":`...)
	tail := "}"
	if o.Batch > 0 {
		b, tail = append(b, '['), "]}"
	}
	r.bodyHead, r.bodyTail = b, []byte(tail)
	return r, nil
}

// Append appends request i.
func (r *Requests) Append(dst []byte, i uint64) []byte {
	first := i * r.batch
	size := len(r.bodyHead) + len(r.bodyTail) + int(r.batch) - 1 // with commas
	for k := range r.batch {
		size += r.o.Keys.size(r.o.Order.At(first + k))
	}
	dst = append(dst, r.head...)
	dst = bench.AppendLength(dst, size)
	return r.AppendBody(dst, i)
}

// AppendBody appends the body of request i alone.
func (r *Requests) AppendBody(dst []byte, i uint64) []byte {
	dst = append(dst, r.bodyHead...)
	for k := range r.batch {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = r.o.Keys.Append(dst, r.o.Order.At(i*r.batch+k))
	}
	return append(dst, r.bodyTail...)
}

// Check says what is wrong with the answer to request i.
func (r *Requests) Check(i uint64, body []byte) error {
	if r.o.Table != nil {
		return bench.Compare(body, r.Answer(i))
	}
	return r.parse(body)
}

// Answer returns the answer to request i of a correct server; Options.Table must be
// set and Detailed not.
func (r *Requests) Answer(i uint64) []byte {
	t := r.o.Table
	out := []byte(`{"features":`)
	if r.o.Batch > 0 {
		out = append(out, '[')
	}
	for k := range r.batch {
		if k > 0 {
			out = append(out, ',')
		}
		out = t.AppendVector(out, r.o.Order.At(i*r.batch+k))
	}
	if r.o.Batch > 0 {
		out = append(out, ']')
	}
	out = append(out, `,"metadata":null,"status":`...)
	if r.o.Batch > 0 {
		out = append(out, '[')
	}
	for k := range r.batch {
		if k > 0 {
			out = append(out, ',')
		}
		if r.o.Order.At(i*r.batch+k) < t.Rows {
			out = append(out, `"COMPLETE"`...)
		} else {
			out = append(out, `"MISSING"`...)
		}
	}
	if r.o.Batch > 0 {
		out = append(out, ']')
	}
	return append(out, `,"detailedStatus":null}`...)
}

// parse checks that an answer has as many vectors and statuses as were asked for, and
// that these are good.
func (r *Requests) parse(body []byte) error {
	s := codec.NewScanner(body)
	vectors, statuses := -1, -1
	s.Object()
	for {
		name, ok := s.NextField()
		if !ok {
			break
		}
		switch string(name) {
		case "features":
			vectors = r.each(&s, func() { s.Value() })
		case "status":
			statuses = 0
			r.each(&s, func() {
				raw, _ := s.Value()
				if string(raw) == `"COMPLETE"` || r.o.Missing && string(raw) == `"MISSING"` {
					statuses++
				}
			})
		default:
			s.Value()
		}
	}
	if err := s.End(); err != nil {
		return fmt.Errorf("the answer is not JSON: %w: %.200q", err, body)
	}
	if uint64(vectors) != r.batch || uint64(statuses) != r.batch {
		return fmt.Errorf("the answer has %d vectors and %d good statuses, want %d of each: %.200q", max(vectors, 0), max(statuses, 0), r.batch, body)
	}
	return nil
}

// each calls f for every element of a batch's array, or once for a single's value, and
// returns how often.
func (r *Requests) each(s *codec.Scanner, f func()) (n int) {
	if r.o.Batch == 0 {
		f()
		return 1
	}
	if s.Peek() != codec.JSONArray {
		s.Value()
		return 0
	}
	s.Array()
	for ; s.NextElement(); n++ {
		f()
	}
	return n
}
