package avro

import (
	"fmt"

	"github.com/hamba/avro/v2"

	"quiver/codec"
)

// node is a schema compiled for reading. Nodes of recursive schemas form a cycle.
type node struct {
	op       op
	size     int      // of fixed, in bytes
	scale    int      // of decimal
	elem     *node    // of array and map
	branches []*node  // of union
	fields   []field  // of record
	symbols  [][]byte // of enum, as JSON strings
}

type field struct {
	name []byte // as JSON string with its colon
	node *node
}

type op uint8

const (
	opNull op = iota
	opBoolean
	opInt
	opLong
	opFloat
	opDouble
	opBytes
	opString
	opFixed
	opEnum
	opArray
	opMap
	opRecord
	opUnion
	opDecimalBytes
	opDecimalFixed
	opDate
	opTimeMillis
	opTimeMicros
	opTimestampMillis
	opTimestampMicros
)

// compiler turns schemas into nodes; a named one is compiled once, before what is
// inside of it, which may refer to it.
type compiler struct {
	named map[avro.Schema]*node
}

func (c *compiler) compile(s avro.Schema) (*node, error) {
	if n := c.named[s]; n != nil {
		return n, nil
	}
	n := &node{}
	switch s := s.(type) {
	case *avro.RefSchema:
		return c.compile(s.Schema())
	case *avro.NullSchema:
		n.op = opNull
	case *avro.PrimitiveSchema:
		return n, n.primitive(s)
	case *avro.FixedSchema:
		n.op, n.size = opFixed, s.Size()
		return n, n.decimal(s.Logical(), opDecimalFixed)
	case *avro.EnumSchema:
		n.op = opEnum
		for _, symbol := range s.Symbols() {
			n.symbols = append(n.symbols, codec.AppendQuoted(nil, []byte(symbol)))
		}
	case *avro.ArraySchema:
		n.op = opArray
		return n, c.inside(&n.elem, s.Items())
	case *avro.MapSchema:
		n.op = opMap
		return n, c.inside(&n.elem, s.Values())
	case *avro.UnionSchema:
		n.op = opUnion
		n.branches = make([]*node, len(s.Types()))
		for i, t := range s.Types() {
			if err := c.inside(&n.branches[i], t); err != nil {
				return nil, err
			}
		}
	case *avro.RecordSchema:
		n.op = opRecord
		c.named[s] = n
		n.fields = make([]field, len(s.Fields()))
		for i, f := range s.Fields() {
			n.fields[i].name = append(codec.AppendQuoted(nil, []byte(f.Name())), ':')
			if err := c.inside(&n.fields[i].node, f.Type()); err != nil {
				return nil, err
			}
		}
	default:
		return nil, fmt.Errorf("unknown kind of schema %q", s.Type())
	}
	return n, nil
}

func (c *compiler) inside(n **node, s avro.Schema) (err error) {
	*n, err = c.compile(s)
	return err
}

func (n *node) primitive(s *avro.PrimitiveSchema) error {
	var logical avro.LogicalType
	if s.Logical() != nil {
		logical = s.Logical().Type()
	}
	switch s.Type() {
	case avro.Boolean:
		n.op = opBoolean
	case avro.Int:
		n.op = opInt
		switch logical {
		case avro.Date:
			n.op = opDate
		case avro.TimeMillis:
			n.op = opTimeMillis
		}
	case avro.Long:
		n.op = opLong
		switch logical {
		case avro.TimeMicros:
			n.op = opTimeMicros
		case avro.TimestampMillis, avro.LocalTimestampMillis:
			n.op = opTimestampMillis
		case avro.TimestampMicros, avro.LocalTimestampMicros:
			n.op = opTimestampMicros
		}
	case avro.Float:
		n.op = opFloat
	case avro.Double:
		n.op = opDouble
	case avro.String:
		n.op = opString
	case avro.Bytes:
		n.op = opBytes
		return n.decimal(s.Logical(), opDecimalBytes)
	default:
		return fmt.Errorf("unknown primitive %q", s.Type())
	}
	return nil
}

// maxScale is how many digits a decimal may have after its point.
const maxScale = 100

// decimal makes n a decimal if its bytes are one.
func (n *node) decimal(s avro.LogicalSchema, o op) error {
	d, ok := s.(*avro.DecimalLogicalSchema)
	if !ok {
		return nil
	}
	if d.Scale() < 0 || d.Scale() > maxScale {
		return fmt.Errorf("decimal scale %d is not between 0 and %d", d.Scale(), maxScale)
	}
	n.op, n.scale = o, d.Scale()
	return nil
}
