package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"quiver/codec"
)

const (
	// MaxBlock bounds the payload of one block, in bytes: it holds any row.
	MaxBlock = codec.MaxRowBytes + 1<<20

	// blockTarget is the size in bytes at which a block is sent.
	blockTarget = 256 << 10
)

// StreamVersion is the version of the format that this package writes and reads.
const StreamVersion = 1

const (
	streamMagic = "QVLS"

	headerSize      = 12
	blockHeaderSize = 17
	endSize         = 17

	frameBlock = 'B'
	frameEnd   = 'E'
)

// ErrStream is wrapped by every error that says a load stream is damaged, cut off or
// none at all.
var ErrStream = errors.New("not a whole load stream")

// Writer writes a load stream. Use it from one goroutine.
type Writer struct {
	w      io.Writer
	block  []byte // block header and payload so far
	count  uint32
	rows   uint64
	err    error
	closed bool
}

// NewWriter starts a stream of rows of the given schema on w. The header leaves with
// the first block.
func NewWriter(w io.Writer, schemaID uint32) *Writer {
	h := append(make([]byte, 0, headerSize), streamMagic...)
	h = append(h, StreamVersion, 0, 0, 0)
	h = binary.LittleEndian.AppendUint32(h, schemaID)
	s := &Writer{w: w}
	_, s.err = w.Write(h)
	s.reset()
	return s
}

// reset leaves room for the block header in front of the payload.
func (s *Writer) reset() {
	if cap(s.block) < blockHeaderSize {
		s.block = make([]byte, 0, blockTarget+blockTarget/4)
	}
	s.block = s.block[:blockHeaderSize]
	s.count = 0
}

// Add appends one finished row, which it copies.
func (s *Writer) Add(row []byte) error {
	if s.err != nil {
		return s.err
	}
	if len(row) > codec.MaxRowBytes {
		return fmt.Errorf("row has %d bytes, more than %d", len(row), codec.MaxRowBytes)
	}
	s.block = binary.AppendUvarint(s.block, uint64(len(row)))
	s.block = append(s.block, row...)
	s.count++
	s.rows++
	if len(s.block) >= blockTarget {
		return s.flush()
	}
	return nil
}

// Rows is how many rows were added.
func (s *Writer) Rows() uint64 { return s.rows }

func (s *Writer) flush() error {
	if s.count == 0 {
		return s.err
	}
	payload := s.block[blockHeaderSize:]
	s.block[0] = frameBlock
	binary.LittleEndian.PutUint32(s.block[1:], s.count)
	binary.LittleEndian.PutUint32(s.block[5:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(s.block[9:], xxhash.Sum64(payload))
	if _, err := s.w.Write(s.block); err != nil {
		s.err = fmt.Errorf("cannot write the load stream: %w", err)
	}
	s.reset()
	return s.err
}

// Close writes what is left and the end frame. It does not close the writer below. A
// stream that is not closed is one that readers refuse.
func (s *Writer) Close() error {
	if s.closed {
		return s.err
	}
	s.closed = true
	if err := s.flush(); err != nil {
		return err
	}
	e := append(make([]byte, 0, endSize), frameEnd)
	e = binary.LittleEndian.AppendUint64(e, s.rows)
	e = binary.LittleEndian.AppendUint64(e, xxhash.Sum64(e[1:9]))
	if _, err := s.w.Write(e); err != nil {
		s.err = fmt.Errorf("cannot write the load stream: %w", err)
	}
	return s.err
}

// Reader reads a load stream and checks all of it: frames, checksums, counts, and
// that every row is one that codec.ParseRow accepts and of the stream's schema. It
// never holds more than one block. Use it from one goroutine.
type Reader struct {
	r      io.Reader
	schema uint32
	opened bool
	buf    []byte // payload of the block being read
	rest   []byte // its unread part
	count  uint32 // rows left in rest
	rows   uint64 // rows returned
	err    error  // sticky
}

// NewReader makes a reader of the stream in r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// SchemaID reads the stream's header and returns the schema its rows are of.
func (s *Reader) SchemaID() (uint32, error) {
	if s.opened || s.err != nil {
		return s.schema, s.err
	}
	var h [headerSize]byte
	if err := s.fill(h[:], "its header"); err != nil {
		return 0, err
	}
	switch {
	case string(h[:4]) != streamMagic:
		return 0, s.fail("it does not begin with %s", streamMagic)
	case h[4] != StreamVersion:
		return 0, s.fail("it has format version %d, this program reads %d", h[4], StreamVersion)
	case h[5] != 0 || h[6] != 0 || h[7] != 0:
		return 0, s.fail("its header has unknown flags")
	}
	s.schema, s.opened = binary.LittleEndian.Uint32(h[8:]), true
	return s.schema, nil
}

// Rows is how many rows Next has returned.
func (s *Reader) Rows() uint64 { return s.rows }

// Next returns the next row, io.EOF after the last one of a whole stream. The row
// lives until the next call. Errors wrap ErrStream, or are those of the reader below.
func (s *Reader) Next() ([]byte, error) {
	if _, err := s.SchemaID(); err != nil {
		return nil, err
	}
	if s.count == 0 {
		if err := s.nextBlock(); err != nil {
			return nil, err
		}
	}
	n, size := binary.Uvarint(s.rest)
	if size <= 0 || n > uint64(len(s.rest)-size) || n > codec.MaxRowBytes {
		return nil, s.fail("row %d does not fit its block", s.rows+1)
	}
	row := s.rest[size : size+int(n)]
	s.rest = s.rest[size+int(n):]
	s.count--
	if s.count == 0 && len(s.rest) > 0 {
		return nil, s.fail("a block has %d bytes behind its last row", len(s.rest))
	}
	r, err := codec.ParseRow(row)
	if err != nil {
		return nil, s.fail("row %d: %v", s.rows+1, err)
	}
	if r.SchemaID() != s.schema {
		return nil, s.fail("row %d has schema %d, the stream %d", s.rows+1, r.SchemaID(), s.schema)
	}
	s.rows++
	return row, nil
}

// nextBlock reads one frame; the end frame becomes io.EOF.
func (s *Reader) nextBlock() error {
	if s.err != nil {
		return s.err
	}
	// The end frame and a block header have the same size.
	var h [blockHeaderSize]byte
	if err := s.fill(h[:], "a frame"); err != nil {
		return err
	}
	switch h[0] {
	case frameEnd:
		return s.end(h[:])
	case frameBlock:
	default:
		return s.fail("a frame has the unknown kind %#x", h[0])
	}
	count, length := binary.LittleEndian.Uint32(h[1:]), binary.LittleEndian.Uint32(h[5:])
	// A row takes its length byte at least, so the count cannot exceed the bytes.
	if length > MaxBlock || count == 0 || count > length {
		return s.fail("a block claims %d rows in %d bytes", count, length)
	}
	if uint32(cap(s.buf)) < length {
		s.buf = make([]byte, length)
	}
	s.buf = s.buf[:length]
	if err := s.fill(s.buf, "a block"); err != nil {
		return err
	}
	if xxhash.Sum64(s.buf) != binary.LittleEndian.Uint64(h[9:]) {
		return s.fail("the checksum of a block after row %d is wrong", s.rows)
	}
	s.rest, s.count = s.buf, count
	return nil
}

func (s *Reader) end(h []byte) error {
	if xxhash.Sum64(h[1:9]) != binary.LittleEndian.Uint64(h[9:]) {
		return s.fail("the checksum of its end is wrong")
	}
	if n := binary.LittleEndian.Uint64(h[1:]); n != s.rows {
		return s.fail("it ends after %d rows and claims %d", s.rows, n)
	}
	var one [1]byte
	switch _, err := io.ReadFull(s.r, one[:]); {
	case err == nil:
		return s.fail("there are bytes behind its end")
	case !errors.Is(err, io.EOF):
		return s.broken(err)
	}
	s.err = io.EOF
	return s.err
}

// fill reads len(p) bytes of what.
func (s *Reader) fill(p []byte, what string) error {
	_, err := io.ReadFull(s.r, p)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return s.fail("it is cut off within %s after row %d", what, s.rows)
	}
	return s.broken(err)
}

func (s *Reader) broken(err error) error {
	s.err = fmt.Errorf("cannot read the load stream after row %d: %w", s.rows, err)
	return s.err
}

func (s *Reader) fail(format string, args ...any) error {
	s.err = fmt.Errorf("%w: "+format, append([]any{ErrStream}, args...)...)
	return s.err
}
