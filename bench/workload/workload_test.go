package workload_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"quiver/bench"
	"quiver/bench/workload"
	"quiver/engine/enginetest"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
)

func mustKeys(t *testing.T, first, last int64) *workload.Keys {
	t.Helper()
	k, err := workload.Range(workload.Key, first, last)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustOrder(t *testing.T, d workload.Distribution, n uint32, misses float64) *workload.Order {
	t.Helper()
	o, err := workload.NewOrder(d, n, misses, 7)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustRequests(t *testing.T, o workload.Options) *workload.Requests {
	t.Helper()
	r, err := workload.NewRequests(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The product's answers are what the workload says they are, byte for byte, for every
// shape of table and request.
func TestAnswers(t *testing.T) {
	f := func(table *workload.Table, batch int, d workload.Distribution, misses float64) {
		t.Helper()
		e := enginetest.New(t)
		if err := workload.Apply(e, []*workload.Table{table}); err != nil {
			t.Fatal(err)
		}
		if err := table.Load(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		dialect, err := hopsworks.New(e, hopsworks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := workload.Options{
			Store: workload.Store, View: table.View, Version: 1, Batch: batch, Table: table,
			Keys: mustKeys(t, 0, int64(table.Rows)-1), Order: mustOrder(t, d, table.Rows, misses),
		}
		r := mustRequests(t, o)
		o.Table, o.Missing = nil, misses > 0
		parsed := mustRequests(t, o)
		target := "/0.1.0/feature_store"
		if batch > 0 {
			target = "/0.1.0/batch_feature_store"
		}
		for i := range uint64(50) {
			got := fronttest.Call(t, dialect, fronttest.Request{Target: target, Body: string(r.AppendBody(nil, i))})
			if got.Status != 200 {
				t.Fatalf("request %d: status %d: %s", i, got.Status, got.Body)
			}
			if err := r.Check(i, []byte(got.Body)); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if err := parsed.Check(i, []byte(got.Body)); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			// A wrong value does not pass.
			wrong := []byte(got.Body)
			wrong[bytes.IndexByte(wrong, ',')-1] ^= 1
			if err := r.Check(i, wrong); err == nil {
				t.Fatalf("request %d: a changed answer passes", i)
			}
		}
	}
	f(&workload.Table{View: "one20", Features: 20, Groups: 1, Rows: 1000, Seed: 1}, 0, workload.Uniform, 0)
	f(&workload.Table{View: "one100", Features: 100, Groups: 1, Rows: 300, Seed: 2}, 0, workload.Zipf, 0)
	f(&workload.Table{View: "join", Features: 20, Groups: 4, Rows: 300, Seed: 3}, 0, workload.Uniform, 0.3)
	f(&workload.Table{View: "one20", Features: 20, Groups: 1, Rows: 300, Seed: 4}, 10, workload.Sequential, 0.5)
	f(&workload.Table{View: "join", Features: 20, Groups: 4, Rows: 300, Seed: 5}, 100, workload.Zipf, 0)
}

// The Content-Length of a request is that of its body, whatever the digits of its keys.
func TestRequestsAreWhole(t *testing.T) {
	f := func(k *workload.Keys, batch int) {
		t.Helper()
		r := mustRequests(t, workload.Options{
			Host: "h:1", APIKey: "secret", Store: "s", View: "v", Version: 3, Batch: batch, Keys: k,
			Order: mustOrder(t, workload.Uniform, k.Len(), 0),
		})
		for i := range uint64(100) {
			prefix := []byte("prefix")
			whole := r.Append(prefix, i)
			if !bytes.HasPrefix(whole, prefix) {
				t.Fatal("Append does not append")
			}
			body := r.AppendBody(nil, i)
			want := bench.AppendPost(nil, "h:1", map[bool]string{false: "/0.1.0/feature_store", true: "/0.1.0/batch_feature_store"}[batch > 0], "X-API-KEY: secret\r\n", body)
			if string(whole[len(prefix):]) != string(want) {
				t.Fatalf("request %d is\n%s\nwant\n%s", i, whole[len(prefix):], want)
			}
		}
	}
	f(mustKeys(t, 0, 100_000), 0)
	f(mustKeys(t, -1050, 1050), 7)
	list, err := workload.ReadCSV(strings.NewReader("id,name\n1,a\n22,\"x\"\"y\"\n0333,c\n"))
	if err != nil {
		t.Fatal(err)
	}
	f(list, 0)
	f(list, 2)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	r := mustRequests(t, workload.Options{
		Store: "s", View: "v", Version: 1, Batch: 100, Keys: mustKeys(t, 0, 999), Order: mustOrder(t, workload.Uniform, 1000, 0),
	})
	buf := r.Append(nil, 0)
	i := uint64(0)
	if n := testing.AllocsPerRun(100, func() { buf = r.Append(buf[:0], i); i++ }); n != 0 {
		t.Errorf("Append allocates %g times", n)
	}
}

func TestKeys(t *testing.T) {
	csv, err := workload.ReadCSV(strings.NewReader("id,name\n1,a\n0333,\"x\"\"y\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	jsonl, err := workload.ReadJSONL(strings.NewReader("{\"id\":1,\"name\":\"a\"}\n\n {\"id\":\"0333\",\"name\":\"x\\\"y\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":1,"name":"a"}`, `{"id":"0333","name":"x\"y"}`}
	for _, k := range []*workload.Keys{csv, jsonl} {
		if k.Len() != 2 || !k.List() {
			t.Fatalf("%d keys", k.Len())
		}
		for i, w := range want {
			if got := string(k.Append(nil, uint32(i))); got != w {
				t.Errorf("key %d is %s, want %s", i, got, w)
			}
		}
	}
	r, err := workload.ParseRange("id=5..7")
	if err != nil || r.Len() != 3 || string(r.Append(nil, 2)) != `{"id":7}` || string(r.Append(nil, 3)) != `{"id":8}` {
		t.Errorf("range: %v, %v", r, err)
	}
	bad := func(text string) {
		t.Helper()
		if _, err := workload.ParseRange(text); err == nil {
			t.Errorf("ParseRange(%q) is accepted", text)
		}
	}
	bad("id")
	bad("=1..2")
	bad("id=2..1")
	bad("id=1..x")
	bad("id=0..9000000000")
	for _, text := range []string{"", "[1]", "{", `{"id":1} x`} {
		if _, err := workload.ReadJSONL(strings.NewReader(text)); err == nil {
			t.Errorf("ReadJSONL(%q) is accepted", text)
		}
	}
	for _, text := range []string{"", "id\n", "id\n1,2\n"} {
		if _, err := workload.ReadCSV(strings.NewReader(text)); err == nil {
			t.Errorf("ReadCSV(%q) is accepted", text)
		}
	}
}

func TestOrders(t *testing.T) {
	f := func(d workload.Distribution, misses float64, check func(seen map[uint32]int, missed int) bool) {
		t.Helper()
		const n, draws = 1000, 64_000
		o, same := mustOrder(t, d, n, misses), mustOrder(t, d, n, misses)
		seen, missed := map[uint32]int{}, 0
		for i := range uint64(draws) {
			k := o.At(i)
			if k != same.At(i) {
				t.Fatalf("%s: the order is not a function of its seed", d)
			}
			if k >= 2*n {
				t.Fatalf("%s: key %d of %d", d, k, n)
			}
			if k >= n {
				missed++
				continue
			}
			seen[k]++
		}
		if !check(seen, missed) {
			t.Fatalf("%s with %g misses: %d keys seen, %d missed", d, misses, len(seen), missed)
		}
	}
	most := func(seen map[uint32]int) (m int) {
		for _, c := range seen {
			m = max(m, c)
		}
		return m
	}
	f(workload.Uniform, 0, func(seen map[uint32]int, missed int) bool {
		return len(seen) == 1000 && missed == 0 && most(seen) < 120
	})
	f(workload.Uniform, 0.2, func(_ map[uint32]int, missed int) bool { return missed > 12_000 && missed < 13_600 })
	f(workload.Zipf, 0, func(seen map[uint32]int, _ int) bool { return most(seen) > 6_000 && len(seen) > 300 })
	f(workload.Sequential, 0, func(seen map[uint32]int, _ int) bool { return len(seen) == 1000 && most(seen) == 64 })
	if _, err := workload.NewOrder("normal", 1, 0, 0); err == nil {
		t.Error("an unknown distribution is accepted")
	}
}

func TestCheckRejects(t *testing.T) {
	o := workload.Options{Store: "s", View: "v", Version: 1, Keys: mustKeys(t, 0, 9), Order: mustOrder(t, workload.Uniform, 10, 0)}
	f := func(batch int, missing bool, body string, good bool) {
		t.Helper()
		o.Batch, o.Missing = batch, missing
		if err := mustRequests(t, o).Check(0, []byte(body)); (err == nil) != good {
			t.Errorf("Check(%s) with batch %d = %v", body, batch, err)
		}
	}
	f(0, false, `{"features":[1],"metadata":null,"status":"COMPLETE"}`, true)
	f(0, false, `{"features":[1],"status":"MISSING"}`, false)
	f(0, true, `{"features":[1],"status":"MISSING"}`, true)
	f(0, true, `{"features":[1],"status":"ERROR"}`, false)
	f(0, false, `{"features":[1],"status":"COMPLETE"`, false)
	f(0, false, `{"status":"COMPLETE"}`, false)
	f(2, false, `{"features":[[1],[2]],"status":["COMPLETE","COMPLETE"]}`, true)
	f(2, false, `{"features":[[1]],"status":["COMPLETE","COMPLETE"]}`, false)
	f(2, false, `{"features":[[1],[2]],"status":["COMPLETE","MISSING"]}`, false)
	f(2, false, `{"features":7,"status":["COMPLETE","COMPLETE"]}`, false)
}

func TestOptionsAreChecked(t *testing.T) {
	good := workload.Options{Store: "s", View: "v", Version: 1, Keys: mustKeys(t, 0, 9), Order: mustOrder(t, workload.Uniform, 10, 0)}
	f := func(change func(o *workload.Options)) {
		t.Helper()
		o := good
		change(&o)
		if _, err := workload.NewRequests(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	f(func(o *workload.Options) { o.View = "" })
	f(func(o *workload.Options) { o.Version = 0 })
	f(func(o *workload.Options) { o.Keys = nil })
	f(func(o *workload.Options) { o.Batch = 20_000 })
	f(func(o *workload.Options) { o.Keys = mustKeys(t, 0, 8) })
	for _, table := range []workload.Table{{}, {View: "x", Features: 20, Groups: 3, Rows: 1}, {View: "x", Features: 20, Groups: 0, Rows: 1}, {View: "x", Features: 20, Groups: 1}} {
		if table.Check() == nil {
			t.Errorf("%+v is accepted", table)
		}
	}
}
