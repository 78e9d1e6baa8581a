package main

import (
	"context"

	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/engine/function"
)

// extractors runs the Python code of featuresets in worker processes, one pool for
// each function. It implements featureset.Functions.
type extractors struct{ functions *functions }

// Open implements featureset.Functions.
func (x *extractors) Open(c featureset.Code) (featureset.Function, error) {
	p, err := x.functions.open(context.Background(), functionName{"extractor", c.File + ":" + c.Function}, function.Config{
		Files: map[string]string{extractorFile: c.Source}, File: extractorFile,
		Function: c.Function, Convention: function.Columns,
	})
	if err != nil {
		return nil, err
	}
	return &extractor{functions: x.functions, pool: p, code: c}, nil
}

// extractorFile is what a featureset's file is called where it runs; definitions may
// keep theirs in folders of any name.
const extractorFile = "extractor.py"

// extractor is one function of a featureset.
type extractor struct {
	functions *functions
	pool      *function.Pool
	code      featureset.Code
}

// Call implements featureset.Function.
func (x *extractor) Call(ctx context.Context, dst, in []byte) ([]byte, error) {
	a, err := x.pool.Call(ctx, in)
	if err != nil {
		logTraceback(x.functions.log.With("extractor", x.code.File+":"+x.code.Function), err)
		return dst, fail.Wrap(fail.AsError(err).Code, err, "Function `%s` of %s failed: %v", x.code.Function, x.code.File, err)
	}
	return append(dst, a.JSON...), nil
}

// Close implements featureset.Function.
func (x *extractor) Close() error { return x.functions.close(x.pool) }
