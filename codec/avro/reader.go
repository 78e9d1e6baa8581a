package avro

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"quiver/codec"
)

// reader decodes one value.
type reader struct {
	b      []byte
	i      int // how much of b was read
	dst    []byte
	start  int // where the JSON begins in dst
	depth  int // of nested arrays, maps and records
	values int // how many more may be read
}

// maxDecimal is how many bytes a decimal may have: more than any column type needs.
const maxDecimal = 64

// maxValues bounds the number of values in n bytes. Nearly all take at least one byte,
// but a record takes none besides its fields, and a null none at all, so that a few
// bytes could promise 2^63 of them.
func maxValues(n int) int { return 1024 + 16*n }

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s at byte %d", ErrData, fmt.Sprintf(format, args...), r.i)
}

func (r *reader) value(n *node) error {
	if r.values--; r.values < 0 {
		return r.errorf("more values than its bytes can hold")
	}
	if len(r.dst)-r.start > codec.MaxRowBytes {
		return r.errorf("more than %d bytes of JSON", codec.MaxRowBytes)
	}
	switch n.op {
	case opNull:
		r.null()
		return nil
	case opUnion: // never directly in another one, so the depth of the others bounds it
		return r.union(n)
	case opArray, opMap, opRecord:
		if r.depth++; r.depth > codec.MaxJSONDepth {
			return r.errorf("more than %d nested values", codec.MaxJSONDepth)
		}
		err := r.container(n)
		r.depth--
		return err
	}
	return r.scalar(n)
}

func (r *reader) container(n *node) error {
	switch n.op {
	case opArray:
		return r.blocks(n, '[', ']')
	case opMap:
		return r.blocks(n, '{', '}')
	}
	r.dst = append(r.dst, '{')
	for i := range n.fields {
		if i > 0 {
			r.dst = append(r.dst, ',')
		}
		r.dst = append(r.dst, n.fields[i].name...)
		if err := r.value(n.fields[i].node); err != nil {
			return err
		}
	}
	r.dst = append(r.dst, '}')
	return nil
}

func (r *reader) union(n *node) error {
	branch, err := r.long()
	if err != nil {
		return err
	}
	if branch < 0 || branch >= int64(len(n.branches)) {
		return r.errorf("branch %d of a union of %d", branch, len(n.branches))
	}
	return r.value(n.branches[branch])
}

// blocks reads an array or a map: blocks of items, each with their count before it, up
// to a block of none. A negative count is followed by the block's size in bytes, which
// we do not need.
func (r *reader) blocks(n *node, open, end byte) error {
	r.dst = append(r.dst, open)
	first := true
	for {
		count, err := r.long()
		if err != nil {
			return err
		}
		if count == 0 {
			r.dst = append(r.dst, end)
			return nil
		}
		if count < 0 {
			if count == math.MinInt64 {
				return r.errorf("a block of %d items", count)
			}
			count = -count
			if _, err := r.long(); err != nil {
				return err
			}
		}
		for ; count > 0; count-- { // r.values ends this if nothing else does
			if !first {
				r.dst = append(r.dst, ',')
			}
			first = false
			if n.op == opMap {
				if err := r.text(); err != nil {
					return err
				}
				r.dst = append(r.dst, ':')
			}
			if err := r.value(n.elem); err != nil {
				return err
			}
		}
	}
}

func (r *reader) scalar(n *node) error {
	switch n.op {
	case opBoolean:
		b, err := r.take(1)
		if err != nil {
			return err
		}
		if b[0] > 1 {
			return r.errorf("boolean %d", b[0])
		}
		r.dst = strconv.AppendBool(r.dst, b[0] == 1)
	case opFloat:
		b, err := r.take(4)
		if err != nil {
			return err
		}
		r.float(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
	case opDouble:
		b, err := r.take(8)
		if err != nil {
			return err
		}
		r.float(math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
	case opBytes, opDecimalBytes:
		b, err := r.bytes()
		if err != nil {
			return err
		}
		return r.binary(n, b)
	case opFixed, opDecimalFixed:
		b, err := r.take(n.size)
		if err != nil {
			return err
		}
		return r.binary(n, b)
	case opString:
		return r.text()
	default:
		return r.integer(n)
	}
	return nil
}

// integer reads what is stored as an int or a long.
func (r *reader) integer(n *node) error {
	v, err := r.long()
	if err != nil {
		return err
	}
	switch n.op {
	case opInt, opEnum, opDate, opTimeMillis:
		if v != int64(int32(v)) {
			return r.errorf("%d is out of range of int", v)
		}
	}
	switch n.op {
	case opEnum:
		if v < 0 || v >= int64(len(n.symbols)) {
			return r.errorf("symbol %d of an enum of %d", v, len(n.symbols))
		}
		r.dst = append(r.dst, n.symbols[v]...)
	case opDate:
		return r.time(time.Unix(v*24*60*60, 0))
	case opTimestampMillis:
		return r.time(time.UnixMilli(v))
	case opTimestampMicros:
		return r.time(time.UnixMicro(v))
	case opTimeMillis:
		r.dst = strconv.AppendInt(r.dst, v*int64(time.Millisecond), 10)
	case opTimeMicros:
		if v > math.MaxInt64/int64(time.Microsecond) || v < math.MinInt64/int64(time.Microsecond) {
			return r.errorf("%d microseconds are no time of day", v)
		}
		r.dst = strconv.AppendInt(r.dst, v*int64(time.Microsecond), 10)
	default:
		r.dst = strconv.AppendInt(r.dst, v, 10)
	}
	return nil
}

func (r *reader) time(t time.Time) error {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return r.errorf("year %d is outside of 1 to 9999", y)
	}
	r.dst = append(r.dst, '"')
	r.dst = t.AppendFormat(r.dst, time.RFC3339Nano)
	r.dst = append(r.dst, '"')
	return nil
}

func (r *reader) null() { r.dst = append(r.dst, "null"...) }

func (r *reader) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		r.null()
		return
	}
	r.dst = strconv.AppendFloat(r.dst, f, 'g', -1, bits)
}

func (r *reader) text() error {
	b, err := r.bytes()
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return r.errorf("text that is not valid UTF-8")
	}
	r.dst = codec.AppendQuoted(r.dst, b)
	return nil
}

func (r *reader) binary(n *node, b []byte) error {
	if n.op == opBytes || n.op == opFixed {
		r.dst = append(r.dst, '"')
		r.dst = base64.StdEncoding.AppendEncode(r.dst, b)
		r.dst = append(r.dst, '"')
		return nil
	}
	if len(b) > maxDecimal {
		return r.errorf("a decimal of %d bytes", len(b))
	}
	// Two's complement, big-endian.
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if v.Sign() < 0 {
		r.dst = append(r.dst, '-')
	}
	digits := v.Abs(v).Append(nil, 10)
	if missing := n.scale + 1 - len(digits); missing > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, missing), digits...)
	}
	point := len(digits) - n.scale
	r.dst = append(r.dst, digits[:point]...)
	if n.scale > 0 {
		r.dst = append(r.dst, '.')
		r.dst = append(r.dst, digits[point:]...)
	}
	return nil
}

// long reads a variable-length zigzag integer.
func (r *reader) long() (int64, error) {
	v, n := binary.Varint(r.b[r.i:])
	if n == 0 {
		return 0, r.errorf("the bytes end within a number")
	}
	if n < 0 {
		return 0, r.errorf("a number of more than 64 bits")
	}
	r.i += n
	return v, nil
}

// bytes reads a length and as many bytes, which stay part of the input.
func (r *reader) bytes() ([]byte, error) {
	n, err := r.long()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > int64(len(r.b)) {
		return nil, r.errorf("a length of %d", n)
	}
	return r.take(int(n))
}

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.b)-r.i {
		return nil, r.errorf("the bytes end where %d more are needed", n)
	}
	b := r.b[r.i : r.i+n]
	r.i += n
	return b, nil
}
