package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// Store is a storage.Store on the local disk that is also a Ranger, Floorer,
// TableDropper, BulkLoader and Checkpointer. Its methods may be called from many
// goroutines. Make one with Open.
type Store struct {
	dir    string
	o      Options
	fs     vfs.FS // with all wrappers; what Pebble writes through
	log    logger
	stats  Stats
	lock   *lock
	shards []*shard
	cache  *pebble.Cache
	files  *pebble.FileCache
	health io.Closer // stops the disk checks

	acked   *acked
	ballast *ballast
	damage  damage
	pool    *fanPool // nil if Gets never fan out

	fence    storage.Fence
	running  running
	failed   atomic.Bool  // the process is about to end
	bulks    atomic.Int64 // names the folders of bulk loads
	getters  sync.Pool    // *getter
	made     atomic.Int64 // getters
	appliers sync.Pool    // *applier
	floors   sync.Pool    // *floorer
}

// Open opens the store in dir, which is made if it does not exist. One process may
// have a folder open: a second gets ErrLocked. A folder whose logs or tables are
// damaged beyond opening gives ErrCorrupt.
func Open(dir string, o Options) (_ *Store, err error) {
	o.setDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("cannot open store %s: %w", dir, err)
	}
	s := &Store{dir: dir, o: o}
	defer func() {
		if err != nil {
			s.release()
			err = fmt.Errorf("cannot open store %s: %w", dir, err)
		}
	}()
	return s, s.open()
}

func (s *Store) open() error {
	s.log = logger{s}
	s.getters.New = func() any { return newGetter(s) }
	s.appliers.New = func() any { return newApplier(s) }
	s.floors.New = func() any { return new(floorer) }
	var err error
	if s.dir, err = makeFolder(s.o.FS, s.dir); err != nil {
		return err
	}
	if s.lock, err = takeLock(s.o.FS, s.dir); err != nil {
		return err
	}
	n, isNew, err := s.shardCount()
	if err != nil {
		return err
	}
	s.fs = s.o.FS
	if err := s.removeBulks(); err != nil {
		return err
	}
	s.fs, s.health = vfs.WithDiskHealthChecks(s.o.FS, slowDisk, nil, func(info vfs.DiskSlowInfo) {
		s.stats.DiskSlow.Add(1)
		go s.o.Log(slog.LevelWarn, "disk is slow: "+info.String()) // may not block here
	})
	s.ballast = s.openBallast(s.fs)
	s.fs = damageFS{vfs.OnDiskFull(s.fs, s.ballast.release), &s.damage}
	s.cache = pebble.NewCache(s.o.CacheBytes)
	s.files = pebble.NewFileCache(runtime.GOMAXPROCS(0), s.o.MaxOpenFiles)
	s.shards = make([]*shard, n)
	for i := range s.shards {
		s.shards[i] = &shard{store: s, index: i, name: shardName(i), idle: newIdle()}
	}
	if err := s.openShards(isNew); err != nil {
		return err
	}
	if err := s.openAcked(); err != nil {
		return err
	}
	if isNew {
		if err := writeFormat(s.fs, s.dir, n); err != nil {
			return err
		}
	}
	s.pool, err = s.newPool()
	return err
}

// slowDisk is from when a disk operation counts as slow.
const slowDisk = 5 * time.Second

// openShards opens all shards at the same time, since each may have a log to replay.
func (s *Store) openShards(isNew bool) error {
	errs := make([]error, len(s.shards))
	var wg sync.WaitGroup
	for i, sh := range s.shards {
		wg.Go(func() { errs[i] = sh.open(isNew) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Shards is the number of shards the folder has.
func (s *Store) Shards() int { return len(s.shards) }

// Close implements storage.Store. It waits for running calls and then for running
// flushes and compactions.
func (s *Store) Close() error {
	if !s.running.stop() {
		return storage.ErrClosed
	}
	return s.release()
}

// release gives back whatever open got so far.
func (s *Store) release() error {
	var errs []error
	if s.pool != nil {
		errs = append(errs, s.pool.ReleaseTimeout(poolRelease))
	}
	for _, sh := range s.shards {
		if sh.db != nil {
			errs = append(errs, sh.close())
		}
	}
	if s.acked != nil {
		errs = append(errs, s.acked.close())
	}
	if s.files != nil {
		s.files.Unref()
	}
	if s.cache != nil {
		s.cache.Unref()
	}
	if s.health != nil {
		errs = append(errs, s.health.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot close store %s: %w", s.dir, err)
	}
	return nil
}

// running counts the calls inside the store, so that Close can wait for them. A
// lock of the read-write kind would not do: a call may make another (f of Range),
// and that one would wait for the Close that waits for the first.
type running struct {
	n    atomic.Int64 // calls inside, plus stopped once Close was called
	idle chan struct{}
	mu   sync.Mutex
}

const stopped = 1 << 62

// enter tells whether a call may go on; then leave must follow.
func (r *running) enter() bool {
	if r.n.Add(1) < stopped {
		return true
	}
	r.leave()
	return false
}

func (r *running) leave() {
	if r.n.Add(-1) == stopped {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.idle != nil {
			close(r.idle)
			r.idle = nil
		}
	}
}

// stop refuses new calls and waits for the running ones. It returns false if that
// was done before.
func (r *running) stop() bool {
	r.mu.Lock()
	if r.n.Load() >= stopped {
		r.mu.Unlock()
		return false
	}
	idle := make(chan struct{})
	r.idle = idle
	left := r.n.Add(stopped) - stopped
	if left == 0 {
		r.idle = nil
		r.mu.Unlock()
		return true
	}
	r.mu.Unlock()
	<-idle
	return true
}
