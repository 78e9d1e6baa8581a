package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The wire types of Protocol Buffers that ONNX uses.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// wire reads one Protocol Buffers message field by field. The first error sticks.
type wire struct {
	b   []byte
	err error
}

// field is one field of a message.
type field struct {
	number int
	kind   int
	value  uint64 // of a varint, 32- or 64-bit field
	bytes  []byte // of a wireBytes field; aliases the message
	raw    []byte // the whole field with its tag
}

var errWire = errors.New("it is no ONNX file, or damaged: the Protocol Buffers encoding is wrong")

// next reads the next field; false at the end of the message or after an error.
func (w *wire) next() (field, bool) {
	if w.err != nil || len(w.b) == 0 {
		return field{}, false
	}
	start := w.b
	tag := w.varint()
	f := field{number: int(tag >> 3), kind: int(tag & 7)}
	switch f.kind {
	case wireVarint:
		f.value = w.varint()
	case wire64:
		if b := w.take(8); b != nil {
			f.value = binary.LittleEndian.Uint64(b)
		}
	case wire32:
		if b := w.take(4); b != nil {
			f.value = uint64(binary.LittleEndian.Uint32(b))
		}
	case wireBytes:
		f.bytes = w.take(w.varint())
	default: // the groups of old, or nothing at all
		w.err = errWire
	}
	if tag>>3 == 0 || tag > math.MaxUint32 {
		w.err = errWire
	}
	f.raw = start[:len(start)-len(w.b)]
	return f, w.err == nil
}

func (w *wire) varint() uint64 {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		w.err = errWire
		return 0
	}
	w.b = w.b[n:]
	return v
}

func (w *wire) take(n uint64) []byte {
	if w.err != nil || n > uint64(len(w.b)) {
		w.err = errWire
		return nil
	}
	b := w.b[:n]
	w.b = w.b[n:]
	return b
}

// each calls read for every field of a message. A field that read handles has the wire
// type that read expects, or read returns an error.
func each(message []byte, read func(field) error) error {
	w := wire{b: message}
	for f, ok := w.next(); ok; f, ok = w.next() {
		if err := read(f); err != nil {
			return err
		}
	}
	return w.err
}

// message returns the bytes of a field that must hold some.
func (f field) message() ([]byte, error) {
	if f.kind != wireBytes {
		return nil, fmt.Errorf("%w: field %d", errWire, f.number)
	}
	return f.bytes, nil
}

// integers appends the values of a repeated integer field, packed or not.
func (f field) integers(dst []int64) ([]int64, error) {
	if f.kind == wireVarint {
		return append(dst, int64(f.value)), nil
	}
	b, err := f.message()
	if err != nil {
		return dst, err
	}
	for w := (wire{b: b}); len(w.b) > 0; {
		v := w.varint()
		if w.err != nil {
			return dst, w.err
		}
		dst = append(dst, int64(v))
	}
	return dst, nil
}

// appendBytes appends a field that holds bytes.
func appendBytes(dst []byte, number int, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// appendVarint appends an integer field.
func appendVarint(dst []byte, number int, v uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|wireVarint)
	return binary.AppendUvarint(dst, v)
}
