package workload_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"quiver/bench/workload"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
	"quiver/engine/webhook"
	"quiver/httpfront/fennel"
	"quiver/httpfront/fronttest"
)

// Upserts leave the rows that the table has.
func TestUpserts(t *testing.T) {
	table := &workload.Table{View: "v", Features: 20, Groups: 1, Rows: 40, Seed: 3}
	e := enginetest.New(t)
	hooks := webhook.New(e, webhook.Options{MaxRows: 1000})
	sets := featureset.New(e, nil)
	for _, err := range []error{
		e.AddPart(hooks), e.AddPart(sets),
		workload.Apply(e, []*workload.Table{table}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Apply([]catalog.File{{Name: "w.yaml", Text: table.Webhook()}}, false); err != nil {
		t.Fatal(err)
	}
	dialect, err := fennel.New(e, hooks, sets, fennel.Options{Store: workload.Store})
	if err != nil {
		t.Fatal(err)
	}
	order := mustOrder(t, workload.Sequential, table.Rows, 0)
	u, err := workload.NewUpserts(table, order, "h", 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(4) {
		body := string(u.AppendBody(nil, i))
		if whole := string(u.Append(nil, i)); !strings.HasSuffix(whole, fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)) {
			t.Fatalf("call %d is %s", i, whole)
		}
		got := fronttest.Call(t, dialect, fronttest.Request{Target: "/api/v1/log", Body: body})
		if got.Status != 200 || u.Check(i, []byte(got.Body)) != nil {
			t.Fatalf("call %d: %d %s", i, got.Status, got.Body)
		}
	}
	r := workload.NewReader(e, table.View)
	for i := range table.Rows {
		if err := r.Read(context.Background(), []uint32{i}); err != nil {
			t.Fatal(err)
		}
		if want := len(table.AppendVector(nil, i)); r.Size() != want {
			t.Errorf("row %d has %d bytes, want %d", i, r.Size(), want)
		}
	}
	two := *table
	two.Groups = 2
	for _, err := range []error{
		second(workload.NewUpserts(&two, order, "h", 1)),
		second(workload.NewUpserts(table, order, "h", 0)),
		second(workload.NewUpserts(table, mustOrder(t, workload.Uniform, 41, 0), "h", 1)),
	} {
		if err == nil {
			t.Error("upserts that cannot be are no error")
		}
	}
}

func second(_ *workload.Upserts, err error) error { return err }

// A line of a CSV file and the cells say what the vector says.
func TestCells(t *testing.T) {
	table := &workload.Table{View: "v", Features: 20, Groups: 1, Rows: 40, Seed: 3}
	head := strings.Split(strings.TrimSpace(string(table.AppendCSVHeader(nil))), ",")
	if len(head) != 21 || strings.Join(head[1:], ",") != strings.Join(table.Columns(), ",") {
		t.Errorf("the columns are %q and %q", head, table.Columns())
	}
	for i := range table.Rows {
		line := strings.Split(strings.TrimSpace(string(table.AppendCSV(nil, i))), ",")
		var vector []json.RawMessage
		if err := json.Unmarshal(table.AppendVector(nil, i), &vector); err != nil || len(line) != 21 {
			t.Fatalf("row %d: %v, %d cells", i, err, len(line))
		}
		for f, cell := range line[1:] {
			want := strings.Trim(string(vector[f]), `"`)
			if v, ok := table.Cell(i, f).(bool); ok {
				if cell != fmt.Sprint(v) || (want == "1") != v {
					t.Errorf("row %d, feature %d: %s, %s and %v", i, f, cell, want, v)
				}
				continue
			}
			if cell != want {
				t.Errorf("row %d, feature %d is %s, want %s", i, f, cell, want)
			}
		}
	}
}

func TestOthers(t *testing.T) {
	e := enginetest.New(t)
	if _, err := e.Apply([]catalog.File{{Name: "o.yaml", Text: workload.Others(20)}}, false); err != nil {
		t.Fatal(err)
	}
	if n := len(e.Snapshot().Views()); n != 20 {
		t.Errorf("%d views, want 20", n)
	}
}
