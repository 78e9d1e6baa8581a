package main

import (
	"context"
	"errors"
	"log/slog"

	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/engine/function"
)

// extractors runs the Python code of featuresets in worker processes, one pool for
// each function. It implements featureset.Functions.
type extractors struct {
	config function.Config // what all functions share: interpreter, pool and limits
	log    *slog.Logger
}

// Open implements featureset.Functions.
func (x *extractors) Open(c featureset.Code) (featureset.Function, error) {
	o := x.config
	o.Files, o.File, o.Function, o.Convention = map[string]string{extractorFile: c.Source}, extractorFile, c.Function, function.Columns
	log := x.log.With("file", c.File, "function", c.Function)
	o.Log = func(line string) { log.Info("extractor: " + line) }
	p, err := function.Open(context.Background(), o)
	if err != nil {
		logTraceback(log, err)
		return nil, err
	}
	return &extractor{pool: p, code: c, log: log}, nil
}

// extractorFile is what a featureset's file is called where it runs; definitions may
// keep theirs in folders of any name.
const extractorFile = "extractor.py"

// extractor is one function of a featureset.
type extractor struct {
	pool *function.Pool
	code featureset.Code
	log  *slog.Logger
}

// Call implements featureset.Function.
func (x *extractor) Call(ctx context.Context, dst, in []byte) ([]byte, error) {
	a, err := x.pool.Call(ctx, in)
	if err != nil {
		logTraceback(x.log, err)
		return dst, fail.Wrap(fail.AsError(err).Code, err, "Function `%s` of %s failed: %v", x.code.Function, x.code.File, err)
	}
	return append(dst, a.JSON...), nil
}

// Close implements featureset.Function.
func (x *extractor) Close() error { return x.pool.Close() }

// logTraceback writes what the caller of a function does not get to see.
func logTraceback(log *slog.Logger, err error) {
	if e, ok := errors.AsType[*function.Error](err); ok && e.Traceback+e.Output != "" {
		log.Warn("function failed", "error", e.Error(), "traceback", e.Traceback, "output", e.Output)
	}
}
