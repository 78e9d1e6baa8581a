package storetest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"quiver/storage"
	"quiver/storage/memstore"
)

// HistoryOptions say which random histories to play.
type HistoryOptions struct {
	Open Open
	// Reopen closes s and opens what it stored again; nil where that cannot be.
	Reopen func(t *testing.T, s storage.Store) storage.Store
	Ops    int // operations of one history
	// Histories is how many histories are played, each with a seed of its own.
	Histories int
}

// History plays random operations on a store and on memstore and compares every
// answer. Versions that the store numbers itself are not compared but must grow.
func History(t *testing.T, o HistoryOptions) {
	t.Helper()
	seeds := make([]uint64, o.Histories)
	for i := range seeds {
		seeds[i] = rand.Uint64()
	}
	if text := os.Getenv("STORETEST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("STORETEST_SEED: %v", err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		h := &history{
			t: t, o: o, rng: rand.New(rand.NewPCG(seed, 0)), seed: seed,
			model: memstore.New(), store: o.Open(t), tables: []uint32{0, 1, 2}, next: 3,
			numbers: map[string]uint64{},
		}
		for h.op = range o.Ops {
			h.step()
		}
		h.compareTables()
		closeStore(t, h.store)
	}
}

// history is one run. The tables it writes come in three kinds, by id modulo 3: 0
// is written with small given versions, 1 with NextVersion, 2 with both, where the
// given ones are far above any number.
type history struct {
	t       *testing.T
	o       HistoryOptions
	rng     *rand.Rand
	seed    uint64
	op      int
	model   *memstore.Store
	store   storage.Store
	tables  []uint32
	next    uint32
	numbers map[string]uint64 // last number seen per key
	last    string            // what the running operation is
}

const manyRoutes, farVersion = 12, 1 << 50

func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("seed %d, operation %d (%s): %s\nplay it again with STORETEST_SEED=%d", h.seed, h.op, h.last, fmt.Sprintf(format, args...), h.seed)
}

func (h *history) check(err error) {
	h.t.Helper()
	if err != nil {
		h.fail("%v", err)
	}
}

func (h *history) step() {
	ctx := context.Background()
	switch p := h.rng.IntN(100); {
	case p < 45:
		h.last = "apply"
		var ws []storage.Write
		for range 1 + h.rng.IntN(12) {
			ws = append(ws, h.write(h.table()))
		}
		h.check(h.model.Apply(ctx, ws))
		h.check(h.store.Apply(ctx, ws))
	case p < 75:
		h.get()
	case p < 80:
		h.rangeSome()
	case p < 86:
		h.rangeRoute()
	case p < 94:
		h.floor()
	case p < 96:
		h.drop()
	case p < 98:
		h.bulk()
	case h.o.Reopen != nil:
		h.last = "reopen"
		h.store = h.o.Reopen(h.t, h.store)
	}
}

func (h *history) table() uint32 { return h.tables[h.rng.IntN(len(h.tables))] }

func (h *history) key(table uint32) storage.Key {
	return key(table, h.rng.IntN(manyRoutes), suffixes[h.rng.IntN(len(suffixes))])
}

func (h *history) write(table uint32) storage.Write {
	w := storage.Write{Key: h.key(table)}
	switch table % 3 {
	case 0:
		w.Version = 1 + h.rng.Uint64N(20)
	case 2:
		if h.rng.IntN(2) == 0 {
			w.Version = farVersion + h.rng.Uint64N(20)
		}
	}
	if h.rng.IntN(4) == 0 {
		w.Delete = true
		return w
	}
	w.Row = fmt.Appendf(nil, "%d.%d", h.op, h.rng.IntN(1000))
	switch h.rng.IntN(10) {
	case 0:
		w.Row = bytes.Repeat(w.Row, 1+h.rng.IntN(3000))
	case 1:
		w.Row = nil
	}
	if h.rng.IntN(3) == 0 {
		w.Expire = 1 + h.rng.Int64N(1<<40)
	}
	return w
}

// sameVersion compares the versions of one key, which are not the same where the
// stores number themselves.
func (h *history) sameVersion(k storage.Key, want, got uint64) {
	h.t.Helper()
	if k.Table%3 == 0 || want == 0 || want >= farVersion {
		if got != want {
			h.fail("key %s has version %d, want %d", keyText(k), got, want)
		}
		return
	}
	name := keyText(k)
	if got == 0 || got >= farVersion || got < h.numbers[name] {
		h.fail("key %s has number %d after %d", name, got, h.numbers[name])
	}
	h.numbers[name] = got
}

func (h *history) get() {
	h.last = "get"
	var want, got storage.Batch
	for range 1 + h.rng.IntN(40) {
		k := h.key(h.table())
		want.Add(k)
		got.Add(k)
	}
	h.check(h.model.Get(context.Background(), &want))
	h.check(h.store.Get(context.Background(), &got))
	for i, k := range want.Keys {
		row, version, _ := want.Row(i)
		gotRow, gotVersion, err := got.Row(i)
		if err != nil {
			h.fail("key %s: %v", keyText(k), err)
		}
		if (row == nil) != (gotRow == nil) || !bytes.Equal(row, gotRow) {
			h.fail("key %s is %.40q (nil %v), want %.40q (nil %v)", keyText(k), gotRow, gotRow == nil, row, row == nil)
		}
		h.sameVersion(k, version, gotVersion)
	}
}

func (h *history) sameEntries(table uint32, want, got []entry) {
	h.t.Helper()
	if len(want) != len(got) {
		h.fail("%d rows, want %d", len(got), len(want))
	}
	for i, w := range want {
		k := storage.Key{Table: table, Route: []byte(w.route), Suffix: []byte(w.suffix)}
		if g := got[i]; g.route != w.route || g.suffix != w.suffix || g.row != w.row {
			h.fail("row %d is %x/%q %.40q, want %s %.40q", i, g.route, g.suffix, g.row, keyText(k), w.row)
		}
		h.sameVersion(k, w.version, got[i].version)
	}
}

func (h *history) rangeSome() {
	r, ok := h.store.(storage.Ranger)
	if !ok {
		return
	}
	h.last = "range"
	table := h.table()
	var from storage.Key
	if h.rng.IntN(2) == 0 {
		from = h.key(table)
	}
	h.sameEntries(table, rangeAll(h.t, h.model, table, from), rangeAll(h.t, r, table, from))
}

func (h *history) rangeRoute() {
	r, ok := h.store.(storage.Ranger)
	if !ok {
		return
	}
	h.last = "range of a route"
	k := h.key(h.table())
	h.sameEntries(k.Table, rangeRoute(h.t, h.model, k.Table, k.Route, k.Suffix), rangeRoute(h.t, r, k.Table, k.Route, k.Suffix))
}

func (h *history) floor() {
	f, ok := h.store.(storage.Floorer)
	if !ok {
		return
	}
	h.last = "floor"
	k := h.key(h.table())
	ctx := context.Background()
	row, suffix, version, found, err := h.model.Floor(ctx, k.Table, k.Route, k.Suffix, nil)
	h.check(err)
	gotRow, gotSuffix, gotVersion, gotFound, err := f.Floor(ctx, k.Table, k.Route, k.Suffix, nil)
	h.check(err)
	if found != gotFound || !bytes.Equal(row, gotRow) || !bytes.Equal(suffix, gotSuffix) {
		h.fail("floor of %s is %q %.40q %v, want %q %.40q %v", keyText(k), gotSuffix, gotRow, gotFound, suffix, row, found)
	}
	if found {
		h.sameVersion(storage.Key{Table: k.Table, Route: k.Route, Suffix: suffix}, version, gotVersion)
	}
}

// drop drops a table, whose id is then used for reads only, and writes another.
func (h *history) drop() {
	d, ok := h.store.(storage.TableDropper)
	if !ok || len(h.tables) < 3 {
		return
	}
	i := h.rng.IntN(len(h.tables))
	table := h.tables[i]
	h.last = fmt.Sprint("drop table ", table)
	h.check(h.model.DropTable(context.Background(), table))
	h.check(d.DropTable(context.Background(), table))
	if r, ok := h.store.(storage.Ranger); ok {
		h.sameEntries(table, nil, rangeAll(h.t, r, table, storage.Key{}))
	}
	h.tables[i] = h.next
	h.next++
}

// bulk fills a new table.
func (h *history) bulk() {
	bl, ok := h.store.(storage.BulkLoader)
	if !ok || len(h.tables) > 8 {
		return
	}
	table := h.next
	h.next++
	h.last = fmt.Sprint("bulk load of table ", table)
	ctx := context.Background()
	want, err := h.model.BulkLoad(ctx, table)
	h.check(err)
	got, err := bl.BulkLoad(ctx, table)
	h.check(err)
	for range h.rng.IntN(300) {
		w := h.write(table)
		h.check(want.Add(w))
		h.check(got.Add(w))
	}
	if h.rng.IntN(4) == 0 {
		h.check(want.Abort())
		h.check(got.Abort())
		return
	}
	h.check(want.Commit(ctx))
	h.check(got.Commit(ctx))
	h.tables = append(h.tables, table)
}

// compareTables compares all that is left.
func (h *history) compareTables() {
	r, ok := h.store.(storage.Ranger)
	if !ok {
		return
	}
	h.last = "last comparison"
	slices.Sort(h.tables)
	for _, table := range h.tables {
		h.sameEntries(table, rangeAll(h.t, h.model, table, storage.Key{}), rangeAll(h.t, r, table, storage.Key{}))
	}
}
