package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// stream is the append-only stream of a group without a key. Its records are blocks
// of rows under one route, numbered upwards:
//
//	key    table | route 's' | suffix: sequence, 8 bytes big-endian
//	value  uvarint rows before this block | uvarint rows | rows…
//	row    uvarint length | bytes
//
// One block is one commit, so the rows of one call appear together or not at all.
type stream struct {
	mu     sync.Mutex
	table  uint32 // what next and rows were read for
	next   uint64
	rows   uint64
	loaded bool
}

var streamRoute = []byte{'s'}

// maxBlock is the size in bytes beyond which a block is closed.
const maxBlock = 256 << 10

// append writes rows as blocks in one durable step and returns how many rows the
// stream then holds. The caller holds the gate shared.
func (e *Engine) append(ctx context.Context, g *catalog.Group, gate *groupGate, rows [][]byte) (total uint64, err error) {
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
	seq, before, err := e.reserve(ctx, g, &gate.stream, len(blocks), len(rows))
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

// reserve takes the next sequence numbers of a stream, reading where it ends on
// first use.
func (e *Engine) reserve(ctx context.Context, g *catalog.Group, s *stream, blocks, rows int) (seq, before uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded || s.table != g.Table {
		if err := e.openStream(ctx, g, s); err != nil {
			return 0, 0, err
		}
	}
	seq, before = s.next, s.rows
	s.next += uint64(blocks)
	s.rows += uint64(rows)
	return seq, before, nil
}

func (e *Engine) openStream(ctx context.Context, g *catalog.Group, s *stream) error {
	floorer, ok := storage.As[storage.Floorer](e.store)
	if !ok {
		return fail.Wrap(fail.WriteFailed, errNoRanger, "Group %s has no key, and this store keeps no event streams.", g.Name)
	}
	block, suffix, _, found, err := floorer.Floor(ctx, g.Table, streamRoute, nil, nil)
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	s.table, s.next, s.rows, s.loaded = g.Table, 0, 0, true
	if !found {
		return nil
	}
	rows, err := readBlock(block, func([]byte) bool { return true })
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	s.next, s.rows = binary.BigEndian.Uint64(suffix)+1, rows
	return nil
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
