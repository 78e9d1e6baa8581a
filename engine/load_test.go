package engine_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/storage/memstore"
)

var loadRef = engine.Ref{Store: "s", Name: "g"}

const loadDefinitions = `
kind: FeatureGroup
store: s
name: g
key: [id]
features:
  - {name: id, type: bigint}
  - {name: a, type: bigint}
---
kind: FeatureView
store: s
name: v
from: [{group: g}]
---
kind: FeatureGroup
store: s
name: timed
key: [id]
eventTime: at
features:
  - {name: id, type: bigint}
  - {name: at, type: timestamp}
  - {name: a, type: bigint}
---
kind: FeatureView
store: s
name: timed
from: [{group: timed}]
---
kind: FeatureGroup
store: s
name: events
features:
  - {name: id, type: bigint}
`

func get(t *testing.T, e *engine.Engine, view, id string) (status, value string) {
	t.Helper()
	v, err := e.Get(context.Background(), engine.Ref{Store: "s", Name: view}, map[string]string{"id": id})
	if err != nil {
		t.Fatal(err)
	}
	return v.Status, string(v.Features[len(v.Features)-1].Value)
}

func wantRow(t *testing.T, e *engine.Engine, view, id, want string) {
	t.Helper()
	status, value := get(t, e, view, id)
	if want == "" && status != "MISSING" || want != "" && (status != "COMPLETE" || value != want) {
		t.Errorf("%s id %s: %s %s, want %q", view, id, status, value, want)
	}
}

// TestLoadModes: into an empty group in bulk, onto rows by upsert, and replacing.
func TestLoadModes(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	if r := enginetest.Load(t, e, loadRef, []string{"1", "10"}, []string{"2", "20"}, []string{"1", "11"}); !r.Bulk || r.Rows != 3 {
		t.Errorf("first load: %+v", r)
	}
	wantRow(t, e, "v", "1", "11")
	wantRow(t, e, "v", "2", "20")
	if r := enginetest.Load(t, e, loadRef, []string{"2", "21"}, []string{"3", "30"}); r.Bulk {
		t.Errorf("second load: %+v", r)
	}
	wantRow(t, e, "v", "1", "11")
	wantRow(t, e, "v", "2", "21")
	enginetest.LoadWith(t, e, loadRef, engine.LoadOptions{Replace: true}, []string{"4", "40"})
	wantRow(t, e, "v", "1", "")
	wantRow(t, e, "v", "4", "40")
}

// TestLoadKeepsPuts: a row put while a first load runs is not lost when the new table
// is swapped in.
func TestLoadKeepsPuts(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	ctx := context.Background()
	l, err := e.Load(ctx, loadRef, engine.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(ctx, enginetest.Row(t, l.Group(), "1", "10")); err != nil {
		t.Fatal(err)
	}
	var puts sync.WaitGroup
	for i := range 8 {
		puts.Go(func() {
			for k := range 25 {
				id := strconv.Itoa(100 + i*25 + k)
				if err := e.Put(ctx, loadRef, map[string]string{"id": id, "a": id}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if _, err := l.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	puts.Wait()
	wantRow(t, e, "v", "1", "10")
	for id := 100; id < 300; id++ {
		wantRow(t, e, "v", strconv.Itoa(id), strconv.Itoa(id))
	}
}

// TestLoadKeepsRemovals: a row that was removed as of a later time stays so when a load
// into a group without rows has an older one, be it removed before or meanwhile.
func TestLoadKeepsRemovals(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	ctx := context.Background()
	ref := engine.Ref{Store: "s", Name: "timed"}
	remove := func(id string) {
		t.Helper()
		at := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC).UnixMicro()
		if err := e.DeleteRows(ctx, ref, []engine.Removal{{Key: [][]byte{[]byte(id)}, Time: at}}); err != nil {
			t.Fatal(err)
		}
	}
	l, err := e.Load(ctx, ref, engine.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]string{{"1", `"2024-01-02 00:00:00"`, "1"}, {"2", `"2024-01-04 00:00:00"`, "2"}} {
		if err := l.Add(ctx, enginetest.Row(t, l.Group(), row...)); err != nil {
			t.Fatal(err)
		}
	}
	remove("1")
	remove("2")
	if r, err := l.Commit(ctx); err != nil || !r.Bulk {
		t.Fatal(r, err)
	}
	wantRow(t, e, "timed", "1", "")
	wantRow(t, e, "timed", "2", "2")

	enginetest.LoadWith(t, e, ref, engine.LoadOptions{Replace: true})
	remove("3")
	enginetest.Load(t, e, ref, []string{"3", `"2024-01-02 00:00:00"`, "3"}, []string{"4", `"2024-01-02 00:00:00"`, "4"})
	wantRow(t, e, "timed", "3", "")
	wantRow(t, e, "timed", "4", "4")
}

// TestNewestWins: rows of a group with an event time are ordered by it, not by arrival,
// and a delete yields to newer rows only.
func TestNewestWins(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	ctx := context.Background()
	ref := engine.Ref{Store: "s", Name: "timed"}
	put := func(at, a string) {
		t.Helper()
		if err := e.Put(ctx, ref, map[string]string{"id": "1", "at": at, "a": a}); err != nil {
			t.Fatal(err)
		}
	}
	put("2024-01-02 00:00:00", "2")
	put("2024-01-01 00:00:00", "1")
	wantRow(t, e, "timed", "1", "2")
	put("2024-01-02 00:00:00", "22")
	wantRow(t, e, "timed", "1", "22")
	if err := e.Delete(ctx, ref, map[string]string{"id": "1"}); err != nil {
		t.Fatal(err)
	}
	wantRow(t, e, "timed", "1", "")
	put("2024-01-01 00:00:00", "1")
	wantRow(t, e, "timed", "1", "")
	put("2024-01-03 00:00:00", "3")
	wantRow(t, e, "timed", "1", "3")
	put("1890-01-01 00:00:00", "0")
	wantRow(t, e, "timed", "1", "3")
	err := e.Put(ctx, ref, map[string]string{"id": "1", "a": "9"})
	if fail.AsError(err).Code != fail.BadRow {
		t.Errorf("no event time: %v", err)
	}
}

// TestEvents: a stream keeps every row in order, the same load twice counts twice.
func TestEvents(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	ref := engine.Ref{Store: "s", Name: "events"}
	var rows [][]string
	for i := range 1000 {
		rows = append(rows, []string{strconv.Itoa(i)})
	}
	enginetest.Load(t, e, ref, rows...)
	if r := enginetest.Load(t, e, ref, rows...); !r.Stream || r.Rows != 1000 || r.Total != 2000 {
		t.Errorf("second load: %+v", r)
	}
	if err := e.Put(context.Background(), ref, map[string]string{"id": "7"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := e.Events(context.Background(), ref, func(r codec.Row) bool {
		got = append(got, string(r.Cell(0)))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2001 || got[0] != "0" || got[999] != "999" || got[1000] != "0" || got[2000] != "7" {
		t.Errorf("%d events: %v…", len(got), got[:min(5, len(got))])
	}
	if _, err := e.Load(context.Background(), ref, engine.LoadOptions{Replace: true}); fail.AsError(err).Code != fail.Conflict {
		t.Errorf("replacing a stream: %v", err)
	}
}

// TestWriteErrors: what cannot be written is refused with its reason.
func TestWriteErrors(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, loadDefinitions)
	ctx := context.Background()
	f := func(ref engine.Ref, columns map[string]string, want fail.Code) {
		t.Helper()
		err := e.Put(ctx, ref, columns)
		var e *fail.Error
		if !errors.As(err, &e) || e.Code != want || e.Text == "" {
			t.Errorf("%v %v: %v", ref, columns, err)
		}
	}
	f(engine.Ref{Store: "none", Name: "g"}, nil, fail.NoStore)
	f(engine.Ref{Store: "s", Name: "none"}, nil, fail.NoGroup)
	f(engine.Ref{Store: "s", Name: "g", Version: 2}, nil, fail.NoGroup)
	f(loadRef, map[string]string{"id": "x"}, fail.BadRow)
	f(loadRef, map[string]string{"id": "9223372036854775808"}, fail.BadRow)
	f(loadRef, map[string]string{"a": "1"}, fail.BadRow)
	f(loadRef, map[string]string{"id": "1", "b": "1"}, fail.BadRow)
}

// TestLoadRate: a load onto rows takes no less time than its rate allows, and ends when
// its caller does.
func TestLoadRate(t *testing.T) {
	c, err := catalog.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Store: memstore.New(), Catalog: c, LoadRate: 40 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	enginetest.Apply(t, e, loadDefinitions)
	enginetest.Load(t, e, loadRef, []string{"0", "0"})
	load := func(ctx context.Context, bytes int) error {
		l, err := e.Load(context.Background(), loadRef, engine.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		row := enginetest.Row(t, l.Group(), "1", "10")
		for n := 0; n < bytes; n += len(row) {
			if err := l.Add(ctx, row); err != nil {
				return err
			}
		}
		_, err = l.Commit(ctx)
		return err
	}
	start := time.Now()
	if err := load(context.Background(), 12<<20); err != nil {
		t.Fatal(err)
	}
	// The first step of 2 MiB goes at once, the others follow at 40 MiB/s.
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("12 MiB at 40 MiB/s took %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := load(ctx, 12<<20); err == nil {
		t.Error("a cancelled load went on")
	}
}
