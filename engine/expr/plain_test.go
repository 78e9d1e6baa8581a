package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// plain evaluates a checked expression for one row after the other, with values as Go
// has them, and is as slow and as obvious as that makes it. What it computes is what the
// kernels must compute. Values are nil, bool, int64, float64, string, []any,
// map[string]any for dictionaries and record for structs; datetimes are int64.
type plain struct {
	row   map[string]any
	item  any
	count int // operations, so that nothing runs for ever
}

type record map[string]any

var errPlain = errors.New("failed")

// load reads a cell of a column.
func plainValue(c *vec.Column, i int) any {
	if c.Null(i) {
		return nil
	}
	switch vec.ShapeOf(c.Type) {
	case vec.ShapeInts:
		return c.Ints[i]
	case vec.ShapeFloats:
		return c.Floats[i]
	case vec.ShapeBits:
		return c.Bits.Get(i)
	case vec.ShapeBytes:
		return string(c.Text(i))
	case vec.ShapeList:
		list := []any{}
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			list = append(list, plainValue(c.Kids[0], int(k)))
		}
		return list
	case vec.ShapeMap:
		m := map[string]any{}
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			m[string(c.Kids[0].Text(int(k)))] = plainValue(c.Kids[1], int(k))
		}
		return m
	case vec.ShapeStruct:
		r := record{}
		for k, f := range c.Type.Fields {
			r[f.Name] = plainValue(c.Kids[k], i)
		}
		return r
	}
	return nil
}

// text writes a value of a type as the API answers it.
func plainText(v any, t *codec.Type) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(x)
	case float64:
		switch {
		case math.IsNaN(x):
			return `"NaN"`
		case math.IsInf(x, 1):
			return `"+infinity"`
		case math.IsInf(x, -1):
			return `"-infinity"`
		}
		return string(vec.AppendFloat(nil, x))
	case int64:
		switch t.Kind {
		case codec.KindTimestamp:
			return `"` + time.UnixMicro(x).UTC().Format("2006-01-02T15:04:05.000000Z") + `"`
		case codec.KindDate:
			return `"` + time.Unix(x*86400, 0).UTC().Format("2006-01-02") + `"`
		}
		return strconv.FormatInt(x, 10)
	case string:
		if t.Kind == codec.KindDecimal {
			return x
		}
		return string(codec.AppendQuoted(nil, []byte(x)))
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, plainText(e, t.Elem))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var keys, parts []string
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			parts = append(parts, string(codec.AppendQuoted(nil, []byte(k)))+":"+plainText(x[k], t.Elem))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case record:
		var parts []string
		for _, f := range t.Fields {
			parts = append(parts, string(codec.AppendQuoted(nil, []byte(f.Name)))+":"+plainText(x[f.Name], f.Type))
		}
		sort.Strings(parts)
		return "{" + strings.Join(parts, ",") + "}"
	}
	return fmt.Sprintf("%T", v)
}

// cast promotes a value.
func plainCast(v any, to *codec.Type) any {
	switch x := v.(type) {
	case int64:
		if kindOf(to) == codec.KindDouble {
			return float64(x)
		}
	case []any:
		list := []any{}
		for _, e := range x {
			list = append(list, plainCast(e, to.Elem))
		}
		return list
	case record:
		r := record{}
		for _, f := range to.Fields {
			r[f.Name] = plainCast(x[f.Name], f.Type)
		}
		return r
	}
	return v
}

// equal compares two values that are not null themselves.
func plainEqual(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	switch x := a.(type) {
	case float64:
		y := b.(float64)
		return x == y || math.IsNaN(x) && math.IsNaN(y)
	case []any:
		y := b.([]any)
		for i := range x {
			if len(x) != len(y) || !plainEqual(x[i], y[i]) {
				return false
			}
		}
		return len(x) == len(y)
	case map[string]any:
		y := b.(map[string]any)
		for k := range x {
			w, ok := y[k]
			if len(x) != len(y) || !ok || !plainEqual(x[k], w) {
				return false
			}
		}
		return len(x) == len(y)
	case record:
		y := b.(record)
		for k := range x {
			if !plainEqual(x[k], y[k]) {
				return false
			}
		}
		return true
	}
	return a == b
}

func (p *plain) eval(e *expr) (any, error) {
	if p.count++; p.count > 100_000 {
		return nil, errPlain
	}
	switch e.op {
	case OpCol:
		return p.row[e.n.Name], nil
	case OpVar:
		return p.item, nil
	case OpLit:
		return plainValue(e.lit, 0), nil
	case OpNow:
		return int64(testNow), nil
	case OpDatetime:
		return e.n.Int, nil
	case OpCase:
		for i := 0; i+1 < len(e.args); i += 2 {
			when, err := p.eval(e.args[i])
			if err != nil {
				return nil, err
			}
			if when == true {
				return p.eval(e.args[i+1])
			}
		}
		return p.eval(e.args[len(e.args)-1])
	case OpFillNull:
		v, err := p.eval(e.args[0])
		if err != nil || v != nil {
			return v, err
		}
		return p.eval(e.args[1])
	case OpListMap, OpListFilter:
		list, err := p.eval(e.args[0])
		if err != nil || list == nil {
			return nil, err
		}
		out := []any{}
		for _, item := range list.([]any) {
			p.item = item
			v, err := p.eval(e.args[1])
			if err != nil {
				return nil, err
			}
			if e.op == OpListMap {
				out = append(out, v)
			} else if v == true {
				out = append(out, item)
			}
		}
		return out, nil
	}
	var args []any
	for _, a := range e.args {
		v, err := p.eval(a)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if e.op.sign() != "" {
		return p.operator(e, args[0], args[1]), nil
	}
	return p.call(e, args)
}

func (p *plain) operator(e *expr, a, b any) any {
	switch e.op {
	case OpAnd:
		if a == false || b == false {
			return false
		}
	case OpOr:
		if a == true || b == true {
			return true
		}
	}
	if a == nil || b == nil {
		return nil
	}
	switch e.op {
	case OpAnd, OpOr:
		return e.op == OpAnd
	case OpEq:
		return plainEqual(a, b)
	case OpNe:
		return !plainEqual(a, b)
	}
	if x, ok := a.(int64); ok {
		y := b.(int64)
		bx, by := big.NewInt(x), big.NewInt(y)
		wrap := func(v *big.Int) int64 {
			return int64(new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64())
		}
		switch e.op {
		case OpAdd:
			return wrap(bx.Add(bx, by))
		case OpSub:
			return wrap(bx.Sub(bx, by))
		case OpMul:
			return wrap(bx.Mul(bx, by))
		case OpGt:
			return x > y
		case OpGe:
			return x >= y
		case OpLt:
			return x < y
		case OpLe:
			return x <= y
		}
		if y == 0 {
			return int64(0)
		}
		quo, rem := new(big.Int).QuoRem(bx, by, new(big.Int))
		if rem.Sign() != 0 && rem.Sign() != by.Sign() {
			quo.Sub(quo, big.NewInt(1))
			rem.Add(rem, by)
		}
		if e.op == OpFloorDiv {
			return wrap(quo)
		}
		return wrap(rem)
	}
	x, y := a.(float64), b.(float64)
	// Below the numbers there is nothing, above them NaN.
	order := func(f float64) int {
		if math.IsNaN(f) {
			return 1
		}
		return 0
	}
	less := order(x) < order(y) || order(x) == order(y) && x < y
	equal := plainEqual(x, y)
	switch e.op {
	case OpAdd:
		return x + y
	case OpSub:
		return x - y
	case OpMul:
		return x * y
	case OpDiv:
		return x / y
	case OpFloorDiv:
		return math.Floor(x / y)
	case OpMod:
		r := math.Mod(x, y)
		switch {
		case r == 0:
			r = math.Copysign(0, y)
		case r < 0 && y > 0, r > 0 && y < 0:
			r += y
		}
		return r
	case OpLt:
		return less
	case OpLe:
		return less || equal
	case OpGt:
		return !less && !equal
	}
	return !less
}

// call evaluates the operations whose null makes null, after those where it does not.
func (p *plain) call(e *expr, args []any) (any, error) {
	switch e.op {
	case OpIsNull:
		return args[0] == nil, nil
	case opCast:
		return plainCast(args[0], e.typ), nil
	case opFit:
		if args[0] == nil {
			return nil, nil
		}
		_, _, err := codec.AppendCellJSON(nil, e.want, []byte(plainText(args[0], e.typ)))
		return args[0], err
	case OpRepeat:
		n := args[1].(int64)
		if n < 0 || n > 1000 {
			return nil, errPlain
		}
		list := []any{}
		for range n {
			list = append(list, args[0])
		}
		return list, nil
	case OpZip:
		list := []any{}
		for i := 0; ; i++ {
			r := record{}
			for k, f := range e.typ.Elem.Fields {
				items := args[k].([]any)
				if i == len(items) {
					return list, nil
				}
				r[f.Name] = items[i]
			}
			list = append(list, r)
		}
	case OpStruct:
		r := record{}
		for k, f := range e.typ.Fields {
			r[f.Name] = args[k]
		}
		return r, nil
	case OpListContains:
		if args[0] == nil {
			return nil, nil
		}
		list := args[0].([]any)
		found, nulls := false, false
		for _, v := range list {
			nulls = nulls || v == nil
			found = found || v != nil && args[1] != nil && plainEqual(v, args[1])
		}
		switch {
		case found:
			return true, nil
		case len(list) > 0 && (nulls || args[1] == nil):
			return nil, nil
		}
		return false, nil
	case OpDictGet:
		if args[0] == nil || args[1] == nil {
			return nil, nil
		}
		v, ok := args[0].(map[string]any)[args[1].(string)]
		if !ok && len(args) == 3 {
			v = args[2]
		}
		return v, nil
	}
	for _, a := range args {
		if a == nil {
			return nil, nil
		}
	}
	switch x := args[0].(type) {
	case bool:
		return !x, nil // ~
	case record:
		return x[e.n.Name], nil
	case map[string]any:
		if e.op == OpDictLen {
			return int64(len(x)), nil
		}
		_, ok := x[args[1].(string)]
		return ok, nil
	case []any:
		return p.list(e, x, args)
	case string:
		return p.str(e, x, args)
	case int64:
		if e.op >= OpSince && e.op <= OpPart {
			return p.dt(e, x, args)
		}
		return p.int(e, x, args)
	}
	return p.float(e, args[0].(float64), args)
}

func (p *plain) int(e *expr, x int64, args []any) (any, error) {
	switch e.op {
	case OpNeg:
		return -x, nil
	case OpAbs:
		if x < 0 {
			return -x, nil
		}
		return x, nil
	case OpCeil, OpFloor, OpRound:
		return x, nil
	case OpToString:
		return strconv.FormatInt(x, 10), nil
	case OpIsNaN, OpIsInf:
		return false, nil
	case OpPow:
		y := args[1].(int64)
		if y < 0 {
			return nil, errPlain
		}
		v := new(big.Int).Exp(big.NewInt(x), big.NewInt(y), new(big.Int).Lsh(big.NewInt(1), 64))
		return int64(v.Uint64()), nil
	case OpFromEpoch:
		v := new(big.Int).Mul(big.NewInt(x), big.NewInt(map[Unit]int64{Second: 1e6, Millisecond: 1e3, Microsecond: 1}[e.n.Unit]))
		if !v.IsInt64() {
			return nil, errPlain
		}
		if year := time.UnixMicro(v.Int64()).UTC().Year(); year < 1 || year > 9999 {
			return nil, errPlain
		}
		return v.Int64(), nil
	}
	return nil, fmt.Errorf("plain: %s of int", e.op)
}

func (p *plain) float(e *expr, x float64, args []any) (any, error) {
	switch e.op {
	case OpNeg:
		return -x, nil
	case OpAbs:
		return math.Abs(x), nil
	case OpCeil, OpFloor:
		x = map[Op]float64{OpCeil: math.Ceil(x), OpFloor: math.Floor(x)}[e.op]
	case OpRound:
		if e.n.Int > 0 {
			unit := math.Pow(10, float64(e.n.Int))
			if r := math.Round(x*unit) / unit; !math.IsNaN(r) && !math.IsInf(r, 0) {
				return r, nil
			}
			return x, nil
		}
		x = math.Round(x)
	case OpToString:
		return string(vec.AppendFloat(nil, x)), nil
	case OpPow:
		return math.Pow(x, args[1].(float64)), nil
	case OpSqrt:
		return math.Sqrt(x), nil
	case OpLog:
		if e.n.Num <= 0 {
			return math.NaN(), nil
		}
		if e.n.Num == math.E {
			return math.Log(x), nil
		}
		return math.Log(x) / math.Log(e.n.Num), nil
	case OpSin:
		return math.Sin(x), nil
	case OpCos:
		return math.Cos(x), nil
	case OpTan:
		return math.Tan(x), nil
	case OpAsin:
		return math.Asin(x), nil
	case OpAcos:
		return math.Acos(x), nil
	case OpAtan:
		return math.Atan(x), nil
	case OpIsNaN:
		return math.IsNaN(x), nil
	case OpIsInf:
		return math.IsInf(x, 0), nil
	default:
		return nil, fmt.Errorf("plain: %s of float", e.op)
	}
	if math.IsNaN(x) || x < math.MinInt64 || x >= -math.MinInt64 {
		return nil, errPlain
	}
	return int64(x), nil
}

func (p *plain) str(e *expr, x string, args []any) (any, error) {
	arg := ""
	if len(args) > 1 {
		arg = args[1].(string)
	}
	switch e.op {
	case OpStrLen:
		return int64(len([]rune(x))), nil
	case OpLower:
		return strings.Map(unicode.ToLower, x), nil
	case OpUpper:
		return strings.Map(unicode.ToUpper, x), nil
	case OpContains:
		return strings.Contains(x, arg), nil
	case OpStartsWith:
		return strings.HasPrefix(x, arg), nil
	case OpEndsWith:
		return strings.HasSuffix(x, arg), nil
	case OpConcat:
		return x + arg, nil
	case OpToInt:
		return strconv.ParseInt(x, 10, 64)
	case OpSplit:
		list := []any{}
		parts := strings.Split(x, e.n.Name)
		if x == "" {
			parts = []string{""}
		}
		for _, s := range parts {
			list = append(list, s)
		}
		return list, nil
	case OpStrptime: // %Y-%m-%d, in UTC
		at, err := time.Parse("2006-1-2", x)
		if err != nil || at.Year() < 1 {
			return nil, errPlain
		}
		return at.UnixMicro(), nil
	case OpParse: // of int and of lists of float
		if e.n.Type.Kind == codec.KindBigInt {
			if !json.Valid([]byte(x)) {
				return nil, errPlain
			}
			f, ok := new(big.Float).SetPrec(200).SetString(strings.TrimSpace(x))
			if !ok {
				return nil, errPlain
			}
			i, _ := f.Int(nil)
			if !i.IsInt64() {
				return nil, errPlain
			}
			return i.Int64(), nil
		}
		var floats []float64
		if err := json.Unmarshal([]byte(x), &floats); err != nil || floats == nil || strings.Contains(x, "null") {
			return nil, errPlain
		}
		list := []any{}
		for _, f := range floats {
			list = append(list, f)
		}
		return list, nil
	case OpJSONExtract: // $.a
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(x), &object) != nil || object["a"] == nil {
			return nil, nil
		}
		var s string
		if json.Unmarshal(object["a"], &s) == nil && object["a"][0] == '"' {
			return s, nil
		}
		var b bytes.Buffer
		_ = json.Compact(&b, object["a"])
		return b.String(), nil
	}
	return nil, fmt.Errorf("plain: %s of str", e.op)
}

func (p *plain) dt(e *expr, x int64, args []any) (any, error) {
	loc, err := time.LoadLocation(e.n.Zone)
	if err != nil {
		return nil, err
	}
	at := time.UnixMicro(x).In(loc)
	switch e.op {
	case OpPart:
		_, week := at.ISOWeek()
		return int64(map[Unit]int{
			Year: at.Year(), Month: int(at.Month()), Week: week, Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(),
			Second: at.Second(), Millisecond: at.Nanosecond() / 1e6, Microsecond: at.Nanosecond() / 1e3,
		}[e.n.Unit]), nil
	case OpStrftime: // %Y/%m/%d %H:%M:%S
		return at.Format("2006/01/02 15:04:05"), nil
	}
	if e.op == OpSince {
		x -= args[1].(int64)
	}
	switch e.n.Unit {
	case Week:
		return int64(math.Floor(float64(x/86_400_000_000) / 7)), nil
	case Year:
		return int64(math.Floor(float64(x/86_400_000_000) / 365)), nil
	}
	return x / map[Unit]int64{Microsecond: 1, Millisecond: 1000, Second: 1e6, Minute: 60e6, Hour: 3600e6, Day: 86400e6}[e.n.Unit], nil
}

func (p *plain) list(e *expr, x []any, args []any) (any, error) {
	nulls := false
	for _, v := range x {
		nulls = nulls || v == nil
	}
	switch e.op {
	case OpListLen:
		return int64(len(x)), nil
	case OpListHasNull:
		return nulls, nil
	case OpListAt:
		i := args[1].(int64)
		if i < 0 {
			i += int64(len(x))
		}
		if i < 0 || i >= int64(len(x)) {
			return nil, nil
		}
		return x[i], nil
	case OpListAny:
		for _, v := range x {
			if v == true {
				return true, nil
			}
		}
		if nulls {
			return nil, nil
		}
		return false, nil
	}
	if nulls {
		return nil, nil
	}
	if e.op == OpListAll {
		for _, v := range x {
			if v == false {
				return false, nil
			}
		}
		return true, nil
	}
	if len(x) == 0 && e.op != OpListSum {
		return nil, nil
	}
	ints := kindOf(e.args[0].typ.Elem) == codec.KindBigInt
	sum, total := int64(0), 0.0
	var best any
	for _, v := range x {
		if ints {
			sum += v.(int64)
			total += float64(v.(int64))
			if best == nil || e.op == OpListMin && v.(int64) < best.(int64) || e.op == OpListMax && v.(int64) > best.(int64) {
				best = v
			}
			continue
		}
		f := v.(float64)
		total += f
		if best == nil || math.IsNaN(best.(float64)) || e.op == OpListMin && f < best.(float64) || e.op == OpListMax && f > best.(float64) {
			best = f
		}
	}
	switch {
	case e.op == OpListMean:
		return total / float64(len(x)), nil
	case e.op == OpListSum && ints:
		return sum, nil
	case e.op == OpListSum:
		return total, nil
	}
	return best, nil
}
