package engine_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
)

const reloadGroup = `
kind: FeatureGroup
store: s
name: g
key: [id]
features:
  - {name: id, type: bigint}
  - {name: a, type: bigint}
`

// reloadView is a view whose definition changes with every n.
func reloadView(n int) string {
	return fmt.Sprintf("kind: FeatureView\nstore: s\nname: v\nfrom: [{group: g, prefix: \"p%d_\"}]\n", n%3)
}

// TestReloadUnderLoad swaps the catalog a thousand times while readers run: no request
// may fail, and each answer must be whole.
func TestReloadUnderLoad(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, reloadGroup+"---\n"+reloadView(0))
	var rows [][]string
	for i := range 100 {
		rows = append(rows, []string{strconv.Itoa(i), strconv.Itoa(i * 10)})
	}
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "g"}, rows...)

	var stop atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			var q engine.Query
			var v engine.Vectors
			for i := r; !stop.Load(); i++ {
				if got := readOne(t, e, &q, &v, i%100); got != fmt.Sprintf("[%d,%d]", i%100, i%100*10) {
					t.Errorf("id %d: %s", i%100, got)
					return
				}
				reads.Add(1)
			}
		})
	}
	for n := 1; n <= 1000; n++ {
		enginetest.Apply(t, e, reloadView(n))
	}
	stop.Store(true)
	readers.Wait()
	if reads.Load() < 1000 {
		t.Errorf("only %d reads during 1000 reloads", reads.Load())
	}
	t.Logf("%d reads during 1000 reloads, none failed", reads.Load())
}

// readOne reads one vector of view v by whatever name the key has at present.
func readOne(t *testing.T, e *engine.Engine, q *engine.Query, v *engine.Vectors, id int) string {
	defer q.Reset()
	defer v.Reset()
	if err := e.Open(q, auth.All(), []byte("s"), []byte("v"), 1); err != nil {
		t.Error(err)
		return ""
	}
	q.NewEntry()
	q.Key([]byte("id"), strconv.AppendInt(nil, int64(id), 10))
	q.EndEntry()
	if err := e.Read(context.Background(), q, v); err != nil {
		t.Error(err)
		return ""
	}
	return string(v.AppendVector(nil, 0))
}
