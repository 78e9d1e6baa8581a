package featureset

import "context"

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
	//	in   {"now":"2024-01-01T00:00:00.000000Z","inputs":["Set.a"],"data":{"Set.a":[1,2]}}
	//	out  {"bucket":[3,4]}
	//
	// with columns of equal length, values as the API answers them, outputs without
	// the name of their featureset. in is the caller's and only read.
	Call(ctx context.Context, dst, in []byte) ([]byte, error)
	// Close lets go of the code; calls under way finish.
	Close() error
}
