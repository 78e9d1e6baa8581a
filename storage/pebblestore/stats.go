package pebblestore

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Stats are counters since Open; read them at any time.
type Stats struct {
	Corruptions      atomic.Int64 // damaged blocks met
	ReadOnly         atomic.Int64 // shards that take no writes because their state is damaged
	BackgroundErrors atomic.Int64 // flushes and compactions that failed
	WriteStalls      atomic.Int64 // times a shard delayed its writes
	Stalled          atomic.Int64 // shards that delay their writes now
	DiskSlow         atomic.Int64 // disk operations that took over 5 s
	LowDisk          atomic.Int64 // warnings of little free space
	Full             atomic.Bool  // writes are refused with ErrFull
	Panics           atomic.Int64 // panics out of Pebble turned into errors
	FannedOut        atomic.Int64 // Gets that read their shards at the same time
	Iterators        atomic.Int64 // iterators that Gets made; others they found idle
}

// Stats returns the store's own counters, not a copy.
func (s *Store) Stats() *Stats { return &s.stats }

// logger is Pebble's logger. Fatalf ends the process: Pebble calls it when a write
// to the log or the manifest failed and would carry on, as if nothing were wrong,
// if it returned.
type logger struct{ s *Store }

func (l logger) Infof(format string, args ...any) {
	l.s.o.Log(slog.LevelDebug, fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.s.o.Log(slog.LevelError, fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) { l.s.die(fmt.Sprintf(format, args...)) }

// die ends the process; see Options.Exit. It never returns.
func (s *Store) die(text string) {
	s.failed.Store(true)
	s.o.Log(slog.LevelError, "store cannot go on: "+text)
	s.o.Exit(text)
	runtime.Goexit()
}

// seldom logs errors of one kind at most once in seldomEvery.
type seldom struct{ last atomic.Int64 }

const seldomEvery = time.Second

func (l *seldom) log(s *Store, text func() string) {
	now := time.Now().UnixNano()
	if last := l.last.Load(); now-last > int64(seldomEvery) && l.last.CompareAndSwap(last, now) {
		line, _, _ := strings.Cut(text(), "\n")
		s.o.Log(slog.LevelError, line)
	}
}

// listener counts what happens in a shard. Its functions run inside Pebble and must
// not block; DiskSlow comes from the disk checks, which all shards share.
func (s *Store) listener(sh *shard) *pebble.EventListener {
	return &pebble.EventListener{
		// Pebble's own handler of this one ends the process. A damaged
		// block is answered per key instead.
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.stats.Corruptions.Add(1)
			s.damage.note(info)
			sh.damages.log(s, func() string {
				return fmt.Sprintf("%s: file %s is damaged: %v", sh.name, info.Path, info.Details)
			})
		},
		BackgroundError: func(err error) {
			s.stats.BackgroundErrors.Add(1)
			sh.failures.log(s, func() string {
				return fmt.Sprintf("%s: flush or compaction failed: %v", sh.name, err)
			})
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.stats.WriteStalls.Add(1)
			s.stats.Stalled.Add(1)
			s.o.Log(slog.LevelWarn, fmt.Sprintf("%s: writes wait: %s", sh.name, info.Reason))
		},
		WriteStallEnd: func() { s.stats.Stalled.Add(-1) },
		// What a flush or compaction has replaced is let go.
		FlushEnd:      func(pebble.FlushInfo) { sh.idle.outdated() },
		CompactionEnd: func(pebble.CompactionInfo) { sh.idle.outdated() },
		LowDiskSpace: func(info pebble.LowDiskSpaceInfo) {
			s.stats.LowDisk.Add(1)
			s.o.Log(slog.LevelWarn, fmt.Sprintf("%s: less than %d %% of the disk is free: %d MiB", sh.name, info.PercentThreshold, info.AvailBytes>>20))
		},
	}
}
