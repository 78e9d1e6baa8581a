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

// envelope is what the Hopsworks dialect decodes a request's top level into.
type envelope struct {
	FeatureStoreName   codec.Raw `json:"featureStoreName"`
	FeatureViewName    codec.Raw `json:"featureViewName"`
	FeatureViewVersion codec.Raw `json:"featureViewVersion"`
	Entries            codec.Raw `json:"entries"`
	PassedFeatures     codec.Raw `json:"passedFeatures"`
	MetadataOptions    codec.Raw `json:"metadataOptions"`
	Options            codec.Raw `json:"options"`
}

// benchmarkDecode turns a request's body into an engine query, as the dialect does,
// and beside it into maps, as is usual.
func benchmarkDecode(b *testing.B, name string) {
	s := shape(b, name)
	e := stack(b).Plain
	body := mustRequests(b, s).AppendBody(nil, 0)
	b.Run("quiver", func(b *testing.B) {
		if err := codec.Prepare(envelope{}); err != nil {
			b.Fatal(err)
		}
		var env envelope
		var q engine.Query
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			env = envelope{}
			q.Reset()
			if err := decode(e, body, &env, &q); err != nil {
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

func decode(e *engine.Engine, body []byte, env *envelope, q *engine.Query) error {
	if err := codec.DecodeEnvelope(body, env); err != nil {
		return err
	}
	version, err := strconv.Atoi(string(env.FeatureViewVersion))
	if err != nil {
		return err
	}
	unquote := func(raw []byte) []byte { return raw[1 : len(raw)-1] }
	if err := e.Open(q, auth.All(), unquote(env.FeatureStoreName), unquote(env.FeatureViewName), version); err != nil {
		return err
	}
	s := codec.NewScanner(env.Entries)
	if s.Peek() == codec.JSONObject {
		decodeEntry(&s, q)
		return s.End()
	}
	s.Array()
	for s.NextElement() {
		decodeEntry(&s, q)
	}
	return s.End()
}

func decodeEntry(s *codec.Scanner, q *engine.Query) {
	s.Object()
	q.NewEntry()
	for {
		name, ok := s.NextField()
		if !ok {
			break
		}
		value, _ := s.Value()
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
	var env envelope
	var q engine.Query
	var v engine.Vectors
	if err := decode(e, mustRequests(b, s).AppendBody(nil, 0), &env, &q); err != nil {
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
