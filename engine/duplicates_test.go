package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/storage"
	"quiver/storage/memstore"
)

// countingStore counts the keys it is asked for, and notes one that comes twice in a call.
type countingStore struct {
	*memstore.Store
	keys  int
	twice *storage.Key
}

func (s *countingStore) Get(ctx context.Context, b *storage.Batch) error {
	seen := map[string]bool{}
	for i := range b.Keys {
		k := &b.Keys[i]
		s.keys++
		name := fmt.Sprintf("%d %x %x", k.Table, k.Route, k.Suffix)
		if seen[name] {
			s.twice = k
		}
		seen[name] = true
	}
	return s.Store.Get(ctx, b)
}

// TestDuplicates: keys that repeat within a batch are read once, whatever groups and
// failing entries lie between, and every entry gets the answer it would get alone.
func TestDuplicates(t *testing.T) {
	store := &countingStore{Store: memstore.New()}
	e := enginetest.NewOver(t, store)
	enginetest.Apply(t, e, faultDefinitions)
	var left, right [][]string
	for i := range 40 {
		left = append(left, []string{strconv.Itoa(i), strconv.Itoa(1000 + i)})
		right = append(right, []string{strconv.Itoa(i), strconv.Itoa(2000 + i)})
	}
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "left"}, left...)
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "right"}, right...)

	r := rand.New(rand.NewPCG(seed(t), 1))
	token := func() []byte {
		switch n := r.IntN(60); { // some have no row
		case n == 0:
			return []byte("x") // and some are no keys
		case n < 10:
			return fmt.Appendf(nil, `"%d"`, r.IntN(50))
		default:
			return strconv.AppendInt(nil, int64(r.IntN(50)), 10)
		}
	}
	read := func(entries [][2][]byte) (answers []enginetest.Answer) {
		var q engine.Query
		var v engine.Vectors
		if err := e.Open(&q, auth.All(), []byte("s"), []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
		for _, pair := range entries {
			q.NewEntry()
			q.Key([]byte("id"), pair[0])
			if pair[1] != nil {
				q.Key([]byte("rid"), pair[1])
			}
			q.EndEntry()
		}
		if err := e.Read(context.Background(), &q, &v); err != nil {
			t.Fatal(err)
		}
		return enginetest.Answers(&v)
	}
	for range 50 {
		var entries [][2][]byte
		for range 1 + r.IntN(300) {
			pair := [2][]byte{token(), token()}
			if r.IntN(10) == 0 {
				pair[1] = nil
			}
			entries = append(entries, pair)
		}
		store.keys = 0
		answers := read(entries)
		if store.twice != nil || store.keys > 2*50 {
			t.Fatalf("%d entries: the store was asked for %d keys, for one of them twice: %v", len(entries), store.keys, store.twice)
		}
		for i, a := range answers {
			if alone := read(entries[i : i+1])[0]; fmt.Sprint(a) != fmt.Sprint(alone) {
				t.Fatalf("entry %d, %s: %v, but alone %v", i, entries[i], a, alone)
			}
		}
	}
}
