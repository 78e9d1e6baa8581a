package avro

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
)

// sample is a random schema with a random value of it: as package hamba/avro takes it,
// and as JSON should show it.
type sample struct {
	schema any
	union  string // the name of the branch that holds the value
	native any
	want   any
}

type sampler struct {
	*rand.Rand
	records int
}

func (r *sampler) scalar() sample {
	switch r.IntN(12) {
	case 0:
		v := r.IntN(2) == 0
		return sample{"boolean", "boolean", v, v}
	case 1:
		v := int(int32(r.Uint32()))
		return sample{"int", "int", v, json.Number(strconv.Itoa(v))}
	case 2:
		v := int64(r.Uint64()) >> r.IntN(64)
		return sample{"long", "long", v, json.Number(strconv.FormatInt(v, 10))}
	case 3:
		v := float32(r.NormFloat64())
		return sample{"float", "float", v, json.Number(strconv.FormatFloat(float64(v), 'g', -1, 32))}
	case 4:
		v := r.NormFloat64() * 1e10
		return sample{"double", "double", v, json.Number(strconv.FormatFloat(v, 'g', -1, 64))}
	case 5:
		v := r.text()
		return sample{"string", "string", v, v}
	case 6:
		v := []byte(r.text())
		return sample{"bytes", "bytes", v, base64.StdEncoding.EncodeToString(v)}
	case 7:
		v := time.Unix(int64(r.IntN(100000)-50000)*86400, 0).UTC()
		return sample{map[string]any{"type": "int", "logicalType": "date"}, "int.date", v, v.Format(time.RFC3339Nano)}
	case 8:
		v := time.UnixMicro(r.Int64N(4e15) - 2e15).UTC()
		return sample{map[string]any{"type": "long", "logicalType": "timestamp-micros"}, "long.timestamp-micros", v, v.Format(time.RFC3339Nano)}
	case 9:
		v := time.UnixMilli(r.Int64N(4e12) - 2e12).UTC()
		return sample{map[string]any{"type": "long", "logicalType": "timestamp-millis"}, "long.timestamp-millis", v, v.Format(time.RFC3339Nano)}
	case 10:
		v := time.Duration(r.Int64N(86400e6)) * time.Microsecond
		return sample{map[string]any{"type": "long", "logicalType": "time-micros"}, "long.time-micros", v, json.Number(strconv.FormatInt(int64(v), 10))}
	}
	v := big.NewRat(r.Int64N(2e9)-1e9, 1000)
	return sample{map[string]any{"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}, "bytes.decimal", v, json.Number(v.FloatString(3))}
}

func (r *sampler) text() string {
	alphabet := []rune("ab\"\\\n\x00é\u2028😀<")
	text := make([]rune, r.IntN(5))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}

// value makes a value of some schema. An array holds one value again and again.
func (r *sampler) value(depth int) sample {
	if depth == 0 {
		return r.scalar()
	}
	switch r.IntN(5) {
	case 0:
		item := r.value(depth - 1)
		native, want := []any{}, []any{}
		for range r.IntN(4) {
			native, want = append(native, item.native), append(want, item.want)
		}
		return sample{map[string]any{"type": "array", "items": item.schema}, "array", native, want}
	case 1:
		item := r.value(depth - 1)
		native, want := map[string]any{}, map[string]any{}
		for range r.IntN(4) {
			key := r.text()
			native[key], want[key] = item.native, item.want
		}
		return sample{map[string]any{"type": "map", "values": item.schema}, "map", native, want}
	case 2:
		r.records++
		name := fmt.Sprintf("r%d", r.records)
		var fields []any
		native, want := map[string]any{}, map[string]any{}
		for i := range r.IntN(4) {
			item := r.value(depth - 1)
			field := fmt.Sprintf("f%d", i)
			fields = append(fields, map[string]any{"name": field, "type": item.schema})
			native[field], want[field] = item.native, item.want
		}
		if fields == nil {
			fields = []any{}
		}
		return sample{map[string]any{"type": "record", "name": name, "fields": fields}, name, native, want}
	case 3:
		item := r.scalar()
		s := sample{[]any{"null", item.schema}, "", nil, nil}
		if r.IntN(3) > 0 {
			s.native, s.want = map[string]any{item.union: item.native}, item.want
		}
		return s
	}
	return r.scalar()
}

// Package hamba/avro writes; we read.
func TestAgainstReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("QUIVER_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d (repeat with QUIVER_SEED=%d)", seed, seed)
	r := &sampler{Rand: rand.New(rand.NewPCG(seed, 1))}
	for range 3000 {
		s := r.value(r.IntN(5))
		text, err := json.Marshal(s.schema)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := avro.ParseWithCache(string(text), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		b, err := avro.Marshal(schema, s.native)
		if err != nil {
			t.Fatalf("%s: %v: %v", text, s.native, err)
		}
		got, err := mustNew(t, string(text), "").AppendJSON(nil, b)
		if err != nil {
			t.Fatalf("%s: %x: %v", text, b, err)
		}
		d := json.NewDecoder(bytes.NewReader(got))
		d.UseNumber()
		var back any
		if err := d.Decode(&back); err != nil || !reflect.DeepEqual(back, s.want) {
			t.Fatalf("%s: %x is %s, %v\nwant %v", text, b, got, err, s.want)
		}
	}
}
