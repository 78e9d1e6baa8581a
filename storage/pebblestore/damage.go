package pebblestore

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// damage remembers which blocks of table files failed their checksum, and answers
// later reads of them with an error at once.
//
// Pebble does not cache such failures, and for each it tries every single bit of the
// block (of its first 40 KiB) to name the one that flipped: 1.3 s for a data block of
// 32 KiB, per read (measured; 12 us with this), and the more the larger the block.
// One bad sector under a popular key would take the machine down.
type damage struct {
	any   atomic.Int64 // number of blocks; reads look no further while it is 0
	files sync.Map     // path -> *damagedFile
}

type damagedFile struct {
	mu     sync.RWMutex
	blocks [][2]int64 // from, to
}

// maxDamaged bounds how many blocks are remembered.
const maxDamaged = 1 << 14

// blockError finds the place of a block in Pebble's error. If its words change, a
// test says so; damage is then found again by each read.
var blockError = regexp.MustCompile(`block (\d+)/(\d+): .* checksum mismatch`)

// blockTrailer is what follows a block and is read with it: kind and checksum.
const blockTrailer = 5

// note remembers a block from what Pebble reported.
func (d *damage) note(info pebble.DataCorruptionInfo) {
	if info.Details == nil || d.any.Load() >= maxDamaged {
		return
	}
	m := blockError.FindStringSubmatch(info.Details.Error())
	if m == nil {
		return
	}
	from, err1 := strconv.ParseInt(m[1], 10, 64)
	length, err2 := strconv.ParseInt(m[2], 10, 64)
	if err1 != nil || err2 != nil {
		return
	}
	v, _ := d.files.LoadOrStore(info.Path, &damagedFile{})
	f := v.(*damagedFile)
	f.mu.Lock()
	defer f.mu.Unlock()
	block := [2]int64{from, from + length + blockTrailer}
	for _, b := range f.blocks {
		if b == block {
			return
		}
	}
	f.blocks = append(f.blocks, block)
	d.any.Add(1)
}

// check returns an error if a read meets a damaged block.
func (d *damage) check(name string, from, to int64) error {
	v, ok := d.files.Load(name)
	if !ok {
		return nil
	}
	f := v.(*damagedFile)
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, b := range f.blocks {
		if from < b[1] && to > b[0] {
			return fmt.Errorf("%w: block %d/%d of %s failed its checksum before", storage.ErrCorrupt, b[0], b[1]-b[0]-blockTrailer, name)
		}
	}
	return nil
}

// forget drops what is known of a file that is removed.
func (d *damage) forget(name string) {
	v, ok := d.files.LoadAndDelete(name)
	if !ok {
		return
	}
	f := v.(*damagedFile)
	f.mu.Lock()
	defer f.mu.Unlock()
	d.any.Add(-int64(len(f.blocks)))
	f.blocks = nil
}

// damageFS is a file system that knows of damaged blocks.
type damageFS struct {
	vfs.FS
	damage *damage
}

func (fs damageFS) Unwrap() vfs.FS { return fs.FS }

func (fs damageFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err != nil || !strings.HasSuffix(name, ".sst") {
		return f, err
	}
	return &damageFile{File: f, name: name, damage: fs.damage}, nil
}

func (fs damageFS) Remove(name string) error {
	fs.damage.forget(name)
	return fs.FS.Remove(name)
}

type damageFile struct {
	vfs.File
	name   string
	damage *damage
}

func (f *damageFile) ReadAt(p []byte, off int64) (int, error) {
	if f.damage.any.Load() != 0 {
		if err := f.damage.check(f.name, off, off+int64(len(p))); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(p, off)
}
