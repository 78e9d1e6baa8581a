package pebblestore

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say how to open a store. The zero value is good for a small machine; the
// one thing to size is CacheBytes, to the working set if it fits.
type Options struct {
	// Shards is the number of Pebble databases of a new folder: 0 means one
	// per core, at most 16. For a folder that exists, 0 takes what is there,
	// and another number than it has is an error.
	Shards int
	// CacheBytes is the block cache shared by all shards, memtables included.
	// Default 256 MiB.
	CacheBytes int64
	// MemTableBytes is the memtable of one shard. Default 32 MiB.
	MemTableBytes int64
	// BlockBytes is the size of a block of rows, the unit of reading and
	// caching. Default 32 KiB.
	BlockBytes int
	// BulkBytes bounds the memory of one bulk load; what is more goes through
	// temporary files. Default 256 MiB.
	BulkBytes int64
	// BallastBytes is disk space kept in reserve, so that commits in flight
	// survive a full disk. Default 64 MiB, negative for none.
	BallastBytes int64
	// FanOutKeys is the number of keys from which one Get reads its shards at
	// the same time. Default 256, about 0.5 ms of work, where GOMAXPROCS is at
	// least 4 and never below; negative for never.
	FanOutKeys int
	// MaxOpenFiles bounds the sstables kept open, over all shards. Default
	// 4096.
	MaxOpenFiles int
	// AcceptLoss opens a store although acknowledged commits are missing from
	// the end of a log. Without it such a folder is refused (ErrCorrupt).
	AcceptLoss bool
	// FS is the file system; nil is the operating system's.
	FS vfs.FS
	// Log gets what the store has to say. It must not block. Default: warnings
	// and errors to slog.Default.
	Log func(level slog.Level, text string)
	// Exit ends the process after a failed write or sync of a log, because
	// what was acknowledged can then no longer be told from what was not. If
	// it returns, the goroutine ends there. Default: os.Exit(74), after Log.
	Exit func(text string)
}

// exitIOError is EX_IOERR of sysexits.h.
const exitIOError = 74

func (o *Options) setDefaults() {
	if o.CacheBytes <= 0 {
		o.CacheBytes = 256 << 20
	}
	if o.MemTableBytes <= 0 {
		o.MemTableBytes = 32 << 20
	}
	if o.BlockBytes <= 0 {
		o.BlockBytes = 32 << 10
	}
	if o.BulkBytes <= 0 {
		o.BulkBytes = 256 << 20
	}
	if o.BallastBytes == 0 {
		o.BallastBytes = 64 << 20
	}
	if o.FanOutKeys == 0 {
		o.FanOutKeys = -1
		if runtime.GOMAXPROCS(0) >= 4 {
			o.FanOutKeys = 256
		}
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = 4096
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = func(level slog.Level, text string) {
			if level >= slog.LevelWarn {
				slog.Default().Log(context.Background(), level, text)
			}
		}
	}
	if o.Exit == nil {
		o.Exit = func(string) { os.Exit(exitIOError) }
	}
}

// newShards is the number of shards of a new folder.
func (o *Options) newShards() int {
	if o.Shards > 0 {
		return o.Shards
	}
	return min(runtime.GOMAXPROCS(0), 16)
}

// maxShards bounds what a FORMAT file may say.
const maxShards = 1 << 10

func (o *Options) check() error {
	if o.Shards < 0 || o.Shards > maxShards {
		return fmt.Errorf("%d shards are configured, 1 to %d are possible", o.Shards, maxShards)
	}
	return nil
}

// formatMajorVersion is the newest on-disk format Pebble v2.1 knows (24). Older ones
// cut a damaged log off silently: the default, 13, lost rows in 200 of 200 trials
// with one flipped bit, this one refuses to open. It is pinned because a store that
// was opened with a newer one cannot be opened by an older binary again: raise it
// one release after the one that can read it.
const formatMajorVersion = pebble.FormatValueSeparation

// pebbleOptions are the options of one shard. fs has the disk checks already.
func (s *Store) pebbleOptions(sh *shard, fs vfs.FS) *pebble.Options {
	cores := runtime.GOMAXPROCS(0)
	compactions := max(1, cores/len(s.shards))
	o := &pebble.Options{
		FS:                 fs,
		Cache:              s.cache,
		FileCache:          s.files,
		FormatMajorVersion: formatMajorVersion,
		Logger:             s.log,
		EventListener:      s.listener(sh),
		MaxOpenFiles:       s.o.MaxOpenFiles,

		MemTableSize: uint64(s.o.MemTableBytes),
		// A flush of one memtable may take as long as filling three.
		MemTableStopWritesThreshold: 4,
		// Reads pay for every sublevel of L0: compact early, and stop writes
		// before a read has to look in more than twenty places.
		L0CompactionThreshold:     2,
		L0CompactionFileThreshold: 500,
		L0StopWritesThreshold:     20,
		LBaseMaxBytes:             64 << 20,
		CompactionConcurrencyRange: func() (int, int) {
			return 1, compactions
		},
		// Table statistics steer the compaction of Pebble's own tombstones,
		// of which there are none here. A damaged file would keep their
		// collector busy for good: it tries again without a pause.
		DisableTableStats: true,
		// Smooths writing only; nothing is promised by it.
		BytesPerSync:    512 << 10,
		WALBytesPerSync: 512 << 10,
	}
	o.TargetFileSizes[0] = 8 << 20
	for i := range o.Levels {
		o.Levels[i] = pebble.LevelOptions{
			BlockSize:      s.o.BlockBytes,
			IndexBlockSize: 256 << 10,
			FilterPolicy:   bloom.FilterPolicy(10),
			Compression:    func() *sstable.CompressionProfile { return block.NoCompression },
		}
	}
	o.Experimental.EnableColumnarBlocks = func() bool { return true }
	return o
}
