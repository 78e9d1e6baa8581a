package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

var (
	rounds = flag.Int("rounds", 200, "crash rounds of TestCrash")
	seed   = flag.Uint64("seed", 0, "seed of the random tests; 0 picks one")
)

// newRand returns a generator whose seed is printed if the test fails.
func newRand(t testing.TB) *rand.Rand {
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("play it again with -seed %d", n)
		}
	})
	return rand.New(rand.NewPCG(n, 0))
}

const (
	crashShards  = 2
	crashWriters = 3
	crashRoutes  = 12 // per writer
	givenTable   = 10 // written with given versions, by all writers
	numberTable  = 11 // written with NextVersion; each route has one writer
	mateTable    = 12 // gets the same as givenTable, under the same route, in the same call
)

// crashRow is the row of a route under a version, so that it can be checked without
// being remembered. Every seventh is a deletion.
func crashRow(route uint64, version uint64) (row []byte, deleted bool) {
	if version%7 == 0 {
		return nil, true
	}
	return bytes.Repeat(fmt.Appendf(nil, "%d/%d;", route, version), int(1+version%40)), false
}

func crashKey(table uint32, route uint64) storage.Key {
	return storage.Key{Table: table, Route: binary.BigEndian.AppendUint64(nil, route)}
}

// crashModel is what the writers know. Everything in it was acknowledged.
type crashModel struct {
	mu      sync.Mutex
	given   map[uint64]uint64    // route -> greatest version
	issued  map[uint64]uint64    // route -> greatest version that was tried
	serial  map[uint64]uint64    // route of numberTable -> serial number in its row
	number  map[uint64]uint64    // route of numberTable -> its version
	numbers map[[2]uint64]uint64 // shard, version -> route*2^32+serial, since the last crash
	floor   [crashShards]uint64  // greatest number acknowledged before the last crash
	bulk    map[uint32]int       // table -> rows, of loads that were committed
	tried   map[uint32]bool      // loads that were begun
	dropped map[uint32]bool
	acks    int
}

func newCrashModel() *crashModel {
	return &crashModel{
		given: map[uint64]uint64{}, issued: map[uint64]uint64{}, serial: map[uint64]uint64{}, number: map[uint64]uint64{},
		numbers: map[[2]uint64]uint64{}, bulk: map[uint32]int{}, tried: map[uint32]bool{}, dropped: map[uint32]bool{},
	}
}

// snapshot is the model as it is now; what is tried from here on never happened.
func (m *crashModel) snapshot() *crashModel {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &crashModel{
		given: maps.Clone(m.given), issued: m.issued, serial: maps.Clone(m.serial), number: maps.Clone(m.number),
		numbers: maps.Clone(m.numbers), floor: m.floor, bulk: maps.Clone(m.bulk), tried: m.tried, dropped: maps.Clone(m.dropped), acks: m.acks,
	}
}

// noteNumber checks that a number of numberTable was never given to another write.
func (m *crashModel) noteNumber(t *testing.T, route, version, serial uint64) {
	shard := shardOf(crashKey(0, route).Route, crashShards)
	if version <= m.floor[shard] {
		t.Errorf("shard %d gave number %d to route %d write %d after it had given out %d", shard, version, route, serial, m.floor[shard])
	}
	at, what := [2]uint64{uint64(shard), version}, route<<32+serial
	if before, ok := m.numbers[at]; ok && before != what {
		t.Errorf("shard %d gave number %d to route %d write %d and to route %d write %d", shard, version, before>>32, before&(1<<32-1), route, serial)
	}
	m.numbers[at] = what
}

// crashWriter writes until stop is closed.
func crashWriter(t *testing.T, s *Store, m *crashModel, id int, rng *rand.Rand, stop <-chan struct{}) {
	ctx := context.Background()
	for {
		select {
		case <-stop:
			return
		default:
		}
		var ws []storage.Write
		given := map[uint64]uint64{}
		for range rng.IntN(4) {
			route, version := uint64(rng.IntN(crashRoutes)), 1+rng.Uint64N(1<<30)
			row, deleted := crashRow(route, version)
			for _, table := range []uint32{givenTable, mateTable} {
				ws = append(ws, storage.Write{Key: crashKey(table, route), Version: version, Row: row, Delete: deleted})
			}
			given[route] = max(given[route], version)
		}
		serials := map[uint64]uint64{}
		m.mu.Lock()
		for route, version := range given {
			m.issued[route] = max(m.issued[route], version)
		}
		for range 1 + rng.IntN(2) {
			route := uint64(id*crashRoutes + rng.IntN(crashRoutes))
			if serials[route] == 0 {
				serials[route] = m.serial[route] + 1
				ws = append(ws, storage.Write{Key: crashKey(numberTable, route), Row: binary.BigEndian.AppendUint64(nil, serials[route])})
			}
		}
		m.mu.Unlock()
		if err := s.Apply(ctx, ws); err != nil {
			t.Errorf("Apply: %v", err)
			return
		}
		var b storage.Batch
		var routes []uint64
		for route := range serials {
			b.Add(crashKey(numberTable, route))
			routes = append(routes, route)
		}
		if err := s.Get(ctx, &b); err != nil {
			t.Errorf("Get: %v", err)
			return
		}
		m.mu.Lock()
		for route, version := range given {
			m.given[route] = max(m.given[route], version)
		}
		for i, route := range routes {
			row, version, err := b.Row(i)
			if err != nil || len(row) != 8 || binary.BigEndian.Uint64(row) != serials[route] || version <= m.number[route] {
				t.Errorf("route %d: got %x version %d after write %d and version %d, %v", route, row, version, serials[route], m.number[route], err)
			}
			m.serial[route], m.number[route] = serials[route], version
			m.noteNumber(t, route, version, serials[route])
		}
		m.acks++
		m.mu.Unlock()
	}
}

const crashBulkRows = 60

// crashLoader bulk loads tables, and drops them again, until stop is closed.
func crashLoader(t *testing.T, s *Store, m *crashModel, first uint32, rng *rand.Rand, stop <-chan struct{}) {
	ctx := context.Background()
	for table := first; ; table++ {
		select {
		case <-stop:
			return
		default:
		}
		m.mu.Lock()
		m.tried[table] = true
		m.mu.Unlock()
		l, err := s.BulkLoad(ctx, table)
		if err != nil {
			t.Errorf("BulkLoad: %v", err)
			return
		}
		for i := range crashBulkRows {
			if err := l.Add(storage.Write{Key: crashKey(table, uint64(i)), Version: 5, Row: bytes.Repeat([]byte{byte(i)}, 100)}); err != nil {
				t.Errorf("Add: %v", err)
			}
		}
		if err := l.Commit(ctx); err != nil {
			t.Errorf("Commit: %v", err)
			return
		}
		m.mu.Lock()
		m.bulk[table] = crashBulkRows
		m.mu.Unlock()
		if rng.IntN(2) == 0 {
			m.mu.Lock()
			delete(m.bulk, table) // from here on anything may be there
			m.mu.Unlock()
			if err := s.DropTable(ctx, table); err != nil {
				t.Errorf("DropTable: %v", err)
				return
			}
			m.mu.Lock()
			m.dropped[table] = true
			m.mu.Unlock()
		}
	}
}

// verify compares a store that was opened after a crash with what was acknowledged
// before, and returns the model of what it has.
func (m *crashModel) verify(t *testing.T, s *Store) *crashModel {
	t.Helper()
	now := newCrashModel()
	now.issued, now.floor = m.issued, m.floor
	for at := range m.numbers {
		now.floor[at[0]] = max(now.floor[at[0]], at[1])
	}
	ctx := context.Background()
	for route := range uint64(crashWriters * crashRoutes) {
		var b storage.Batch
		for _, table := range []uint32{givenTable, mateTable, numberTable} {
			b.Add(crashKey(table, route))
		}
		if err := s.Get(ctx, &b); err != nil {
			t.Fatal(err)
		}
		row, version, err := b.Row(0)
		if err != nil {
			t.Fatal(err)
		}
		mateRow, mateVersion, err := b.Row(1)
		if err != nil || version != mateVersion || !bytes.Equal(row, mateRow) {
			t.Errorf("route %d: half of a call is there: version %d and %d, %v", route, version, mateVersion, err)
		}
		if version < m.given[route] || version > m.issued[route] {
			t.Errorf("route %d has version %d; %d was acknowledged and %d tried", route, version, m.given[route], m.issued[route])
		}
		if version > 0 {
			if wantRow, deleted := crashRow(route, version); deleted != (row == nil) || !bytes.Equal(row, wantRow) {
				t.Errorf("route %d version %d has row %.40q, want %.40q", route, version, row, wantRow)
			}
			now.given[route] = version
		}
		row, version, err = b.Row(2)
		if err != nil {
			t.Fatal(err)
		}
		var serial uint64
		if row != nil {
			serial = binary.BigEndian.Uint64(row)
		}
		if serial < m.serial[route] || version < m.number[route] || serial == m.serial[route] && version != m.number[route] {
			t.Errorf("route %d is at write %d number %d; write %d number %d was acknowledged", route, serial, version, m.serial[route], m.number[route])
		}
		if serial > 0 {
			now.serial[route], now.number[route] = serial, version
		}
	}
	for table := range m.tried {
		rows := 0
		err := s.Range(ctx, table, storage.Key{}, func(k storage.Key, version uint64, row []byte) bool {
			rows++
			if i := binary.BigEndian.Uint64(k.Route); version != 5 || !bytes.Equal(row, bytes.Repeat([]byte{byte(i)}, 100)) {
				t.Errorf("table %d row %d: version %d, %x", table, i, version, row)
			}
			return true
		})
		if err != nil {
			t.Error(err)
		}
		if n, ok := m.bulk[table]; ok && rows != n {
			t.Errorf("bulk loaded table %d has %d rows, want %d", table, rows, n)
		}
		if m.dropped[table] && rows != 0 {
			t.Errorf("dropped table %d has %d rows", table, rows)
		}
	}
	return now
}

// crashFS is a file system to be cloned while it is in use. Three of MemFS's calls take
// the lock that its CrashClone waits for twice, and both then wait for ever: here a
// clone first waits for them.
type crashFS struct {
	*vfs.MemFS
	twice sync.RWMutex
}

func (fs *crashFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	fs.twice.RLock()
	defer fs.twice.RUnlock()
	return fs.MemFS.ReuseForWrite(from, to, category)
}

func (fs *crashFS) Link(from, to string) error {
	fs.twice.RLock()
	defer fs.twice.RUnlock()
	return fs.MemFS.Link(from, to)
}

func (fs *crashFS) Lock(name string) (io.Closer, error) {
	fs.twice.RLock()
	defer fs.twice.RUnlock()
	return fs.MemFS.Lock(name)
}

func (fs *crashFS) CrashClone(cfg vfs.CrashCloneCfg) *vfs.MemFS {
	fs.twice.Lock()
	defer fs.twice.Unlock()
	return fs.MemFS.CrashClone(cfg)
}

// TestCrash cuts the power at random moments while writers write, loaders load and
// tables are dropped, with any share of what was not synced on the disk all the
// same, and checks that nothing acknowledged is lost, versions never go back,
// numbers are never given twice and calls are whole.
func TestCrash(t *testing.T) {
	rng := newRand(t)
	n := *rounds
	if raceEnabled {
		n /= 4
	}
	disk := &crashFS{MemFS: vfs.NewCrashableMem()}
	m := newCrashModel()
	acks := 0
	for round := range n {
		o := small(t, disk, crashShards)
		o.MemTableBytes = 64 << 10
		s, err := Open("data", o)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		m = m.verify(t, s)
		if t.Failed() {
			t.Fatalf("round %d of %d", round, n)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for id := range crashWriters {
			wr := rand.New(rand.NewPCG(rng.Uint64(), 0))
			wg.Go(func() { crashWriter(t, s, m, id, wr, stop) })
		}
		if round%4 == 0 {
			lr := rand.New(rand.NewPCG(rng.Uint64(), 0))
			wg.Go(func() { crashLoader(t, s, m, uint32(1000+round*1000), lr, stop) })
		}
		time.Sleep(time.Duration(rng.IntN(15)) * time.Millisecond)
		known := m.snapshot()
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rand.New(rand.NewPCG(rng.Uint64(), 0))})
		close(stop)
		wg.Wait()
		acks += known.acks
		mustClose(t, s)
		disk, m = &crashFS{MemFS: crashed}, known
	}
	t.Logf("%d crashes, %d acknowledged calls", n, acks)
	if acks < n {
		t.Fatalf("only %d calls were acknowledged in %d rounds: the test tests little", acks, n)
	}
}

// TestCrashDuringOpen cuts the power while a store is opened, again and again: a new
// one until it has been made, then one with rows, whose logs are replayed each time.
func TestCrashDuringOpen(t *testing.T) {
	rng := newRand(t)
	n := *rounds
	if raceEnabled {
		n /= 4
	}
	disk := &crashFS{MemFS: vfs.NewCrashableMem()}
	made := 0
	for round := range n {
		if round%20 == 19 { // start afresh
			disk = &crashFS{MemFS: vfs.NewCrashableMem()}
			made = 0
		}
		opened := make(chan *Store, 1)
		failed := make(chan error, 1)
		go func() {
			s, err := Open("data", small(t, disk, 2))
			opened <- s
			failed <- err
		}()
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		// All that was not synced or none of it: with a part of it Pebble 2.1.7 may find the
		// marker of a MANIFEST without the MANIFEST, which one sync of their folder made
		// durable together. File systems that keep the order of names do not do that.
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * rng.IntN(2), RNG: rand.New(rand.NewPCG(rng.Uint64(), 0))})
		s := <-opened
		if err := <-failed; err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for i := range made {
			if row, _, err := read(t, s, crashKey(1, uint64(i))); string(row) != fmt.Sprint(i) || err != nil {
				t.Fatalf("round %d: row %d is %q, %v", round, i, row, err)
			}
		}
		if round%3 == 0 { // this open was not cut short
			write(t, s, storage.Write{Key: crashKey(1, uint64(made)), Version: 1, Row: fmt.Append(nil, made)})
			made++
			crashed = disk.CrashClone(vfs.CrashCloneCfg{})
		}
		mustClose(t, s)
		disk = &crashFS{MemFS: crashed}
	}
}
