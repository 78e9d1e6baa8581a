package engine_test

import (
	"context"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/storage/memstore"
)

// TestDropAfter: a table that is replaced stays for its time, whatever was replaced
// shortly before it and is dropped meanwhile.
func TestDropAfter(t *testing.T) {
	// On a machine that is busy for longer than that the table may be gone rightly.
	for _, stay := range []time.Duration{400 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		if dropAfter(t, stay) {
			return
		}
	}
	t.Error("the machine was too busy to judge")
}

// dropAfter reports whether the machine was quick enough to judge.
func dropAfter(t *testing.T, stay time.Duration) bool {
	t.Helper()
	c, err := catalog.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Store: memstore.New(), Catalog: c, DropAfter: stay})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	enginetest.Apply(t, e, loadDefinitions)
	enginetest.LoadWith(t, e, loadRef, engine.LoadOptions{Replace: true}, []string{"1", "10"})
	time.Sleep(stay / 2)
	begin := time.Now()
	var q engine.Query
	var v engine.Vectors
	if err := e.Open(&q, auth.All(), []byte("s"), []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	q.NewEntry()
	q.Key([]byte("id"), []byte("1"))
	q.EndEntry()
	enginetest.LoadWith(t, e, loadRef, engine.LoadOptions{Replace: true}, []string{"1", "11"})
	time.Sleep(stay * 3 / 4)
	if err := e.Read(context.Background(), &q, &v); err != nil {
		t.Fatal(err)
	}
	if time.Since(begin) > stay {
		return false
	}
	if got := string(v.AppendVector(nil, 0)); got != "[1,10]" {
		t.Errorf("%v after the read began: %s", time.Since(begin), got)
	}
	return true
}
