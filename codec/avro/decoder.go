package avro

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hamba/avro/v2"

	"quiver/codec"
)

// maxSchema is how long a schema may be, in bytes.
const maxSchema = 4 << 20

// Decoder turns Avro binary of one schema into JSON. It is not changed by use and may
// be shared between goroutines.
type Decoder struct {
	root *node
}

// New returns a Decoder for the values of one field of a record schema (the schema of a
// feature group, say), found by its name in any case; or, where field is "", for values
// of the schema itself.
func New(schemaJSON, field string) (*Decoder, error) {
	if len(schemaJSON) > maxSchema {
		return nil, fmt.Errorf("cannot use an Avro schema of more than %d bytes", maxSchema)
	}
	// A cache of its own: names of one schema must not be seen by the next.
	s, err := avro.ParseWithCache(schemaJSON, "", &avro.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("cannot read the Avro schema: %w", err)
	}
	if field != "" {
		if s, err = fieldSchema(s, field); err != nil {
			return nil, err
		}
	}
	c := compiler{named: map[avro.Schema]*node{}}
	root, err := c.compile(s)
	if err != nil {
		return nil, fmt.Errorf("cannot use the Avro schema: %w", err)
	}
	return &Decoder{root: root}, nil
}

// ForType returns a Decoder for values of a column type of which no schema is known;
// see Schema.
func ForType(t *codec.Type) (*Decoder, error) {
	text, err := Schema(t)
	if err != nil {
		return nil, err
	}
	return New(text, "")
}

func fieldSchema(s avro.Schema, name string) (avro.Schema, error) {
	record, ok := s.(*avro.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("cannot find field %q: the Avro schema is no record but a %s", name, s.Type())
	}
	var found avro.Schema
	for _, f := range record.Fields() {
		if f.Name() == name {
			return f.Type(), nil
		}
		if found == nil && strings.EqualFold(f.Name(), name) {
			found = f.Type()
		}
	}
	if found == nil {
		return nil, fmt.Errorf("cannot find field %q in the Avro record %s", name, record.Name())
	}
	return found, nil
}

// ErrData is what errors about bytes that are no value of the schema wrap.
var ErrData = errors.New("not a value of the Avro schema")

// AppendJSON appends the JSON text of one value, which must take up b whole. After an
// error, which wraps ErrData, dst is as it was. Objects from Avro maps keep the order
// (and the duplicates) of the bytes; codec's AppendCellJSON and RowWriter.JSON, which
// check the value against the column's type, put them in order.
func (d *Decoder) AppendJSON(dst, b []byte) ([]byte, error) {
	r := reader{b: b, dst: dst, start: len(dst), values: maxValues(len(b))}
	err := r.value(d.root)
	if err == nil && r.i != len(b) {
		err = r.errorf("%d bytes are left over", len(b)-r.i)
	}
	if err != nil {
		return dst, err
	}
	return r.dst, nil
}
