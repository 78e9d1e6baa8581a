package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// A stream is a table of numbered records under one route:
//
//	key    table | route 's' | suffix: sequence, 8 bytes big-endian
//
// The records of a group without a key are blocks of rows; one block is one commit, so
// the rows of one call appear together or not at all:
//
//	value  uvarint rows before this block | uvarint rows | rows…
//	row    uvarint length | bytes
//
// Notes about a stream lie beside it, under route 'n' and a suffix of their own.
type stream struct {
	mu     sync.Mutex
	next   uint64
	rows   uint64 // in the blocks before next; 0 for other records
	loaded bool
}

var (
	streamRoute = []byte{'s'}
	noteRoute   = []byte{'n'}
)

// streams are the ends of the streams written so far, by table.
type streams struct {
	mu sync.Mutex
	m  map[uint32]*stream
}

func (s *streams) of(table uint32) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[uint32]*stream{}
	}
	if s.m[table] == nil {
		s.m[table] = &stream{}
	}
	return s.m[table]
}

// maxBlock is the size in bytes beyond which a block is closed.
const maxBlock = 256 << 10

// append writes rows as blocks in one durable step and returns how many rows the
// stream then holds. The caller holds the group's gate shared.
func (e *Engine) append(ctx context.Context, g *catalog.Group, rows [][]byte) (total uint64, err error) {
	for _, row := range rows {
		r, err := codec.ParseRow(row)
		if err != nil {
			return 0, fail.Wrap(fail.BadRow, err, "Cannot read a row for group %s.", g.Name)
		}
		if r.SchemaID() != g.Schema.ID {
			return 0, fail.Errorf(fail.Conflict, "Group %s changed since its rows were made; load them again.", g.Name)
		}
	}
	blocks := splitBlocks(rows)
	seq, before, err := e.reserve(ctx, g.Table, len(blocks), len(rows), readRows)
	if err != nil {
		return 0, err
	}
	ws := make([]storage.Write, len(blocks))
	for i, block := range blocks {
		ws[i] = storage.Write{
			Key:     storage.Key{Table: g.Table, Route: streamRoute, Suffix: binary.BigEndian.AppendUint64(nil, seq+uint64(i))},
			Version: 1, // a record is written once
			Row:     appendBlock(nil, before, block),
		}
		before += uint64(len(block))
	}
	return before, e.apply(ctx, ws)
}

func splitBlocks(rows [][]byte) [][][]byte {
	var blocks [][][]byte
	start, size := 0, 0
	for i, row := range rows {
		size += len(row)
		if size >= maxBlock {
			blocks = append(blocks, rows[start:i+1])
			start, size = i+1, 0
		}
	}
	if start < len(rows) {
		blocks = append(blocks, rows[start:])
	}
	return blocks
}

func appendBlock(dst []byte, before uint64, rows [][]byte) []byte {
	dst = binary.AppendUvarint(dst, before)
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	for _, row := range rows {
		dst = binary.AppendUvarint(dst, uint64(len(row)))
		dst = append(dst, row...)
	}
	return dst
}

// reserve takes the next sequence numbers of a stream, reading where it ends on first
// use; rowsOf says how many rows there are up to the end of a record.
func (e *Engine) reserve(ctx context.Context, table uint32, records, rows int, rowsOf func([]byte) (uint64, error)) (seq, before uint64, err error) {
	s := e.streams.of(table)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		if err := e.openStream(ctx, table, s, rowsOf); err != nil {
			return 0, 0, err
		}
	}
	seq, before = s.next, s.rows
	s.next += uint64(records)
	s.rows += uint64(rows)
	return seq, before, nil
}

func (e *Engine) openStream(ctx context.Context, table uint32, s *stream, rowsOf func([]byte) (uint64, error)) error {
	floorer, ok := storage.As[storage.Floorer](e.store)
	if !ok {
		return fail.Wrap(fail.WriteFailed, errNoRanger, "This store keeps no event streams.")
	}
	last, suffix, _, found, err := floorer.Floor(ctx, table, streamRoute, nil, nil)
	if err == nil && found {
		s.next = binary.BigEndian.Uint64(suffix) + 1
		s.rows, err = rowsOf(last)
	}
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	s.loaded = true
	return nil
}

// readRows is rowsOf for blocks.
func readRows(block []byte) (uint64, error) {
	return readBlock(block, func([]byte) bool { return true })
}

// AppendRecord adds one record to the stream in a table that the catalog gave to
// something else than a group, and returns its sequence number. It is durable then.
func (e *Engine) AppendRecord(ctx context.Context, table uint32, record []byte) (uint64, error) {
	seq, _, err := e.reserve(ctx, table, 1, 0, func([]byte) (uint64, error) { return 0, nil })
	if err != nil {
		return 0, err
	}
	k := storage.Key{Table: table, Route: streamRoute, Suffix: binary.BigEndian.AppendUint64(nil, seq)}
	return seq, e.apply(ctx, []storage.Write{{Key: k, Version: 1, Row: record}})
}

// Records calls f for the records of such a stream from a sequence number on, oldest
// first, until f returns false. The record dies when f returns.
func (e *Engine) Records(ctx context.Context, table uint32, from uint64, f func(seq uint64, record []byte) bool) error {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no event streams.")
	}
	err := ranger.RangeRoute(ctx, table, streamRoute, binary.BigEndian.AppendUint64(nil, from), func(suffix []byte, _ uint64, record []byte) bool {
		return f(binary.BigEndian.Uint64(suffix), record)
	})
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return nil
}

// ForgetRecords deletes records of such a stream, whose retention is over.
func (e *Engine) ForgetRecords(ctx context.Context, table uint32, sequences []uint64) error {
	ws := make([]storage.Write, len(sequences))
	for i, seq := range sequences {
		ws[i] = storage.Write{
			Key:     storage.Key{Table: table, Route: streamRoute, Suffix: binary.BigEndian.AppendUint64(nil, seq)},
			Version: 2, Delete: true,
		}
	}
	return e.apply(ctx, ws)
}

// Note returns what SetNote last kept under a name beside a stream; nil when nothing.
func (e *Engine) Note(ctx context.Context, table uint32, name string) ([]byte, error) {
	var b storage.Batch
	b.Add(storage.Key{Table: table, Route: noteRoute, Suffix: []byte(name)})
	err := e.store.Get(ctx, &b)
	var note []byte
	if err == nil {
		note, _, err = b.Row(0)
	}
	if err != nil {
		return nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return bytes.Clone(note), nil
}

// SetNote keeps a small value beside a stream, durably.
func (e *Engine) SetNote(ctx context.Context, table uint32, name string, note []byte) error {
	k := storage.Key{Table: table, Route: noteRoute, Suffix: []byte(name)}
	return e.apply(ctx, []storage.Write{{Key: k, Row: note}})
}

// readBlock calls f for each row of a block until f returns false, and returns how
// many rows the stream holds up to the end of this block.
func readBlock(b []byte, f func(row []byte) bool) (rows uint64, err error) {
	before, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, fmt.Errorf("%w: a stream block has no head", storage.ErrCorrupt)
	}
	b = b[n:]
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, fmt.Errorf("%w: a stream block has no count", storage.ErrCorrupt)
	}
	b = b[n:]
	for i := range count {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, fmt.Errorf("%w: a stream block ends in row %d of %d", storage.ErrCorrupt, i, count)
		}
		if !f(b[n : n+int(size)]) {
			break
		}
		b = b[n+int(size):]
	}
	return before + count, nil
}

// Events calls f for every row of a group without a key, oldest first, until f
// returns false. The row dies when f returns.
func (e *Engine) Events(ctx context.Context, ref Ref, f func(row codec.Row) bool) error {
	g, err := e.group(ref)
	if err != nil {
		return err
	}
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no event streams.")
	}
	if len(g.Key) > 0 {
		return fail.Errorf(fail.Conflict, "Group %s has a key: it is a table, not a stream.", g.Name)
	}
	var bad error
	err = ranger.RangeRoute(ctx, g.Table, streamRoute, nil, func(_ []byte, _ uint64, block []byte) bool {
		stopped := false
		_, err := readBlock(block, func(row []byte) bool {
			var r codec.Row
			if r, bad = codec.ParseRow(row); bad != nil || !f(r) {
				stopped = true
			}
			return !stopped
		})
		if bad == nil {
			bad = err
		}
		return bad == nil && !stopped
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return nil
}
