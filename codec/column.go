package codec

import "encoding/binary"

// shortCell is how many bytes AppendColumn copies at a time, however short a cell is.
const shortCell = 16

// AppendColumn appends the texts of column i of the first rows, each with a comma before
// it, and returns how many rows those are. It ends before the first row that has no such
// cell or null for it, and, if point is true, before the first without a point among the
// first eight bytes of its text. It is the fast path for answers that are made of columns: it
// does with some twenty instructions a cell what Cell and append do with three calls.
func AppendColumn(dst []byte, rows []Row, i int, point bool) ([]byte, int) {
	for n := range rows {
		r := &rows[n]
		if uint(i) >= uint(r.columns) || r.flags&flagWide != 0 {
			return dst, n
		}
		span := binary.LittleEndian.Uint32(r.b[int(r.table)+2*i:])
		start, end := int(r.cells+span&0xFFFF), int(r.cells+span>>16-1)
		at, size := len(dst), end-start
		if size > shortCell || len(r.b)-start < shortCell || cap(dst)-at <= shortCell {
			text := r.b[start:end]
			if size == 4 && text[0] == 'n' || point && !pointed(head(text), size) {
				return dst, n
			}
			dst = append(append(dst, ','), text...)
			continue
		}
		text := r.b[start : start+shortCell]
		first := binary.LittleEndian.Uint64(text)
		if size == 4 && byte(first) == 'n' || point && !pointed(first, size) {
			return dst, n
		}
		room := dst[at : at+1+shortCell]
		room[0] = ','
		*(*[shortCell]byte)(room[1:]) = *(*[shortCell]byte)(text)
		dst = dst[:at+1+size]
	}
	return dst, len(rows)
}

// head returns the first eight bytes of a text, with zeros after a shorter one.
func head(text []byte) uint64 {
	var b [8]byte
	copy(b[:], text)
	return binary.LittleEndian.Uint64(b[:])
}

// pointed reports whether there is a point in the first eight bytes of a text of some
// size, all bytes at once (Alan Mycroft's test for a zero byte).
func pointed(first uint64, size int) bool {
	const ones = 0x0101_0101_0101_0101
	if size < 8 {
		first &= 1<<(8*size) - 1
	}
	x := first ^ '.'*ones
	return (x-ones)&^x&(ones<<7) != 0
}
