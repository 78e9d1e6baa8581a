package service

import (
	"context"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/predict"
)

// Prediction is what a model says of the records of one request, in their order. It
// holds on to the model: Release lets it go.
type Prediction struct {
	Generation string
	Task       predict.Task
	Classes    []string // in the order of a result's probabilities; nil for a regression
	Results    []predict.Result

	// What was spent on reading rows and on the model, microseconds.
	EnrichMicros, ModelMicros int64

	generation *generation
	model      *model
	batch      *predict.Batch
}

// Release gives back the memory that Results are in.
func (p *Prediction) Release() {
	p.model.batches.Put(p.batch)
	p.generation.release()
}

// Predict runs a prediction endpoint over records: each is enriched, then all that are
// left are scored and, where asked for, explained together. explanations is what the
// request says about these, a JSON token; nil says nothing. who and denied are as in
// May. The caller releases a prediction that comes without an error.
func (s *Services) Predict(ctx context.Context, who auth.Principal, denied error, service, name string, d Dispatch, explanations []byte, items [][]Field) (*Prediction, error) {
	for {
		r, err := s.find(who, denied, service)
		if err != nil {
			return nil, err
		}
		g, e, err := r.choose(name, catalog.EndpointPrediction, d)
		if err != nil {
			return nil, err
		}
		if e.fault != nil {
			return nil, e.fault
		}
		if !g.acquire() {
			continue // taken away between the two; there is a newer table now
		}
		start := s.engine.Now()
		p := &Prediction{
			Generation: g.def.Name, Task: e.model.Task(), Classes: e.model.Classes(),
			generation: g, model: e.model, batch: e.model.batches.Get().(*predict.Batch),
		}
		err = s.predict(ctx, p, explanations, items)
		r.calls.add(service, name, len(items), s.engine.Now()-start, err != nil)
		if err != nil {
			p.Release()
			return nil, err
		}
		return p, nil
	}
}

func (s *Services) predict(ctx context.Context, p *Prediction, explanations []byte, items [][]Field) error {
	var ask predict.Ask
	var err error
	if explanations != nil {
		if ask, err = predict.ParseAsk(explanations); err != nil {
			return err
		}
	}
	explain, err := p.model.Explanation(ask)
	if err != nil {
		return err
	}
	if err := p.batch.Reset(len(items)); err != nil {
		return err
	}
	start := s.engine.Now()
	for i, item := range items {
		if err := s.prepare(ctx, p, i, item); err != nil {
			return err
		}
	}
	ready := s.engine.Now()
	p.EnrichMicros = ready - start
	if err := p.model.Predict(ctx, p.batch); err != nil {
		return err
	}
	if explain.On {
		if err := p.model.Explain(ctx, p.batch, explain); err != nil {
			return err
		}
	}
	p.ModelMicros = s.engine.Now() - ready
	p.Results = p.batch.Results
	return nil
}

// prepare fills row i. A value that was looked up takes the place of the caller's; where
// no row matched, the caller's stays.
func (s *Services) prepare(ctx context.Context, p *Prediction, i int, item []Field) error {
	for _, f := range item {
		p.batch.Set(i, f.Name, f.Token)
	}
	pipe := p.model.pipeline
	if len(pipe.steps) == 0 {
		return nil
	}
	rec := pipe.record(item)
	for at := range pipe.steps {
		reason, err := s.enrich(ctx, &pipe.steps[at], rec)
		if err != nil {
			return err
		}
		if reason != "" {
			p.batch.Drop(i, reason)
			return nil
		}
	}
	for at, name := range pipe.names {
		token := rec[at]
		if token == nil {
			token = null
		}
		p.batch.Set(i, []byte(name), token)
	}
	return nil
}

var null = []byte("null")
