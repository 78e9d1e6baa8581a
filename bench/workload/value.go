package workload

import (
	"strconv"
	"time"

	"quiver/codec"
)

// kind is the type of a generated feature.
type kind uint8

const (
	kindBig kind = iota
	kindDouble
	kindText
	kindInt
	kindBool
	kindTime
)

// kindOf returns the kind of feature f: of twenty, six are bigint, six double, three
// string, three int, one boolean and one timestamp, mixed so that any cut into groups
// looks alike.
func kindOf(f int) kind {
	return [20]kind{
		kindBig, kindDouble, kindText, kindInt, kindDouble,
		kindBig, kindDouble, kindText, kindBool, kindBig,
		kindDouble, kindBig, kindInt, kindTime, kindDouble,
		kindBig, kindText, kindInt, kindDouble, kindBig,
	}[f%20]
}

func (k kind) definition() string {
	return [...]string{"bigint", "double", "string", "int", "boolean", "timestamp"}[k]
}

// value is a generated value: random bits and what to make of them.
type value struct {
	kind kind
	bits uint64
}

func (v value) big() int64       { return int64(v.bits % 1_000_000_000_000_000) }
func (v value) int() int64       { return int64(v.bits % 1_000_000) }
func (v value) bool() bool       { return v.bits&1 == 1 }
func (v value) seconds() int64   { return 1_600_000_000 + int64(v.bits%100_000_000) }
func (v value) thousands() int64 { return int64(v.bits % 1_000_000_000) } // of a double

// text returns twelve letters and digits that need no escaping.
func (v value) text() (t [12]byte) {
	bits := v.bits
	for i := range t {
		t[i] = "abcdefghijklmnopqrstuvwxyz012345"[bits&31]
		bits >>= 5
	}
	return t
}

// write gives the value to w.
func (v value) write(w *codec.RowWriter) error {
	switch v.kind {
	case kindBig:
		return w.Int(v.big())
	case kindInt:
		return w.Int(v.int())
	case kindDouble:
		return w.Float(float64(v.thousands()) / 1000)
	case kindBool:
		return w.Bool(v.bool())
	case kindTime:
		return w.Timestamp(v.seconds() * 1_000_000)
	default:
		t := v.text()
		return w.String(t[:])
	}
}

// appendJSON appends the value as the Hopsworks API prints it, without the codec that
// is being measured.
func (v value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case kindBig:
		return strconv.AppendInt(dst, v.big(), 10)
	case kindInt:
		return strconv.AppendInt(dst, v.int(), 10)
	case kindDouble:
		return strconv.AppendFloat(dst, float64(v.thousands())/1000, 'f', -1, 64)
	case kindBool:
		if v.bool() {
			return append(dst, '1')
		}
		return append(dst, '0')
	case kindTime:
		dst = append(dst, '"')
		dst = v.appendTime(dst)
		return append(dst, '"')
	default:
		t := v.text()
		dst = append(dst, '"')
		dst = append(dst, t[:]...)
		return append(dst, '"')
	}
}

func (v value) appendTime(dst []byte) []byte {
	return time.Unix(v.seconds(), 0).UTC().AppendFormat(dst, time.DateTime)
}

// appendInput appends the value as JSON that clients send, where booleans are words.
func (v value) appendInput(dst []byte) []byte {
	if v.kind == kindBool {
		return strconv.AppendBool(dst, v.bool())
	}
	return v.appendJSON(dst)
}
