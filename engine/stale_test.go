package engine_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

var (
	historyTime = flag.Duration("history", 2*time.Second, "how long TestStale runs")
	operations  = flag.Int64("operations", math.MaxInt64, "calls after which TestStale ends")
)

const (
	staleKeys = 3000 // of each group; their rows are seven times what the cache holds
	staleHot  = 48   // of them, in half of the calls
	eventBase = 1_700_000_000_000_000
)

// staleGroup has the columns that staleness_test.go names, and some that came later.
const staleGroup = `
kind: FeatureGroup
store: s
name: %s
key: [id]
%s
features:
  - {name: id, type: bigint}
  - {name: at, type: timestamp(6)}
  - {name: o, type: bigint}
  - {name: row, type: bigint}
  - {name: swap, type: bigint}
  - {name: part, type: bigint}
  - {name: pad, type: string}
%s---
`

// stale is TestStale while it runs.
type stale struct {
	t      *testing.T
	seed   uint64
	store  *pebblestore.Store
	cache  *rowcache.Cache
	e      *engine.Engine
	groups []*groupLog

	over                                             atomic.Bool
	calls, violations, replaces, loads, conflicts    atomic.Int64
	vectors, found, columns, definitions, overloaded atomic.Int64
}

// TestStale looks for reads that show a row, or none, older than what somebody had seen
// when the read began: over the product as it is wired, with rows many times the size of
// the cache, while rows are written, removed and erased, in and out of the order of their
// event times, tables are loaded and replaced, and definitions change. In the end the
// cache must hold what the store does.
func TestStale(t *testing.T) {
	x := newStale(t)
	x.fill()
	begin := time.Now()
	var actors sync.WaitGroup
	for i, f := range []func(*rand.Rand){x.writer, x.writer, x.writer, x.writer, x.reader, x.reader, x.reader, x.ponderer, x.ponderer, x.ponderer, x.ponderer, x.loader, x.definer} {
		actors.Go(func() {
			r := rand.New(rand.NewPCG(x.seed, uint64(i)))
			for !x.over.Load() && x.calls.Load() < *operations {
				f(r)
			}
			x.over.Store(true)
		})
	}
	// On a slow machine it takes longer until everything was met.
	for took := time.Duration(0); took < *historyTime || took < *historyTime+time.Minute && len(x.unmet()) > 0; took = time.Since(begin) {
		if time.Sleep(10 * time.Millisecond); x.over.Load() {
			break
		}
	}
	x.over.Store(true)
	actors.Wait()
	took := time.Since(begin)
	x.compare()
	x.report(took)
}

func newStale(t *testing.T) *stale {
	x := &stale{t: t, seed: seed(t)}
	var err error
	// Small memtables, so that flushes and compactions never stop; no more than the
	// parts that this is about in memory.
	x.store, err = pebblestore.Open(t.TempDir(), pebblestore.Options{
		Shards: 2, MemTableBytes: 256 << 10, CacheBytes: 32 << 20, BulkBytes: 1 << 20, BallastBytes: -1, FanOutKeys: 24,
	})
	if err != nil {
		t.Fatal(err)
	}
	if x.cache, err = rowcache.New(x.store, 1<<20); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x.e, err = engine.New(engine.Options{
		Store: x.cache, Catalog: c, DropAfter: patience, Pool: engine.PoolOptions{Points: engine.PoolAuto, MaxWait: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, g := range []string{"plain", "timed", "kept"} {
		x.groups = append(x.groups, newGroupLog(g, g != "plain", staleKeys))
	}
	x.define(0, 0)
	return x
}

// define applies the groups with some added columns, and views whose prefixes change.
func (x *stale) define(columns, prefix int) {
	var b strings.Builder
	var more strings.Builder
	for i := range columns {
		fmt.Fprintf(&more, "  - {name: more%d, type: bigint}\n", i)
	}
	fmt.Fprintf(&b, staleGroup, "plain", "", more.String())
	fmt.Fprintf(&b, staleGroup, "timed", "eventTime: at", more.String())
	fmt.Fprintf(&b, staleGroup, "kept", "eventTime: at\nhistory: 10s\nindexes: [{name: by_part, columns: [part]}]", more.String())
	for i, from := range [][]int{{0}, {1, 0}, {0, 1, 2}} {
		fmt.Fprintf(&b, "kind: FeatureView\nstore: s\nname: v%d\nfrom:\n", i)
		for _, g := range from {
			fmt.Fprintf(&b, "  - {group: %s, prefix: p%d%d_}\n", x.groups[g].name, prefix, g)
		}
		b.WriteString("servingKeys:\n")
		for j := range from {
			fmt.Fprintf(&b, "  - {from: %d, name: id, prefix: \"\", required: %v%s}\n", j, j == 0, []string{"", ", joinOn: id"}[min(j, 1)])
		}
		b.WriteString("---\n")
	}
	if _, err := x.e.Apply([]catalog.File{{Name: "test.yaml", Text: []byte(b.String())}}, false); err != nil {
		x.t.Errorf("%v\n%s", err, b.String())
	}
	x.definitions.Add(1)
}

func (x *stale) definer(r *rand.Rand) {
	if r.IntN(8) == 0 && x.columns.Load() < 40 {
		x.columns.Add(1)
	}
	x.define(int(x.columns.Load()), r.IntN(8))
	x.calls.Add(1)
	time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
}

func (x *stale) key(r *rand.Rand) int {
	if r.IntN(2) == 0 {
		return r.IntN(staleHot)
	}
	return r.IntN(staleKeys)
}

// keys are some keys without repetition, in order.
func (x *stale) keys(r *rand.Rand, n int) []int {
	keys := make([]int, n)
	for i := range keys {
		keys[i] = x.key(r)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (x *stale) ref(g *groupLog) engine.Ref { return engine.Ref{Store: "s", Name: g.name} }

// row makes a row as it is defined now.
func (x *stale) row(of *catalog.Group, w *codec.RowWriter, s shown, tick uint64) []byte {
	w.Reset(of.Schema)
	err := w.Int(int64(s.key))
	add := func(e error) {
		if err == nil {
			err = e
		}
	}
	at := int64(eventBase + tick)
	add(w.Timestamp(at))
	add(w.Int(int64(s.order)))
	add(w.Int(int64(s.id)))
	add(w.Int(int64(s.swap)))
	add(w.Int(int64(s.id % 16)))
	add(w.Text(padding(s.key, s.id)))
	for range len(of.Schema.Columns) - columnPad - 1 {
		add(w.Null())
	}
	row, e := engine.FinishRow(of, w, at, nil)
	if add(e); err != nil {
		x.t.Error(err)
		x.over.Store(true)
	}
	return row
}

// failed tells whether a call failed because the definitions changed meanwhile; any
// other error ends the test.
func (x *stale) failed(err error) bool {
	x.calls.Add(1)
	if err == nil {
		return false
	}
	if fail.AsError(err).Code == fail.Conflict {
		x.conflicts.Add(1)
		return true
	}
	x.t.Error(err)
	x.over.Store(true)
	return true
}

// hold keeps other writers off keys that are ordered by arrival.
func hold(g *groupLog, keys []int) (release func()) {
	if g.timed {
		return func() {}
	}
	for _, k := range keys {
		g.keys[k].writing.Lock()
	}
	return func() {
		for _, k := range keys {
			g.keys[k].writing.Unlock()
		}
	}
}

// late is how many numbers back a change lies: mostly it is the newest.
func late(r *rand.Rand) uint64 {
	if r.IntN(4) > 0 {
		return 0
	}
	return uint64(1 + r.IntN(20))
}

func (x *stale) writer(r *rand.Rand) {
	g := x.groups[r.IntN(len(x.groups))]
	keys := x.keys(r, []int{1, 1, 3, 12}[r.IntN(4)])
	switch n := r.IntN(100); {
	case n < 70:
		x.write(r, g, keys)
	case n < 85:
		x.removeRows(r, g, keys)
	case n == 85 && g.name == "timed":
		x.erase(g, keys[:1])
	default:
		x.removeOne(r, g, keys[0])
	}
}

// write upserts rows, or changes rows in one step, of which some are removals.
func (x *stale) write(r *rand.Rand, g *groupLog, keys []int) {
	defer hold(g, keys)()
	of := x.e.Snapshot().Group("s", g.name, 0)
	var w codec.RowWriter
	var rows [][]byte
	var some []engine.Change
	together := r.IntN(2) == 0
	changes := make([]*change, len(keys))
	for i, k := range keys {
		remove := together && r.IntN(5) == 0
		var tick uint64
		if remove {
			changes[i], tick = g.remove(k, late(r))
		} else {
			changes[i], tick = g.write(k, late(r))
		}
		row := x.row(of, &w, shown{key: k, order: changes[i].low, id: changes[i].id}, tick)
		rows, some = append(rows, row), append(some, engine.Change{Row: row, Delete: remove})
	}
	var err error
	if together {
		err = x.e.ChangeRows(context.Background(), x.ref(g), some)
	} else {
		err = x.e.WriteRows(context.Background(), x.ref(g), rows)
	}
	failed := x.failed(err)
	for i, k := range keys {
		g.end(k, changes[i], failed)
	}
}

// removeRows removes keys as of their times.
func (x *stale) removeRows(r *rand.Rand, g *groupLog, keys []int) {
	defer hold(g, keys)()
	changes := make([]*change, len(keys))
	removals := make([]engine.Removal, len(keys))
	for i, k := range keys {
		var tick uint64
		changes[i], tick = g.remove(k, late(r))
		removals[i] = engine.Removal{Key: [][]byte{strconv.AppendInt(nil, int64(k), 10)}, Time: int64(eventBase + tick)}
	}
	failed := x.failed(x.e.DeleteRows(context.Background(), x.ref(g), removals))
	for i, k := range keys {
		g.end(k, changes[i], failed)
	}
}

// erase removes keys for good, or until the table is replaced.
func (x *stale) erase(g *groupLog, keys []int) {
	for _, k := range keys {
		c := g.erase(k)
		err := x.e.DeleteRows(context.Background(), x.ref(g), []engine.Removal{{Key: [][]byte{strconv.AppendInt(nil, int64(k), 10)}, Time: math.MaxInt64}})
		g.end(k, c, x.failed(err))
	}
}

// removeOne removes the row that is there.
func (x *stale) removeOne(r *rand.Rand, g *groupLog, k int) {
	defer hold(g, []int{k})()
	var c *change
	if g.timed {
		c = g.removeStored(k)
	} else {
		c, _ = g.remove(k, 0)
	}
	err := x.e.Delete(context.Background(), x.ref(g), map[string]string{"id": strconv.Itoa(k)})
	g.end(k, c, x.failed(err))
}

// fill gives every group most of its rows.
func (x *stale) fill() {
	for _, g := range x.groups {
		var keys []int
		for k := range staleKeys {
			if k%7 != 0 {
				keys = append(keys, k)
			}
		}
		x.load(rand.New(rand.NewPCG(x.seed, 1<<32)), g, keys)
	}
}

func (x *stale) loader(r *rand.Rand) {
	g := x.groups[r.IntN(len(x.groups))]
	if g.name != "kept" && r.IntN(3) > 0 {
		empty := r.IntN(4) == 0
		x.replace(r, g, empty)
		if !empty {
			return
		}
	}
	x.load(r, g, x.keys(r, 1+r.IntN(300)))
	time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
}

// load adds rows, step by step or, where there are none, in a table of their own.
func (x *stale) load(r *rand.Rand, g *groupLog, keys []int) {
	defer hold(g, keys)()
	ctx := context.Background()
	l, err := x.e.Load(ctx, x.ref(g), engine.LoadOptions{})
	if x.failed(err) {
		return
	}
	var w codec.RowWriter
	changes := make([]*change, len(keys))
	for i, k := range keys {
		var tick uint64
		changes[i], tick = g.write(k, late(r))
		if e := l.Add(ctx, x.row(l.Group(), &w, shown{key: k, order: changes[i].low, id: changes[i].id}, tick)); err == nil {
			err = e
		}
	}
	result, e := l.Commit(ctx)
	if err == nil {
		err = e
	}
	failed := x.failed(err)
	if result.Bulk && !failed {
		x.loads.Add(1)
	}
	for i, k := range keys {
		g.end(k, changes[i], failed)
	}
}

// replace makes the table of a group another one, perhaps without rows.
func (x *stale) replace(r *rand.Rand, g *groupLog, empty bool) {
	g.replacing.Lock()
	defer g.replacing.Unlock()
	ctx := context.Background()
	g.mu.Lock()
	swap := uint64(len(g.empty))
	g.empty = append(g.empty, empty)
	g.mu.Unlock()
	l, err := x.e.Load(ctx, x.ref(g), engine.LoadOptions{Replace: true})
	if x.failed(err) {
		return
	}
	var w codec.RowWriter
	for k := range g.keys {
		if !g.loads(swap, k) {
			continue
		}
		s := shown{key: k, order: 1, swap: swap} // before whatever else arrives in this table
		var tick uint64
		if g.timed {
			log := &g.keys[k]
			log.mu.Lock()
			_, tick = log.number(late(r))
			log.mu.Unlock()
			s.order = 2 * tick
		}
		s.id = swap
		if e := l.Add(ctx, x.row(l.Group(), &w, s, tick)); err == nil {
			err = e
		}
	}
	g.begun.Store(swap)
	_, e := l.Commit(ctx)
	if err == nil {
		err = e
	}
	if !x.failed(err) {
		x.replaces.Add(1)
		for old := g.swap.Load(); old < swap && !g.swap.CompareAndSwap(old, swap); old = g.swap.Load() {
		}
	}
}

func (x *stale) reader(r *rand.Rand) {
	switch n := r.IntN(100); {
	case n == 0:
		x.search(r)
	case n < 10:
		x.read(r, "", x.groups[r.IntN(len(x.groups))], 0)
	default:
		x.read(r, views[r.IntN(len(views))], nil, 0)
	}
}

// ponderer reads by definitions, and so tables, that were replaced meanwhile.
func (x *stale) ponderer(r *rand.Rand) {
	x.read(r, views[r.IntN(len(views))], nil, time.Duration(r.Int64N(int64(patience/2))))
}

var views = []string{"v0", "v1", "v2"}

// read reads one or many vectors of a view, or rows of a group, and judges them. It
// waits between choosing how to read and reading.
func (x *stale) read(r *rand.Rand, view string, group *groupLog, wait time.Duration) {
	keys := make([]int, []int{1, 1, 1, 8, 40}[r.IntN(5)])
	for i := range keys {
		keys[i] = x.key(r)
	}
	floors := make([][3]position, len(keys))
	begin := time.Now()
	for i, k := range keys {
		for j, g := range x.groups {
			floors[i][j] = g.floor(k)
		}
	}
	var q engine.Query
	var v engine.Vectors
	var err error
	if group != nil {
		err = x.e.OpenGroup(&q, auth.All(), []byte("s"), []byte(group.name), 0)
	} else {
		err = x.e.Open(&q, auth.All(), []byte("s"), []byte(view), 0)
	}
	if x.failed(err) {
		return
	}
	for _, k := range keys {
		q.NewEntry()
		q.Key([]byte("id"), strconv.AppendInt(nil, int64(k), 10))
		q.EndEntry()
	}
	time.Sleep(wait)
	if err := x.e.Read(context.Background(), &q, &v); err != nil {
		if fail.AsError(err).Code == fail.Overloaded {
			x.overloaded.Add(1)
			return
		}
		x.failed(err)
		return
	}
	slow := time.Since(begin) > patience
	for i, k := range keys {
		x.vectors.Add(1)
		for o := range v.Plan().Groups {
			j := slices.IndexFunc(x.groups, func(g *groupLog) bool {
				return g.name == v.Plan().Reads[v.Plan().Groups[o].Read].Group.Name
			})
			x.judge(x.groups[j], k, floors[i][j], &v, i, o, slow)
		}
	}
}

func (x *stale) judge(g *groupLog, k int, floor position, v *engine.Vectors, i, o int, slow bool) {
	if slow {
		g.slow.Add(1)
		return
	}
	if err := v.Err(i); err != nil {
		x.failed(err)
		return
	}
	var row *shown
	if r, ok := v.Row(i, o); ok {
		s := parseShown(r)
		row = &s
	}
	x.verdict(g, k, g.judge(k, floor, row))
}

func (x *stale) verdict(g *groupLog, k int, fault string) {
	if fault == "" {
		return
	}
	if x.violations.Add(1) <= 3 {
		x.t.Errorf("QUIVER_SEED=%d, call %d: %s key %d: %s\n%s", x.seed, x.calls.Load(), g.name, k, fault, g.history(k))
	}
	x.over.Store(true)
}

// search finds rows by the index and judges those it finds.
func (x *stale) search(r *rand.Rand) {
	g := x.groups[2]
	begin := time.Now()
	floors := make([]position, len(g.keys))
	for k := range floors {
		floors[k] = g.floor(k)
	}
	var f engine.Finder
	if err := x.e.OpenIndex(&f, x.e.Snapshot().Group("s", g.name, 0), []string{"part"}, staleKeys); x.failed(err) {
		return
	}
	f.Search([][]byte{strconv.AppendInt(nil, int64(r.IntN(16)), 10)})
	if x.failed(x.e.Find(context.Background(), &f)) {
		return
	}
	if time.Since(begin) > patience {
		g.slow.Add(1)
		return
	}
	for _, r := range f.Rows(0) {
		x.found.Add(1)
		s := parseShown(r)
		x.verdict(g, s.key, g.judge(s.key, floors[s.key], &s))
	}
}

// compare asks cache and store for every row.
func (x *stale) compare() {
	for _, g := range x.groups {
		table := x.e.Snapshot().Group("s", g.name, 0).Table
		for k := range g.keys {
			route, err := codec.AppendKeyJSON(nil, &codec.Type{Kind: codec.KindBigInt}, strconv.AppendInt(nil, int64(k), 10))
			if err != nil {
				x.t.Fatal(err)
			}
			got, want := rowOf(x.t, x.cache, table, route), rowOf(x.t, x.store, table, route)
			if got != want {
				x.t.Errorf("QUIVER_SEED=%d: %s key %d: the cache has %.200q, the store %.200q\n%s", x.seed, g.name, k, got, want, g.history(k))
			}
		}
	}
}

func rowOf(t *testing.T, s storage.Store, table uint32, route []byte) string {
	t.Helper()
	var b storage.Batch
	b.Add(storage.Key{Table: table, Route: route})
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	row, version, err := b.Row(0)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %v %s", version, row != nil, row)
}

// report prints what happened, and fails if too little did.
func (x *stale) report(took time.Duration) {
	s := x.cache.Stats()
	var raced, missing, slow uint64
	for _, g := range x.groups {
		raced, missing, slow = raced+g.raced.Load(), missing+g.missing.Load(), slow+g.slow.Load()
	}
	x.t.Logf("%d operations in %v, %d violations", x.calls.Load(), took.Round(time.Millisecond), x.violations.Load())
	x.t.Logf("%d vectors read, %d rows found by index; of their rows %d beside a change of it, %d missing, %d too slow to judge, %d reads refused",
		x.vectors.Load(), x.found.Load(), raced, missing, slow, x.overloaded.Load())
	x.t.Logf("cache: %.3f hits, %d fills refused, %d promotions, the ring full %.1f times",
		float64(s.Hits)/float64(max(1, s.Hits+s.Misses)), s.Refused, s.Promoted, float64(s.Written)/float64(s.Capacity))
	x.t.Logf("%d tables replaced, %d built beside, %d definitions with %d added columns, %d calls that met them",
		x.replaces.Load(), x.loads.Load(), x.definitions.Load(), x.columns.Load(), x.conflicts.Load())
	if x.t.Failed() {
		return
	}
	for _, what := range x.unmet() {
		x.t.Errorf("the history never met %s", what)
	}
}

// unmet names what must have happened for the history to mean something, and has not.
func (x *stale) unmet() []string {
	s := x.cache.Stats()
	var raced, missing uint64
	for _, g := range x.groups {
		raced, missing = raced+g.raced.Load(), missing+g.missing.Load()
	}
	var names []string
	f := func(what string, met bool) {
		if !met {
			names = append(names, what)
		}
	}
	f("a hit", s.Hits > 0)
	f("a refused fill", s.Refused > 0)
	f("a promotion", s.Promoted > 0)
	f("evictions", s.Written > 2*uint64(s.Capacity))
	f("two replaced tables", x.replaces.Load() > 1)
	f("a read beside a change", raced > 0)
	f("a missing row", missing > 0)
	f("a row found by index", x.found.Load() > 0)
	f("a change of definitions", x.definitions.Load() > 1)
	return names
}
