package ingest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"quiver/codec"
)

// conv says how a stored value of a leaf column is to be understood.
type conv uint8

const (
	convNone conv = iota // it cannot become the group's type
	convNull             // the column is all null
	convBool
	convInt32
	convInt64
	convUint32
	convUint64
	convFloat16
	convFloat32
	convFloat64
	convDecimal32
	convDecimal64
	convDecimalBytes
	convText
	convBytes
	convUUID
	convDays
	convMillis
	convMicros
	convNanos
	convInt96
	convJSON // text that is JSON, for complex types
	convAvro // plain bytes, for complex types: Avro as Hopsworks stores them, or JSON
)

// convOf decides how values of a Parquet type become values of t, and the scale of a
// decimal; convNone if they cannot.
func convOf(p parquet.Type, logical format.LogicalTypeValue, t *codec.Type, top bool) (conv, int) {
	stored, scale := storedAs(p, logical)
	switch stored {
	case convNone:
		return convNone, 0
	case convNull:
		return convNull, 0
	}
	fits := false
	integer := stored >= convInt32 && stored <= convUint64
	decimal := stored >= convDecimal32 && stored <= convDecimalBytes
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt:
		fits = integer || (decimal && scale == 0)
	case codec.KindFloat, codec.KindDouble:
		fits = integer || decimal || (stored >= convFloat16 && stored <= convFloat64)
	case codec.KindDecimal:
		fits = integer || decimal
	case codec.KindBoolean:
		fits = integer || stored == convBool
	case codec.KindString:
		if _, plain := logical.(*format.BsonType); stored == convBytes && p.Kind() == parquet.ByteArray && !plain {
			stored = convText
		}
		fits = stored == convText || stored == convUUID
	case codec.KindBinary:
		if stored == convText || stored == convUUID {
			stored = convBytes
		}
		fits = stored == convBytes
	case codec.KindDate:
		fits = stored == convDays
	case codec.KindTimestamp:
		fits = integer || (stored >= convDays && stored <= convInt96)
	case codec.KindArray, codec.KindStruct, codec.KindMap, codec.KindEmbedding:
		fits = top && (stored == convText || stored == convBytes && p.Kind() == parquet.ByteArray)
		if stored == convBytes {
			stored = convAvro
		} else {
			stored = convJSON
		}
	}
	if !fits {
		return convNone, 0
	}
	return stored, scale
}

// storedAs tells what the values of a Parquet type are.
func storedAs(p parquet.Type, logical format.LogicalTypeValue) (conv, int) {
	kind := p.Kind()
	switch l := logical.(type) {
	case *format.NullType:
		return convNull, 0
	case *format.StringType, *format.EnumType, *format.JsonType:
		return convText, 0
	case *format.BsonType:
		return convBytes, 0
	case *format.UUIDType:
		return convUUID, 0
	case *format.Float16Type:
		return convFloat16, 0
	case *format.DateType:
		return convDays, 0
	case *format.DecimalType:
		switch kind {
		case parquet.Int32:
			return convDecimal32, int(l.Scale)
		case parquet.Int64:
			return convDecimal64, int(l.Scale)
		}
		return convDecimalBytes, int(l.Scale)
	case *format.TimestampType:
		switch l.Unit.Value.(type) {
		case *format.MilliSeconds:
			return convMillis, 0
		case *format.MicroSeconds:
			return convMicros, 0
		case *format.NanoSeconds:
			return convNanos, 0
		}
		return convNone, 0
	case *format.IntType:
		switch {
		case !l.IsSigned && kind == parquet.Int32:
			return convUint32, 0
		case !l.IsSigned && kind == parquet.Int64:
			return convUint64, 0
		}
	case nil:
	default: // TIME, VARIANT, GEOMETRY and what may come
		return convNone, 0
	}
	switch kind {
	case parquet.Boolean:
		return convBool, 0
	case parquet.Int32:
		return convInt32, 0
	case parquet.Int64:
		return convInt64, 0
	case parquet.Int96:
		return convInt96, 0
	case parquet.Float:
		return convFloat32, 0
	case parquet.Double:
		return convFloat64, 0
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return convBytes, 0
	}
	return convNone, 0
}

// write gives a top-level value to w.
func (c *cell) write(w *codec.RowWriter, v *parquet.Value, scratch *[]byte) error {
	if v.IsNull() {
		return w.Null()
	}
	switch c.conv {
	case convBool:
		return w.Bool(v.Boolean())
	case convInt32:
		return w.Int(int64(v.Int32()))
	case convInt64:
		return w.Int(v.Int64())
	case convUint32:
		return w.Int(int64(v.Uint32()))
	case convFloat16:
		return w.Float(float16(v.ByteArray()))
	case convFloat32:
		return w.Float(float64(v.Float()))
	case convFloat64:
		return w.Float(v.Double())
	case convText:
		return w.String(v.ByteArray())
	case convBytes:
		return w.Bytes(v.ByteArray())
	case convDays:
		return w.Date(int64(v.Int32()))
	case convMillis:
		return w.Time(time.UnixMilli(v.Int64()))
	case convMicros:
		return w.Timestamp(v.Int64())
	case convNanos:
		return w.Time(time.Unix(0, v.Int64()))
	case convInt96:
		return w.Time(int96Time(v))
	case convJSON:
		return w.JSON(v.ByteArray())
	case convAvro:
		return c.avroValue(w, v.ByteArray(), scratch)
	}
	*scratch = c.text((*scratch)[:0], v)
	return w.JSON(*scratch)
}

// avroValue writes a complex value that arrives as bytes: the Avro form of the union
// ["null", T], whose first byte is the branch, 00 or 02, or JSON text, which begins with
// neither.
func (c *cell) avroValue(w *codec.RowWriter, b []byte, scratch *[]byte) error {
	if len(b) == 0 || b[0] > 2 {
		return w.JSON(b)
	}
	text, err := c.avro.AppendJSON((*scratch)[:0], b)
	if err != nil {
		return &codec.ValueError{Column: w.Next().Name, Reason: err.Error()}
	}
	*scratch = text
	return w.JSON(text)
}

// show returns a value as a message shows it.
func (c *cell) show(v *parquet.Value) []byte {
	if c.conv == convText && !v.IsNull() {
		return v.ByteArray()
	}
	return c.text(nil, v)
}

// text appends a value as a JSON token that the codec understands. Text that is not
// UTF-8 must be found by the caller: quoting it would change it.
func (c *cell) text(dst []byte, v *parquet.Value) []byte {
	if v.IsNull() {
		return append(dst, "null"...)
	}
	switch c.conv {
	case convBool:
		return strconv.AppendBool(dst, v.Boolean())
	case convInt32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case convInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case convUint32:
		return strconv.AppendUint(dst, uint64(v.Uint32()), 10)
	case convUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case convFloat16:
		return appendFloat(dst, float16(v.ByteArray()))
	case convFloat32:
		return appendFloat(dst, float64(v.Float()))
	case convFloat64:
		return appendFloat(dst, v.Double())
	case convDecimal32:
		return appendDecimal(dst, big.NewInt(int64(v.Int32())), c.scale)
	case convDecimal64:
		return appendDecimal(dst, big.NewInt(v.Int64()), c.scale)
	case convDecimalBytes:
		return appendDecimal(dst, twosComplement(v.ByteArray()), c.scale)
	case convText:
		return codec.AppendQuoted(dst, v.ByteArray())
	case convUUID:
		return appendUUID(dst, v.ByteArray())
	case convBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.ByteArray())
		return append(dst, '"')
	case convDays:
		return appendTime(dst, time.Unix(int64(v.Int32())*86400, 0), time.DateOnly)
	case convMillis:
		return appendTime(dst, time.UnixMilli(v.Int64()), timestampForm)
	case convMicros:
		return appendTime(dst, time.UnixMicro(v.Int64()), timestampForm)
	case convNanos:
		return appendTime(dst, time.Unix(0, v.Int64()), timestampForm)
	case convInt96:
		return appendTime(dst, int96Time(v), timestampForm)
	case convJSON:
		return append(dst, v.ByteArray()...)
	case convAvro:
		return hex.AppendEncode(dst, v.ByteArray())
	}
	return append(dst, "null"...)
}

// timestampForm shows as many fraction digits as there are.
const timestampForm = "2006-01-02 15:04:05.999999999"

func appendTime(dst []byte, t time.Time, form string) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, form)
	return append(dst, '"')
}

// julianEpoch is the Julian day number of 1970-01-01.
const julianEpoch = 2440588

// int96Time reads the timestamps of old Spark, Hive and Impala files: nanoseconds of
// the day, then the Julian day number.
func int96Time(v *parquet.Value) time.Time {
	x := v.Int96()
	nanos := int64(uint64(x[1])<<32 | uint64(x[0]))
	return time.Unix((int64(x[2])-julianEpoch)*86400, nanos)
}

// appendFloat appends the shortest text that reads back as the value; what is not
// finite becomes a string.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// float16 reads an IEEE 754 half-precision number.
func float16(b []byte) float64 {
	if len(b) != 2 {
		return math.NaN()
	}
	h := binary.LittleEndian.Uint16(b)
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 0x1f:
		f = math.Inf(1)
		if frac != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+frac, exp-25)
	}
	if h>>15 != 0 {
		f = -f
	}
	return f
}

// twosComplement reads a big-endian integer of any length.
func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// appendDecimal appends n / 10^scale exactly.
func appendDecimal(dst []byte, n *big.Int, scale int) []byte {
	if n.Sign() < 0 {
		dst = append(dst, '-')
		n = new(big.Int).Neg(n)
	}
	digits := n.String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}

func appendUUID(dst, b []byte) []byte {
	if len(b) != 16 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		start := [...]int{0, 4, 6, 8, 10}[i]
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[start:end])
	}
	return append(dst, '"')
}

// assembly builds the JSON text of one nested cell. It always takes exactly the values
// of one row from every leaf, whatever they hold, so that rows stay in step.
type assembly struct {
	bad error // the first value that cannot be had
	err error // the file is damaged
}

// append appends the next value of c.
func (a *assembly) append(dst []byte, c *cell) []byte {
	first := c.leaves[0].peek()
	if first == nil {
		if a.err == nil {
			a.err = c.leaves[0].short()
		}
		return dst
	}
	def := first.DefinitionLevel()
	switch {
	case c.kind == leafCell:
		return a.leaf(dst, c)
	case def < c.def:
		return append(a.skip(dst, c), "null"...)
	case c.kind == structCell:
		dst = append(dst, '{')
		for i, f := range c.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, c.names[i]...)
			if f == nil {
				dst = append(dst, "null"...)
			} else {
				dst = a.append(dst, f)
			}
		}
		return append(dst, '}')
	}
	open, end := byte('['), byte(']')
	if c.kind == mapCell {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	if def < c.some {
		return append(a.skip(dst, c), end)
	}
	for a.err == nil {
		if c.key != nil {
			dst = a.appendKey(dst, c.key)
		}
		dst = a.append(dst, c.elem)
		next := c.leaves[0].peek()
		if next == nil || next.RepetitionLevel() != c.rep {
			break
		}
		dst = append(dst, ',')
	}
	return append(dst, end)
}

// leaf appends the next value of a leaf column.
func (a *assembly) leaf(dst []byte, c *cell) []byte {
	v := c.leaf.take()
	switch {
	case v == nil:
		a.err = c.leaf.short()
		return dst
	case c.conv == convText && !v.IsNull() && !utf8.Valid(v.ByteArray()):
		a.bad = errUTF8
	}
	return c.text(dst, v)
}

// What can be wrong inside a nested cell before the codec sees it.
var (
	errUTF8    = errors.New("holds text that is not valid UTF-8")
	errNullKey = errors.New("has a null key")
)

// appendKey appends a map key with its colon.
func (a *assembly) appendKey(dst []byte, key *cell) []byte {
	start := len(dst)
	dst = a.leaf(dst, key)
	switch {
	case a.err != nil:
		return dst
	case string(dst[start:]) == "null":
		a.bad = errNullKey
	}
	if dst[start] != '"' {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '"'
		dst = append(dst, '"')
	}
	return append(dst, ':')
}

// skip goes past the one value that each leaf has for a null or empty cell.
func (a *assembly) skip(dst []byte, c *cell) []byte {
	for _, l := range c.leaves {
		if l.take() == nil && a.err == nil {
			a.err = l.short()
		}
	}
	return dst
}
