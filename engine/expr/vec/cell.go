package vec

import (
	"bytes"
	"fmt"

	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// PushCell adds a stored cell to the column: a fragment as codec.AppendCellJSON made it,
// with its special. A null is taken whether or not the type is Optional. After an error
// the column is as it was.
func (l *Loader) PushCell(c *Column, cell []byte, sp codec.Special) error {
	if sp == codec.None && string(cell) == "null" {
		c.PushNull()
		return nil
	}
	ok := false
	switch t := c.Type; {
	case t == nil:
	case t.Integer():
		var v int64
		if v, ok = codec.CellInt(cell); ok {
			c.PushInt(v)
		}
	case t.Floating():
		var v float64
		if v, ok = codec.CellFloat(cell, sp); ok {
			c.PushFloat(v)
		}
	case t.Kind == codec.KindBoolean:
		var v bool
		if v, ok = codec.CellBool(cell); ok {
			c.PushBool(v)
		}
	case t.Kind == codec.KindTimestamp, t.Kind == codec.KindDate:
		var v int64
		if v, ok = codec.CellTime(t, cell); ok {
			if t.Kind == codec.KindDate {
				v, _ = chrono.DayOf(v)
			}
			c.PushInt(v)
		}
	case t.Kind == codec.KindString && len(cell) >= 2 && cell[0] == '"' && bytes.IndexByte(cell, '\\') < 0:
		ok = true
		if err := c.PushText(cell[1 : len(cell)-1]); err != nil {
			return err
		}
	case t.Kind == codec.KindDecimal:
		ok = true
		if err := c.PushText(cell); err != nil {
			return err
		}
	default:
		l.stored = true
		defer func() { l.stored = false }()
		return l.PushJSON(c, cell)
	}
	if !ok {
		return &ValueError{Row: c.Len, Reason: fmt.Sprintf("the stored cell %s is no %s", abbreviate(cell), TypeName(c.Type))}
	}
	return nil
}
