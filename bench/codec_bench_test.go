package bench_test

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/bytedance/sonic"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
)

// benchmarkDecode turns a request's body into an engine query, as the dialect does,
// and beside it into maps, as is usual.
func benchmarkDecode(b *testing.B, name string) {
	s := shape(b, name)
	e := stack(b).Plain
	body := mustRequests(b, s).AppendBody(nil, 0)
	b.Run("quiver", func(b *testing.B) {
		var q engine.Query
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			q.Reset()
			if err := decode(e, body, &q); err != nil {
				b.Fatal(err)
			}
		}
		if q.Entries() != s.Vectors() {
			b.Fatalf("%d entries, want %d", q.Entries(), s.Vectors())
		}
	})
	maps := func(name string, unmarshal func([]byte, any) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var m map[string]any
				if err := unmarshal(body, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	maps("sonic-map", sonic.Unmarshal)
	maps("json-map", json.Unmarshal)
}

func decode(e *engine.Engine, body []byte, q *engine.Query) error {
	var store, view, version []byte
	s := codec.NewScanner(body)
	s.Object()
	for {
		name, ok := s.NextField()
		if !ok {
			return s.End()
		}
		switch string(name) {
		case "featureStoreName":
			store, _ = s.Value()
		case "featureViewName":
			view, _ = s.Value()
		case "featureViewVersion":
			version, _ = s.Value()
		case "entries":
			n, err := strconv.Atoi(string(version))
			if err != nil {
				return err
			}
			if err := e.Open(q, auth.All(), store[1:len(store)-1], view[1:len(view)-1], n); err != nil {
				return err
			}
			decodeEntries(&s, q)
		default:
			s.Value()
		}
	}
}

func decodeEntries(s *codec.Scanner, q *engine.Query) {
	if s.Peek() == codec.JSONObject {
		decodeEntry(s, q)
		return
	}
	s.Array()
	for s.NextElement() {
		decodeEntry(s, q)
	}
}

func decodeEntry(s *codec.Scanner, q *engine.Query) {
	s.Object()
	q.NewEntry()
	for name, value, kind := s.NextMember(); kind != codec.JSONInvalid; name, value, kind = s.NextMember() {
		q.Key(name, value)
	}
	q.EndEntry()
}

func BenchmarkDecodeSingle(b *testing.B)   { benchmarkDecode(b, "Single20") }
func BenchmarkDecodeBatch100(b *testing.B) { benchmarkDecode(b, "Batch100") }

// benchmarkEncode prints vectors that were read already, and beside it the same values
// from a slice of any, as is usual.
func benchmarkEncode(b *testing.B, name string) {
	s := shape(b, name)
	e := stack(b).Plain
	var q engine.Query
	var v engine.Vectors
	if err := decode(e, mustRequests(b, s).AppendBody(nil, 0), &q); err != nil {
		b.Fatal(err)
	}
	if err := e.Read(context.Background(), &q, &v); err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.Run("quiver", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = out[:0]
			for i := range v.Len() {
				out = v.AppendVector(out, i)
			}
		}
		b.SetBytes(int64(len(out)))
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(s.Vectors()), "ns/vector")
	})
	b.Run("sonic-any", func(b *testing.B) {
		vectors := make([][]any, v.Len())
		for i := range vectors {
			if err := sonic.Unmarshal(v.AppendVector(nil, i), &vectors[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			text, err := sonic.Marshal(vectors)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(s.Vectors()), "ns/vector")
	})
}

func BenchmarkEncodeSingle(b *testing.B)    { benchmarkEncode(b, "Single20") }
func BenchmarkEncodeSingle100(b *testing.B) { benchmarkEncode(b, "Single100") }
func BenchmarkEncodeJoin4(b *testing.B)     { benchmarkEncode(b, "SingleJoin4") }
func BenchmarkEncodeBatch100(b *testing.B)  { benchmarkEncode(b, "Batch100") }
