package service

import (
	"context"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/predict"
)

// Prediction is what a model says of the records of one request, in their order. It
// holds on to the model: Release lets it go.
type Prediction struct {
	Generation string
	Task       predict.Task
	Classes    []string // in the order of a result's probabilities; nil for a regression
	Results    []predict.Result

	// When it began, Unix microseconds, and what was then spent on reading rows and
	// on the model.
	Began, EnrichMicros, ModelMicros int64

	generation *generation
	model      *model
	batch      *predict.Batch
	run        *run
	records    *Records // of the request
	overrides  []Override
}

// AppendFeatures appends what the model was asked about record i, after enrichment, as
// the field postEnrichFeatures with a comma before it (contract, section 20); nothing if the
// endpoint does not show it.
func (p *Prediction) AppendFeatures(out []byte, i int) []byte {
	if !p.model.postEnrich {
		return out
	}
	out = append(out, `,"postEnrichFeatures":{`...)
	for k, name := range p.model.names {
		if k > 0 {
			out = append(out, ',')
		}
		out = append(append(codec.AppendQuoted(out, []byte(name)), ':'), p.asked(i, name)...)
	}
	return append(out, '}')
}

// asked returns the value of a feature of record i, strict JSON.
func (p *Prediction) asked(i int, name string) (token []byte) {
	if in := p.model.inputs[name]; in.place >= 0 {
		token = p.run.record(i)[in.place]
	} else {
		for _, f := range p.records.Fields(i) {
			if string(f.Name) == name {
				token = present(f.Token)
			}
		}
	}
	if token == nil || !validToken(token) {
		return null
	}
	return token
}

// Release gives back the memory of the prediction.
func (p *Prediction) Release() {
	g := p.generation
	p.Results, p.generation, p.records = nil, nil, nil
	if p.run.reset() {
		p.model.predictions.Put(p)
	}
	g.release()
}

// Predict runs a prediction endpoint over records: all are enriched together, then all
// that are left are scored and, where asked for, explained together. explanations is
// what the request says about these, a JSON token; nil says nothing. who and denied are
// as in May. The caller releases a prediction that comes without an error.
func (s *Services) Predict(ctx context.Context, who auth.Principal, denied error, service, name string, d Dispatch, explanations []byte, records *Records) (*Prediction, error) {
	r, g, e, err := s.hold(who, denied, service, name, "predict", d)
	if err != nil {
		return nil, err
	}
	p := e.model.predictions.Get().(*Prediction)
	p.Generation, p.generation, p.Began = g.def.Name, g, s.engine.Now()
	if err := s.predict(ctx, p, explanations, records); err != nil {
		r.calls.add(r.def.Name, e.def.Name, records.Len(), s.engine.Now()-p.Began, true)
		p.Release()
		if e.def.Function != nil {
			err = shown(err, e.def.Function)
		}
		return nil, err
	}
	r.calls.add(r.def.Name, e.def.Name, records.Len(), p.EnrichMicros+p.ModelMicros, false)
	return p, nil
}

func (s *Services) predict(ctx context.Context, p *Prediction, explanations []byte, records *Records) error {
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
	if err := p.batch.Reset(records.Len()); err != nil {
		return err
	}
	p.fill(records)
	if err := p.run.enrich(ctx, s.engine); err != nil {
		return err
	}
	p.merge()
	ready := s.engine.Now()
	p.EnrichMicros = ready - p.Began
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
	p.override()
	return nil
}

// fill hands what the caller gives to the pipeline or, where that has no use for it, to
// the model.
func (p *Prediction) fill(records *Records) {
	p.records = records
	p.run.begin(records.Len())
	for i := range records.Len() {
		rec := p.run.record(i)
		for _, f := range records.Fields(i) {
			in, ok := p.model.inputs[string(f.Name)]
			switch {
			case !ok:
			case in.place >= 0:
				rec[in.place] = present(f.Token)
			default:
				p.batch.SetFeature(i, in.feature, f.Token)
			}
		}
	}
}

// merge hands what the pipeline has to the model. A value that was looked up has taken
// the place of the caller's; where no row matched, the caller's stayed.
func (p *Prediction) merge() {
	for i := range p.run.n {
		if reason := p.run.reasons[i]; reason != "" {
			p.batch.Drop(i, reason)
			continue
		}
		rec := p.run.record(i)
		for at, feature := range p.model.features {
			if feature >= 0 {
				p.batch.SetFeature(i, feature, rec[at])
			}
		}
	}
}
