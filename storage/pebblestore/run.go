package pebblestore

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// chunk is a piece of memory full of rows, in the order they came.
type chunk struct {
	data    []byte
	entries []entry
	scratch []entry // for sort
	skip    int     // bytes that all keys begin with; set by sort
}

// entry is one row of a chunk: key and value lie behind each other in its data.
type entry struct {
	head   uint64 // eight bytes behind what all keys of the chunk begin with; set by sort
	at     uint32
	keyLen uint32
	valLen uint32
	shard  uint32
}

// entryBytes is the size of an entry in memory, with its place to be sorted into.
const entryBytes = 2 * 24

// fits tells whether a row of n bytes still fits. The first always does.
func (c *chunk) fits(n, limit int) bool {
	return len(c.entries) == 0 || len(c.data)+n+(len(c.entries)+1)*entryBytes <= limit
}

func (c *chunk) reset() { c.data, c.entries = c.data[:0], c.entries[:0] }

// grow makes room for n bytes; small loads stay small, large ones copy little.
func (c *chunk) grow(n, limit int) {
	if cap(c.data)-len(c.data) >= n {
		return
	}
	data := make([]byte, len(c.data), max(len(c.data)+n, min(4*cap(c.data), limit), 64<<10))
	copy(data, c.data)
	c.data = data
}

func (c *chunk) add(shard int, w *storage.Write, version uint64) {
	at := len(c.data)
	c.data = appendKey(c.data, &w.Key)
	end := len(c.data)
	c.data = appendValue(c.data, w, version)
	c.entries = append(c.entries, entry{
		at: uint32(at), keyLen: uint32(end - at), valLen: uint32(len(c.data) - end), shard: uint32(shard),
	})
}

func (c *chunk) key(e *entry) []byte   { return c.data[e.at : e.at+e.keyLen] }
func (c *chunk) value(e *entry) []byte { return c.data[e.at+e.keyLen : e.at+e.keyLen+e.valLen] }

// common is how many bytes all keys have in common at their beginning.
func (c *chunk) common() int {
	if len(c.entries) == 0 {
		return 0
	}
	first := c.key(&c.entries[0])
	n := len(first)
	for i := range c.entries {
		k := c.key(&c.entries[i])
		n = min(n, len(k))
		if bytes.Equal(k[:n], first[:n]) {
			continue
		}
		for n = 0; k[n] == first[n]; n++ {
		}
	}
	return n
}

// sort orders the rows by shard and key and keeps of equal keys the one that wins. The
// heads, side by side in memory, order all keys that are one integer; only keys of equal
// heads are compared.
func (c *chunk) sort() {
	c.skip = c.common()
	var heads, shards uint64 // bits that differ
	for i := range c.entries {
		e := &c.entries[i]
		e.head = head(c.key(e)[c.skip:])
		heads |= e.head ^ c.entries[0].head
		shards |= uint64(e.shard ^ c.entries[0].shard)
	}
	c.distribute(heads, func(e *entry) uint64 { return e.head })
	c.distribute(shards, func(e *entry) uint64 { return uint64(e.shard) })
	for from := 0; from < len(c.entries); {
		to := from + 1
		for to < len(c.entries) && c.entries[to].head == c.entries[from].head && c.entries[to].shard == c.entries[from].shard {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(c.entries[from:to], func(x, y entry) int {
				// Equal keys stay in the order they came.
				return cmp.Or(bytes.Compare(c.key(&x), c.key(&y)), cmp.Compare(x.at, y.at))
			})
		}
		from = to
	}
	kept := c.entries[:0]
	for i := range c.entries {
		e := c.entries[i]
		if n := len(kept); n > 0 && kept[n-1].shard == e.shard && kept[n-1].head == e.head && bytes.Equal(c.key(&kept[n-1]), c.key(&e)) {
			if versionOf(c.value(&e)) >= versionOf(c.value(&kept[n-1])) {
				kept[n-1] = e
			}
			continue
		}
		kept = append(kept, e)
	}
	c.entries = kept
}

// distribute orders the entries by a number, keeping those of equal numbers in their
// order: by one byte after another from the last, those that differ alone.
func (c *chunk) distribute(differ uint64, number func(*entry) uint64) {
	c.scratch = slices.Grow(c.scratch[:0], len(c.entries))[:len(c.entries)]
	for shift := 0; shift < 64; shift += 8 {
		if byte(differ>>shift) == 0 {
			continue
		}
		var next [256]int // where the next entry with that byte goes
		for i := range c.entries {
			next[byte(number(&c.entries[i])>>shift)]++
		}
		at := 0
		for b, n := range next {
			next[b] = at
			at += n
		}
		for i := range c.entries {
			b := byte(number(&c.entries[i]) >> shift)
			c.scratch[next[b]] = c.entries[i]
			next[b]++
		}
		c.entries, c.scratch = c.scratch, c.entries
	}
}

// versionOf reads the version of a value we made.
func versionOf(value []byte) uint64 { return binary.BigEndian.Uint64(value[1:]) }

// run is a sorted sequence of rows per shard, in memory or in a file, each key once.
type run struct {
	chunk    *chunk
	file     vfs.File
	fs       vfs.FS
	name     string
	sections []section // of the file, by shard
	level    int
	prefix   []byte // what all its keys begin with
}

// section is where a file has the rows of one shard: records of uvarint key length,
// uvarint value length, key, value. sum is their xxhash64.
type section struct {
	from, to int64
	sum      uint64
}

// run makes a sorted chunk a run.
func (c *chunk) run() *run {
	r := &run{chunk: c}
	if len(c.entries) > 0 {
		r.prefix = bytes.Clone(c.key(&c.entries[0])[:c.skip])
	}
	return r
}

// prefixOf is what all keys of runs begin with.
func prefixOf(runs []*run) []byte {
	p := runs[0].prefix
	for _, r := range runs[1:] {
		n := 0
		for n < len(p) && n < len(r.prefix) && p[n] == r.prefix[n] {
			n++
		}
		p = p[:n]
	}
	return p
}

func (r *run) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

func (r *run) remove() error {
	return errors.Join(r.close(), r.fs.Remove(r.name))
}

const (
	writeBuffer = 256 << 10
	readBuffer  = 64 << 10
)

// writeRun merges runs into one in a new file. It is not synced: a crash ends the
// load.
func writeRun(fs vfs.FS, name string, runs []*run, shards int) (_ *run, err error) {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	w := &runWriter{w: bufio.NewWriterSize(f, writeBuffer), hash: xxhash.New()}
	r := &run{fs: fs, name: name, sections: make([]section, shards), prefix: prefixOf(runs)}
	for i := range shards {
		r.sections[i].from = w.at
		w.hash.Reset()
		if err = merge(context.Background(), runs, i, w); err != nil {
			break
		}
		r.sections[i].to, r.sections[i].sum = w.at, w.hash.Sum64()
	}
	if err == nil {
		err = w.w.Flush()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if r.file, err = fs.Open(name, vfs.SequentialReadsOption); err != nil {
		return nil, err
	}
	return r, nil
}

// runWriter writes the records of a section.
type runWriter struct {
	w    *bufio.Writer
	hash *xxhash.Digest
	at   int64
	head []byte
}

func (w *runWriter) add(key, value []byte) error {
	w.head = binary.AppendUvarint(w.head[:0], uint64(len(key)))
	w.head = binary.AppendUvarint(w.head, uint64(len(value)))
	for _, p := range [][]byte{w.head, key, value} {
		_, _ = w.hash.Write(p) // never fails
		n, err := w.w.Write(p)
		w.at += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// cursor walks through one shard's rows of a run. key and value live until next.
type cursor struct {
	key, value []byte
	head       uint64 // eight bytes of key behind skip
	skip       int    // bytes that all keys of the merge begin with
	order      int    // later runs win ties

	// of a run in memory
	chunk   *chunk
	entries []entry
	touched byte // keeps touch from being left out

	// of a run in a file
	r    *bufio.Reader
	hash *xxhash.Digest
	name string
	left int64
	sum  uint64
	buf  []byte
}

// cursor returns a cursor before the first row of a shard.
func (r *run) cursor(shard, order, skip int) *cursor {
	if r.chunk != nil {
		from, _ := slices.BinarySearchFunc(r.chunk.entries, uint32(shard), func(e entry, s uint32) int { return cmp.Compare(e.shard, s) })
		to, _ := slices.BinarySearchFunc(r.chunk.entries, uint32(shard+1), func(e entry, s uint32) int { return cmp.Compare(e.shard, s) })
		return &cursor{order: order, skip: skip, chunk: r.chunk, entries: r.chunk.entries[from:to]}
	}
	s := r.sections[shard]
	hash := xxhash.New()
	// The hash sees what the buffered reader takes, and that is all of the
	// section when the last record was read.
	part := io.TeeReader(io.NewSectionReader(r.file, s.from, s.to-s.from), hash)
	return &cursor{order: order, skip: skip, r: bufio.NewReaderSize(part, readBuffer), hash: hash, name: r.name, left: s.to - s.from, sum: s.sum}
}

// next moves to the next row; ok is false behind the last.
func (c *cursor) next() (ok bool, err error) {
	if c.chunk != nil {
		if len(c.entries) == 0 {
			return false, nil
		}
		e := &c.entries[0]
		c.key, c.value = c.chunk.key(e), c.chunk.value(e)
		if c.head = e.head; c.skip != c.chunk.skip {
			c.head = head(c.key[c.skip:])
		}
		c.touch()
		c.entries = c.entries[1:]
		return true, nil
	}
	if c.left == 0 {
		if c.hash.Sum64() != c.sum {
			return false, fmt.Errorf("%w: temporary file %s does not read as it was written", storage.ErrCorrupt, c.name)
		}
		return false, nil
	}
	if err := c.record(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBadRecord) {
			err = fmt.Errorf("%w: temporary file %s: %w", storage.ErrCorrupt, c.name, err)
		}
		return false, err
	}
	return true, nil
}

// touch reads one byte of every cache line of a row some rows ahead. In the order of
// their keys rows are anywhere in memory, and the processor fetches them beside its work
// instead of being waited for in copying them.
func (c *cursor) touch() {
	const ahead, line, most = 6, 64, 16
	if len(c.entries) <= ahead {
		return
	}
	e := &c.entries[ahead]
	for at, end := e.at, e.at+min(e.keyLen+e.valLen, most*line); at < end; at += line {
		c.touched ^= c.chunk.data[at]
	}
}

var errBadRecord = errors.New("record makes no sense")

func (c *cursor) record() error {
	keyLen, err := binary.ReadUvarint(c.r)
	if err != nil {
		return err
	}
	valLen, err := binary.ReadUvarint(c.r)
	if err != nil {
		return err
	}
	if keyLen > tableLen+storage.MaxKey || valLen > storage.MaxRow+64 {
		return errBadRecord
	}
	c.left -= int64(uvarintLen(keyLen)+uvarintLen(valLen)) + int64(keyLen+valLen)
	if c.left < 0 {
		return errBadRecord
	}
	c.buf = slices.Grow(c.buf[:0], int(keyLen+valLen))[:keyLen+valLen]
	if _, err := io.ReadFull(c.r, c.buf); err != nil {
		return err
	}
	c.key, c.value = c.buf[:keyLen], c.buf[keyLen:]
	c.head = head(c.key[min(c.skip, len(c.key)):]) // a damaged file may hold any key
	return nil
}

// merge gives w the rows of one shard from all runs in the order of their keys; of
// equal keys the one with the greatest version, and of those the latest run's.
func merge(ctx context.Context, runs []*run, shard int, w interface{ add(key, value []byte) error }) error {
	if len(runs) == 0 {
		return nil
	}
	var h heap
	skip := len(prefixOf(runs))
	for i, r := range runs {
		c := r.cursor(shard, i, skip)
		ok, err := c.next()
		if err != nil {
			return err
		}
		if ok {
			h = append(h, c)
		}
	}
	h.init()
	var last []byte // the key before, and its head
	var lastHead uint64
	for n := 0; len(h) > 0; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		best := h[0]
		if n == 0 || best.head != lastHead || !bytes.Equal(best.key, last) {
			if err := w.add(best.key, best.value); err != nil {
				return err
			}
			last, lastHead = append(last[:0], best.key...), best.head
		}
		if err := h.advance(); err != nil {
			return err
		}
	}
	return nil
}
