package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

const (
	// chunksInMemory is how many chunks share Options.BulkBytes: one being
	// filled, one being sorted, the rest kept sorted until Commit.
	chunksInMemory = 4
	// maxChunk bounds a chunk, whose offsets have 32 bits.
	maxChunk = 1 << 30
	// maxRuns is how many runs of one level are merged into one of the next,
	// so that the last merge never has more than this many per level open.
	maxRuns = 64
	// tableBytes is where a table file is cut.
	tableBytes = 256 << 20
	// syncBytes smooths the writing of files.
	syncBytes = 1 << 20
)

// bulk implements storage.Bulk: rows are collected in chunks of memory, which are
// sorted beside the caller and, from the third on, written to temporary files;
// Commit merges them into table files, one sequence per shard, and ingests those.
type bulk struct {
	s       *Store
	table   uint32
	dir     string
	numbers []uint64 // per shard, what NextVersion rows carry
	limit   int      // bytes of a chunk

	chunk   *chunk
	free    []*chunk
	pending chan sorted // the chunk being sorted; nil if there is none
	runs    []*run      // in the order of arrival
	files   int
	done    bool
	err     error // what ended the load
}

// sorted is what sorting a chunk gave: a run in memory or in a file.
type sorted struct {
	run  *run
	free *chunk // for reuse, if the run is in a file
	err  error
}

var errBulkDone = errors.New("bulk load is already committed or aborted")

// BulkLoad implements storage.BulkLoader. Rows are sorted within
// Options.BulkBytes of memory, more goes through temporary files beside the shards,
// and every shard gets its rows as table files that need no compaction.
func (s *Store) BulkLoad(ctx context.Context, table uint32) (storage.Bulk, error) {
	if !s.running.enter() {
		return nil, storage.ErrClosed
	}
	defer s.running.leave()
	l := &bulk{
		s: s, table: table,
		dir:     s.fs.PathJoin(s.dir, fmt.Sprint(bulkPrefix, s.bulks.Add(1))),
		numbers: make([]uint64, len(s.shards)),
		limit:   int(min(s.o.BulkBytes/chunksInMemory, maxChunk)),
	}
	if err := s.ballast.mayWrite(); err != nil {
		return nil, err
	}
	for i, sh := range s.shards {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := errors.Join(sh.mayWrite(), sh.mustBeEmpty(table)); err != nil {
			return nil, fmt.Errorf("cannot bulk load table %d: %w", table, err)
		}
		sh.mu.Lock()
		sh.state.counter++
		l.numbers[i] = sh.state.counter
		sh.mu.Unlock()
	}
	if err := s.o.FS.MkdirAll(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot bulk load table %d: %w", table, err)
	}
	return l, nil
}

const bulkPrefix = "bulk-"

// removeBulks removes what bulk loads left behind that a crash ended.
func (s *Store) removeBulks() error {
	names, err := s.o.FS.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, bulkPrefix) {
			if err := s.o.FS.RemoveAll(s.fs.PathJoin(s.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Add implements storage.Bulk.
func (l *bulk) Add(w storage.Write) error {
	if l.done {
		return errBulkDone
	}
	if l.err != nil {
		return l.err
	}
	if w.Table != l.table {
		return fmt.Errorf("%w: row of table %d in a bulk load of table %d", storage.ErrInvalid, w.Table, l.table)
	}
	if err := w.Check(); err != nil {
		return err
	}
	size := keyLen(&w.Key) + envelopeLen(&w)
	if l.chunk != nil && !l.chunk.fits(size, l.limit) {
		if l.err = l.handOver(); l.err != nil {
			return l.err
		}
	}
	if l.chunk == nil {
		l.chunk = l.takeChunk()
	}
	shard := shardOf(w.Route, len(l.numbers))
	version := w.Version
	if version == storage.NextVersion {
		version = l.numbers[shard]
	}
	l.chunk.grow(size, l.limit)
	l.chunk.add(shard, &w, version)
	return nil
}

func (l *bulk) takeChunk() *chunk {
	if n := len(l.free); n > 0 {
		c := l.free[n-1]
		l.free = l.free[:n-1]
		c.reset()
		return c
	}
	return &chunk{}
}

// handOver lets the full chunk be sorted in the background, after the one before
// is done.
func (l *bulk) handOver() error {
	if err := l.collect(); err != nil {
		return err
	}
	c, keep := l.chunk, len(l.runs) < chunksInMemory-2
	l.chunk = nil
	name := l.fileName("run")
	pending := make(chan sorted, 1)
	l.pending = pending
	go func() {
		c.sort()
		if keep {
			pending <- sorted{run: c.run()}
			return
		}
		r, err := writeRun(l.s.o.FS, name, []*run{c.run()}, len(l.numbers))
		pending <- sorted{run: r, free: c, err: err}
	}()
	return nil
}

// collect takes over the chunk that is being sorted, if there is one.
func (l *bulk) collect() error {
	if l.pending == nil {
		return nil
	}
	r := <-l.pending
	l.pending = nil
	if r.err != nil {
		return fmt.Errorf("cannot bulk load table %d: %w", l.table, asFull(r.err))
	}
	l.runs = append(l.runs, r.run)
	if r.free != nil {
		l.free = append(l.free, r.free)
	}
	return l.mergeRuns()
}

// mergeRuns merges the last maxRuns runs into one of the next level, if they are all
// of one level.
func (l *bulk) mergeRuns() error {
	n := len(l.runs) - maxRuns
	if n < 0 {
		return nil
	}
	last := l.runs[n:]
	level := last[len(last)-1].level
	if last[0].level != level || last[0].file == nil {
		return nil
	}
	r, err := writeRun(l.s.o.FS, l.fileName("run"), last, len(l.numbers))
	if err != nil {
		return fmt.Errorf("cannot bulk load table %d: %w", l.table, asFull(err))
	}
	r.level = level + 1
	for _, old := range last {
		if err := old.remove(); err != nil {
			return fmt.Errorf("cannot bulk load table %d: %w", l.table, err)
		}
	}
	l.runs = append(l.runs[:n], r)
	return l.mergeRuns()
}

func (l *bulk) fileName(kind string) string {
	l.files++
	return l.s.fs.PathJoin(l.dir, fmt.Sprintf("%s-%06d", kind, l.files))
}

// Commit implements storage.Bulk.
func (l *bulk) Commit(ctx context.Context) error {
	if l.done {
		return errBulkDone
	}
	if !l.s.running.enter() {
		return errors.Join(storage.ErrClosed, l.Abort())
	}
	defer l.s.running.leave()
	err := l.err
	if err == nil {
		err = l.commit(ctx)
	}
	if err != nil {
		err = fmt.Errorf("cannot bulk load table %d: %w", l.table, asFull(asCorrupt(err)))
	}
	return errors.Join(err, l.Abort())
}

// Abort implements storage.Bulk.
func (l *bulk) Abort() error {
	if l.done {
		return nil
	}
	l.done = true
	if l.pending != nil {
		if r := <-l.pending; r.run != nil {
			l.runs = append(l.runs, r.run)
		}
		l.pending = nil
	}
	var errs []error
	for _, r := range l.runs {
		errs = append(errs, r.close())
	}
	l.runs, l.chunk, l.free = nil, nil, nil
	if err := l.s.o.FS.RemoveAll(l.dir); err != nil {
		errs = append(errs, fmt.Errorf("cannot remove the temporary files of a bulk load: %w", err))
	}
	return errors.Join(errs...)
}

func (l *bulk) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.collect(); err != nil {
		return err
	}
	if l.chunk != nil {
		l.chunk.sort()
		l.runs = append(l.runs, l.chunk.run())
	}
	tables, err := l.writeTables(ctx)
	if err != nil {
		return err
	}
	for i, sh := range l.s.shards {
		if err := ctx.Err(); err != nil {
			return l.undo(i, err)
		}
		if err := sh.ingest(ctx, l.table, tables[i]); err != nil {
			return l.undo(i, fmt.Errorf("%s: %w", sh.name, err))
		}
	}
	return nil
}

// undo drops the table from the first n shards, which have got their rows.
func (l *bulk) undo(n int, err error) error {
	for _, sh := range l.s.shards[:n] {
		if derr := sh.drop(context.Background(), l.table); derr != nil {
			return errors.Join(err, fmt.Errorf("%s keeps rows: %w", sh.name, derr))
		}
	}
	return err
}

// writeTables merges the runs into table files and returns their names, per shard.
// Half of the cores take part: reads go on meanwhile.
func (l *bulk) writeTables(ctx context.Context) ([][]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	names := make([][]string, len(l.numbers))
	errs := make([]error, len(l.numbers))
	limit := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	var wg sync.WaitGroup
	for i, sh := range l.s.shards {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			w := &tableWriter{sh: sh, fs: l.s.o.FS, prefix: l.s.fs.PathJoin(l.dir, sh.name), limit: tableBytes}
			errs[i] = errors.Join(merge(ctx, l.runs, i, w), w.close())
			names[i] = w.names
			if errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return names, errors.Join(errs...)
}

// tableWriter writes sorted rows to table files.
type tableWriter struct {
	sh     *shard
	fs     vfs.FS
	prefix string
	names  []string
	limit  int // where a file is cut, in bytes
	w      *sstable.Writer
	bytes  int
}

func (t *tableWriter) add(key, value []byte) error {
	if t.w != nil && t.bytes >= t.limit {
		if err := t.close(); err != nil {
			return err
		}
	}
	if t.w == nil {
		name := fmt.Sprintf("%s-%04d.sst", t.prefix, len(t.names))
		f, err := t.fs.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: syncBytes})
		t.names = append(t.names, name)
		t.bytes = 0
		t.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), t.sh.options.MakeWriterOptions(lastLevel, t.sh.db.TableFormat()))
	}
	t.bytes += len(key) + len(value)
	return t.w.Set(key, value)
}

// lastLevel is where ingested tables end up.
const lastLevel = 6

// close finishes and syncs the current file.
func (t *tableWriter) close() error {
	if t.w == nil {
		return nil
	}
	err := t.w.Close()
	t.w = nil
	return err
}

// ingest makes table files part of the shard. The numbers they use are durable
// before the first of their rows is visible.
func (sh *shard) ingest(ctx context.Context, table uint32, names []string) error {
	if len(names) == 0 {
		return nil
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := sh.mustBeEmpty(table); err != nil {
		return err
	}
	c, err := sh.finish(sh.db.NewBatch())
	if err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	sh.idle.begin()
	err = sh.db.Ingest(ctx, names)
	sh.idle.end()
	return err
}

// mustBeEmpty returns ErrNotEmpty if the shard has rows or tombstones of table.
func (sh *shard) mustBeEmpty(table uint32) error {
	it, err := sh.db.NewIter(&pebble.IterOptions{LowerBound: appendTable(nil, table), UpperBound: appendTableEnd(nil, table)})
	if err != nil {
		return err
	}
	found, err := step(sh, it.First)
	if err != nil {
		closeQuietly(it)
		return err
	}
	if err := it.Close(); err != nil {
		return asCorrupt(err)
	}
	if found {
		return storage.ErrNotEmpty
	}
	return nil
}
