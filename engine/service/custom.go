package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/function"
	"quiver/engine/predict"
)

// customModel is a model that is a function of the user's: all rows of a batch go to a
// worker in one call, up to 1024 at a time.
type customModel struct {
	*pool
	inputs []predict.Input
	output predict.Output
}

// newCustomModel starts the workers of a custom prediction.
func (s *Services) newCustomModel(service string, e *catalog.APIEndpoint, c *predict.Config) (*customModel, error) {
	m := &customModel{output: predict.Output{Kind: predict.Value, Width: 1}}
	switch {
	case c.Task == predict.Regression:
	case e.Function.Labels || c.Task == predict.Clustering:
		m.output.Kind = predict.Label
	case c.Task == predict.Binary:
		m.output.Kind = predict.Probability
	default:
		m.output = predict.Output{Kind: predict.Probability, Width: len(c.Classes)}
	}
	for _, f := range c.Features {
		if f.Length > 0 {
			return nil, fmt.Errorf("feature %s: a custom prediction takes single values", f.Name)
		}
		in := predict.Input{Name: f.Name}
		if f.Type == predict.TextFeature && f.Categories == nil {
			in.Type = predict.Text
		}
		m.inputs = append(m.inputs, in)
	}
	var err error
	m.pool, err = s.openFunction(service, e)
	return m, err
}

// frame says in the words of package function what the rows and the answer of a custom
// prediction are like; nil for other functions.
func frame(e *catalog.APIEndpoint) *function.Frame {
	if e.Predict == nil {
		return nil
	}
	f := &function.Frame{Classes: e.Predict.Classes, Answer: function.Probabilities}
	for i := range e.Predict.Features {
		f.Columns = append(f.Columns, e.Predict.Features[i].Name)
	}
	switch {
	case e.Predict.Task == "regression":
		f.Answer = function.Values
	case e.Function.Labels || e.Predict.Task == "clustering":
		f.Answer = function.Labels
	}
	return f
}

// Inputs implements predict.Model.
func (m *customModel) Inputs() []predict.Input { return m.inputs }

// Output implements predict.Model.
func (m *customModel) Output() predict.Output { return m.output }

// Predict implements predict.Model.
func (m *customModel) Predict(dst []float64, rows predict.Rows) error {
	if rows.N == 0 {
		return nil
	}
	a, err := m.Call(context.Background(), m.message(rows))
	if err != nil {
		m.complain(err)
		return err
	}
	var said []*float64
	if err := json.Unmarshal(a.JSON, &said); err != nil || len(said) != len(dst) {
		return fmt.Errorf("%d numbers for %d rows: %w", len(said), rows.N, errors.Join(err, errFrame))
	}
	for i, v := range said {
		if dst[i] = math.NaN(); v != nil {
			dst[i] = *v
		}
	}
	return nil
}

// errFrame is what a worker may not answer, whatever the user's code does.
var errFrame = errors.New("the worker's answer does not fit the rows")

// message prints rows by columns: {"rows":2,"data":[[1,null],["a",null]]}.
func (m *customModel) message(rows predict.Rows) []byte {
	out := strconv.AppendInt([]byte(`{"rows":`), int64(rows.N), 10)
	out = append(out, `,"data":[`...)
	numbers, texts := len(rows.Number)/rows.N, len(rows.Text)/rows.N
	number, text := 0, 0
	for k := range m.inputs {
		if k > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		for i := range rows.N {
			if i > 0 {
				out = append(out, ',')
			}
			if m.inputs[k].Type == predict.Text {
				if s := rows.Text[i*texts+text]; s == "" {
					out = append(out, "null"...)
				} else {
					out = codec.AppendQuoted(out, []byte(s))
				}
			} else if v := rows.Number[i*numbers+number]; math.IsNaN(v) || math.IsInf(v, 0) {
				out = append(out, "null"...)
			} else {
				out = strconv.AppendFloat(out, v, 'g', -1, 64)
			}
		}
		out = append(out, ']')
		if m.inputs[k].Type == predict.Text {
			text++
		} else {
			number++
		}
	}
	return append(out, "]}"...)
}

// Close lets go of the workers.
func (m *customModel) Close() error {
	if m.pool != nil {
		m.release()
	}
	return nil
}
