package service

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"quiver/engine/catalog"
	"quiver/engine/predict"
	"quiver/engine/predict/trees"
)

// model is a prediction endpoint, compiled: its enrichments and its predictor.
type model struct {
	*predict.Predictor
	pipeline    *pipeline
	names       []string // of the features
	postEnrich  bool     // results show them
	rules       []rule
	features    []int            // by place of the pipeline: the feature of that name, -1
	inputs      map[string]input // by the names that a request may give
	predictions sync.Pool        // *Prediction
}

// input is where a value goes: to a place of the pipeline, or else to a feature.
type input struct{ place, feature int }

// newModel reads the files of a prediction and puts it together. ONNX files are known by
// their name, all others by what they hold.
func (s *Services) newModel(service string, e *catalog.APIEndpoint) (*model, error) {
	def := e.Predict
	c, err := predictConfig(def)
	if err != nil {
		return nil, err
	}
	m, err := s.readModel(service, e, c)
	if err != nil {
		return nil, err
	}
	p, err := predict.New(m, *c)
	if err != nil {
		if e.Function == nil {
			err = fmt.Errorf("model %s: %w", def.Model.Name, err)
		}
		return nil, err
	}
	out := &model{Predictor: p, inputs: map[string]input{}, names: p.Features(), postEnrich: def.PostEnrich}
	if out.pipeline, err = newPipeline(def.Enrich, true); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if out.rules, err = newRules(def.Overrides, p); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	for i, name := range out.names {
		out.inputs[name] = input{-1, i}
	}
	for at, name := range out.pipeline.names {
		feature := -1
		if in, ok := out.inputs[name]; ok {
			feature = in.feature
		}
		out.inputs[name] = input{at, feature}
		out.features = append(out.features, feature)
	}
	out.predictions.New = func() any {
		return &Prediction{Task: p.Task(), Classes: p.Classes(), model: out, batch: p.NewBatch(), run: newRun(out.pipeline)}
	}
	return out, nil
}

// readModel makes the model of a prediction from its file, or from its function.
func (s *Services) readModel(service string, e *catalog.APIEndpoint, c *predict.Config) (predict.Model, error) {
	if e.Function != nil {
		return s.newCustomModel(service, e, c)
	}
	def := e.Predict
	data, err := def.Model.Bytes()
	if err != nil {
		return nil, err
	}
	var m predict.Model
	switch {
	case !strings.HasSuffix(strings.ToLower(def.Model.Name), ".onnx"):
		m, err = trees.Read(data, trees.Limits{})
	case s.ONNX == nil:
		err = errors.New("this server does not run ONNX models")
	default:
		m, err = s.ONNX(data, c.Task)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", def.Model.Name, err)
	}
	return m, nil
}

// predictConfig says the same as the definition in the words of package predict.
func predictConfig(def *catalog.PredictionEndpoint) (*predict.Config, error) {
	x := &def.Explain
	c := &predict.Config{
		Classes: def.Classes, Threshold: def.Threshold,
		Explain: predict.Explaining{Enabled: x.Enabled, N: x.N, Steps: x.Steps, Seed: x.Seed},
	}
	var err error
	if c.Task, err = predict.ParseTask(def.Task); err != nil {
		return nil, err
	}
	if x.Method != "" {
		if c.Explain.Method, err = predict.ParseMethod(x.Method); err != nil {
			return nil, err
		}
	}
	if c.Features, err = modelFeatures(def.Features); err != nil {
		return nil, err
	}
	if x.Importance != nil {
		for i := range def.Features {
			c.Explain.Importance = append(c.Explain.Importance, x.Importance[def.Features[i].Name])
		}
	}
	if def.Percentiles != nil {
		data, err := def.Percentiles.Bytes()
		if err != nil {
			return nil, err
		}
		if c.Percentiles, err = predict.ParsePercentiles(data); err != nil {
			return nil, err
		}
	}
	if x.Background != nil {
		data, err := x.Background.Bytes()
		if err != nil {
			return nil, err
		}
		if c.Explain.Background, err = predict.ReadBackground(bytes.NewReader(data), x.Weight); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func modelFeatures(all []catalog.ModelFeature) ([]predict.Feature, error) {
	out := make([]predict.Feature, len(all))
	for i := range all {
		f := &all[i]
		typ, length, err := predict.FeatureTypeOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("feature %s: %w", f.Name, err)
		}
		out[i] = predict.Feature{
			Name: f.Name, Type: typ, Length: length, Categories: f.Categories, Missing: handling(f.Missing), Unknown: handling(f.Unknown),
		}
	}
	return out, nil
}

func handling(h catalog.Handling) predict.Handling {
	switch h.Action {
	case catalog.HandleImpute:
		return predict.Handling{Action: predict.Impute, Value: h.Value}
	case catalog.HandleCategory:
		return predict.Handling{Action: predict.Unseen}
	case catalog.HandleDropRow:
		return predict.Handling{Action: predict.DropRow}
	default:
		return predict.Handling{}
	}
}
