package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// acked records, in a file of its own, how far commits were acknowledged. Damage
// near the end of a log looks like a torn last write, and Pebble then opens without
// the rows behind it; a shard that comes back with fewer commits than were
// acknowledged a moment before is how that is noticed.
//
// The file has two places that are written in turn, so that a torn write leaves the
// other one:
//
//	┌────────────┬──────────────────────┬───────────┐
//	│ generation │ commits of shard 0…n │ xxhash64  │ uint64 each, big endian,
//	└────────────┴──────────────────────┴───────────┘ padded to 512 bytes
//
// A missing or unreadable file claims nothing.
type acked struct {
	s      *Store
	shards []atomic.Uint64 // acknowledged commits
	file   vfs.File
	stop   chan struct{}
	done   sync.WaitGroup

	mu      sync.Mutex // one write at a time; guards what follows
	gen     uint64
	written []uint64
}

const (
	ackedFile = "ACKED"
	// ackedEvery bounds the acknowledgements the file may lag behind.
	ackedEvery = 100 * time.Millisecond
)

// openAcked compares what was acknowledged with what the shards came back with, and
// goes on recording.
func (s *Store) openAcked() error {
	a := &acked{s: s, shards: make([]atomic.Uint64, len(s.shards)), stop: make(chan struct{})}
	name := s.fs.PathJoin(s.dir, ackedFile)
	old, gen, err := readAcked(s.fs, name, len(s.shards))
	if err != nil {
		return err
	}
	var lost []error
	for i, sh := range s.shards {
		if sh.damaged != nil { // nothing is known, and nothing will be written
			a.shards[i].Store(old[i])
			continue
		}
		if have := sh.state.commits; have < old[i] {
			lost = append(lost, fmt.Errorf("%w: %s has %d commits but %d were acknowledged: the end of its log is damaged", storage.ErrCorrupt, sh.name, have, old[i]))
		}
		a.shards[i].Store(sh.state.commits)
	}
	if err := errors.Join(lost...); err != nil {
		if !s.o.AcceptLoss {
			return fmt.Errorf("%w; restore a checkpoint, or open it once accepting the loss", err)
		}
		s.o.Log(slog.LevelWarn, fmt.Sprintf("opened with loss: %v", err))
	}
	a.gen = gen
	// Written without the wrapper that releases the ballast: this file is no
	// reason to refuse writes.
	if a.file, err = s.o.FS.OpenReadWrite(name, vfs.WriteCategoryUnspecified); err != nil {
		return err
	}
	if err := a.write(); err != nil {
		return errors.Join(err, a.file.Close())
	}
	if err := syncDir(s.fs, s.dir); err != nil {
		return errors.Join(err, a.file.Close())
	}
	s.acked = a
	a.done.Go(a.run)
	return nil
}

// note records that commit n of shard i was acknowledged.
func (a *acked) note(i int, n uint64) {
	for {
		old := a.shards[i].Load()
		if n <= old || a.shards[i].CompareAndSwap(old, n) {
			return
		}
	}
}

func (a *acked) values() []uint64 {
	out := make([]uint64, len(a.shards))
	for i := range out {
		out[i] = a.shards[i].Load()
	}
	return out
}

// run writes the file while there is something new, until close.
func (a *acked) run() {
	tick := time.NewTicker(ackedEvery)
	defer tick.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-tick.C:
			if err := a.write(); err != nil {
				a.s.stats.BackgroundErrors.Add(1)
				a.s.o.Log(slog.LevelError, fmt.Sprintf("cannot write %s: %v", ackedFile, err))
			}
		}
	}
}

// write makes the present values durable, if they are new.
func (a *acked) write() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	values := a.values()
	if slices.Equal(values, a.written) {
		return nil
	}
	// A write that fails is repeated in the same place: the other one is good.
	gen := a.gen + 1
	if _, err := a.file.WriteAt(encodeAcked(values, gen), int64(gen%2)*int64(ackedPlace(len(values)))); err != nil {
		return err
	}
	if err := a.file.SyncData(); err != nil {
		return err
	}
	a.gen, a.written = gen, values
	return nil
}

// close writes the last values; the shards are closed by then.
func (a *acked) close() error {
	close(a.stop)
	a.done.Wait()
	return errors.Join(a.write(), a.file.Close())
}

// ackedPlace is the size of one place.
func ackedPlace(shards int) int { return (8*(shards+2) + 511) / 512 * 512 }

func encodeAcked(values []uint64, gen uint64) []byte {
	out := make([]byte, 0, ackedPlace(len(values)))
	out = binary.BigEndian.AppendUint64(out, gen)
	for _, v := range values {
		out = binary.BigEndian.AppendUint64(out, v)
	}
	out = binary.BigEndian.AppendUint64(out, xxhash.Sum64(out))
	return out[:cap(out)]
}

// readAcked returns the newest readable place, or zeros.
func readAcked(f vfs.FS, name string, shards int) (values []uint64, gen uint64, err error) {
	values = make([]uint64, shards)
	data, err := readFile(f, name)
	if errors.Is(err, fs.ErrNotExist) {
		return values, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	place, n := ackedPlace(shards), 8*(shards+1)
	for ; len(data) >= place; data = data[place:] {
		if binary.BigEndian.Uint64(data[n:]) != xxhash.Sum64(data[:n]) {
			continue
		}
		if g := binary.BigEndian.Uint64(data); g > gen {
			gen = g
			for i := range values {
				values[i] = binary.BigEndian.Uint64(data[8*(i+1):])
			}
		}
	}
	return values, gen, nil
}

// writeAcked makes a file with the given values, for a checkpoint.
func writeAcked(f vfs.FS, dir string, values []uint64) error {
	place := make([]byte, ackedPlace(len(values)))
	return writeFile(f, dir, ackedFile, append(place, encodeAcked(values, 1)...))
}
