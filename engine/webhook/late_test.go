package webhook_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"quiver/engine/enginetest"
	"quiver/engine/webhook"
	"quiver/storage/memstore"
)

const lateHook = `
kind: Webhook
store: default
name: hook
endpoints:
  - {name: users, into: [{group: users}, {group: clicks}], disorder: 1h}
  - {name: cdc, into: [{group: users}], cdc: debezium, disorder: 1h}
`

// lateGroups are the groups without their webhook, and lateHook.
func lateGroups() string { return groups[:strings.LastIndex(groups, "---")] + "---" + lateHook }

// TestLate drops rows further behind the newest than the disorder of their endpoint.
func TestLate(t *testing.T) {
	e, h := open(t, lateGroups(), webhook.Options{})
	now := time.Now()
	row := func(id int, ago time.Duration) string {
		return fmt.Sprintf(`{"id":%d,"name":"n","ts":%d}`, id, now.Add(-ago).UnixMilli())
	}
	f := func(endpoint, data string, late int, there, gone string) {
		t.Helper()
		r := log(t, h, endpoint, data)
		if r.Late != late {
			t.Errorf("%s: %d late, want %d", data, r.Late, late)
		}
		got := "; " + rows(t, e, "users")
		if there != "" && !strings.Contains(got, "; "+there+`,"n"`) || gone != "" && strings.Contains(got, "; "+gone+`,"n"`) {
			t.Errorf("%s: %s, want %s and not %s", data, got, there, gone)
		}
	}
	f("users", `[`+row(1, 3*time.Hour)+`,`+row(2, 50*time.Hour)+`]`, 0, "2", "") // of one call
	f("users", `[`+row(3, 4*time.Hour)+`]`, 0, "3", "")                          // as far behind as it may be
	f("users", `[`+row(4, 4*time.Hour+time.Second)+`,`+row(5, 3*time.Hour)+`]`, 2, "5", "4")
	f("users", `[`+row(6, 4*time.Hour+time.Second)+`]`, 2, "", "6")
	f("users", `[`+row(7, -87600*time.Hour)+`]`, 0, "7", "") // ten years to come
	f("users", `[`+row(8, 50*time.Minute)+`,`+row(9, 61*time.Minute)+`]`, 2, "8", "9")
	f("cdc", `[{"op":"c","after":`+row(10, 9*time.Hour)+`}]`, 0, "10", "") // this endpoint has seen nothing yet
	f("cdc", `[{"op":"c","after":`+row(11, time.Hour)+`},{"op":"d","before":`+row(10, 9*time.Hour)+`}]`, 0, "11", "10")
	f("cdc", `[{"op":"d","before":`+row(11, 3*time.Hour)+`}]`, 1, "11", "")
	if h.Late() != 7 || h.Dropped() != 0 {
		t.Errorf("counted %d late, %d dropped", h.Late(), h.Dropped())
	}
	if got := strings.Count(rows(t, e, "clicks"), ";") + 1; got != 6 {
		t.Errorf("%d clicks", got)
	}
}

// TestLateRestart ends processes with and without a mark: rows that were late do not
// come back, rows that were not stay, and what was seen is known.
func TestLateRestart(t *testing.T) {
	for _, marked := range []bool{false, true} {
		s, dir := memory{memstore.New()}, t.TempDir()
		e, h := boot(t, s, dir)
		enginetest.Apply(t, e, lateGroups())
		log(t, h, "users", `[{"id":1,"name":"a","ts":20000}]`)
		log(t, h, "users", `[{"id":2,"name":"a","ts":10000},{"id":3,"name":"a","ts":19000}]`)
		log(t, h, "users", `[{"id":4,"name":"a","ts":90000}]`) // behind which 1 and 3 would be late
		if marked {
			if err := h.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			e, h = boot(t, s, dir)
			if r := log(t, h, "users", `[{"id":5,"name":"a","ts":80000}]`); r.Late != 2 {
				t.Errorf("marked %t: %d late after a restart", marked, r.Late)
			}
			for group, want := range map[string]int{"users": 3, "clicks": 3} {
				if got := rows(t, e, group); strings.Count(got, "1970") != want || strings.Contains(got, "2,") {
					t.Errorf("marked %t: %s: %s", marked, group, got)
				}
			}
		}
	}
}
