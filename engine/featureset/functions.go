package featureset

import (
	"context"

	"quiver/codec"
)

// Functions runs extractors that are code. It is handed in, because it starts
// processes; without it definitions with such extractors are refused.
type Functions interface {
	// Open prepares a function, checking that it can be loaded. It is called when
	// definitions are applied, before they take effect.
	Open(c Code) (Function, error)
}

// Code names a Python function and has its source.
type Code struct {
	File     string // as the definition names it, for messages
	Source   string // of the whole file
	Function string // in it
}

// Function is code ready to be called, from many goroutines.
type Function interface {
	// Call appends to dst what the code answers to in. Both are one JSON object:
	//
	//	in   {"now":"2024-01-01T00:00:00.000000Z","rows":2,"inputs":["Set.a"],"types":["plain"],"data":{"Set.a":[1,2]}}
	//	out  {"bucket":[3,4]}
	//
	// with columns of equal length, values as the API answers them, outputs without
	// the name of their featureset. types says what the values are made into (package
	// function). in is the caller's and only read.
	Call(ctx context.Context, dst, in []byte) ([]byte, error)
	// Close lets go of the code; calls under way finish.
	Close() error
}

// appendReading appends what values of a type become in a function, as JSON; see package
// function.
func appendReading(dst []byte, t *codec.Type) []byte {
	nested := func(kind string, of *codec.Type) []byte {
		dst = append(append(append(dst, `["`...), kind...), `",`...)
		return append(appendReading(dst, of), ']')
	}
	switch t.Kind {
	case codec.KindFloat, codec.KindDouble:
		return append(dst, `"float"`...)
	case codec.KindTimestamp:
		return append(dst, `"datetime"`...)
	case codec.KindDate:
		return append(dst, `"date"`...)
	case codec.KindDecimal:
		return append(dst, `"decimal"`...)
	case codec.KindBinary:
		return append(dst, `"bytes"`...)
	case codec.KindArray, codec.KindEmbedding:
		return nested("list", t.Elem)
	case codec.KindMap:
		return nested("map", t.Elem)
	case codec.KindStruct:
		dst = append(dst, `["struct",{`...)
		for i := range t.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(codec.AppendQuoted(dst, []byte(t.Fields[i].Name)), ':')
			dst = appendReading(dst, t.Fields[i].Type)
		}
		return append(dst, "}]"...)
	}
	return append(dst, `"plain"`...)
}
