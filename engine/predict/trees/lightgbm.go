package trees

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/predict"
)

// lgbReader reads a LightGBM model line by line: a header of key=value lines, for each
// tree the line Tree=i and its key=value lines, the line "end of trees", and then
// statistics that say nothing about predictions, but for the last line:
//
//	pandas_categorical:[["AK","AL"],…]
type lgbReader struct {
	rest   []byte
	limits Limits
	e      *Ensemble
	infos  []string // per feature: "[low:high]", "1:2:4" of a categorical one, "none"
	tree   lgbTree
	queue  []int32
}

// ReadLightGBM reads a LightGBM model that save_model wrote as text: versions 2 to 4.
// Booster.save_model leaves out the rounds after the best one, so all trees are used.
func ReadLightGBM(data []byte, l Limits) (*Ensemble, error) {
	l = l.withDefaults()
	if len(data) > l.Bytes {
		return nil, fmt.Errorf("cannot read the LightGBM model: %d bytes are more than %d", len(data), l.Bytes)
	}
	r := lgbReader{rest: data, limits: l}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("cannot read the LightGBM model: %w", err)
	}
	return r.e, nil
}

func (r *lgbReader) read() error {
	if line, ok := r.line(); !ok || line != "tree" {
		return errors.New("the first line is not \"tree\"")
	}
	if err := r.header(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, err := r.readTree(n)
		if err != nil {
			return fmt.Errorf("tree %d: %w", n, err)
		}
		if !more {
			break
		}
	}
	if err := r.dictionary(); err != nil {
		return err
	}
	return r.e.seal()
}

// line returns the next line that is not empty; false at the end of the text.
func (r *lgbReader) line() (string, bool) {
	for len(r.rest) > 0 {
		line, rest, _ := bytes.Cut(r.rest, []byte{'\n'})
		r.rest = rest
		if line = bytes.TrimSuffix(line, []byte{'\r'}); len(line) > 0 {
			return string(line), true
		}
	}
	return "", false
}

// header reads the lines before the first tree and makes the ensemble.
func (r *lgbReader) header() error {
	lines := map[string]string{}
	for {
		before := r.rest
		line, ok := r.line()
		if !ok {
			return errors.New("the text ends in its header")
		}
		name, value, _ := strings.Cut(line, "=")
		if name == "Tree" || line == "end of trees" {
			r.rest = before
			break
		}
		if len(lines) == 64 {
			return errors.New("the header has more than 64 lines")
		}
		lines[name] = value
	}
	switch v := lines["version"]; v {
	case "v2", "v3", "v4":
	default:
		return fmt.Errorf("version %q is not supported; v2, v3 and v4 are", clip([]byte(v)))
	}
	last, err := strconv.Atoi(lines["max_feature_idx"])
	if err != nil || last < 0 || last >= r.limits.Features {
		return fmt.Errorf("max_feature_idx is %q, want 0 to %d", clip([]byte(lines["max_feature_idx"])), r.limits.Features-1)
	}
	groups, err := strconv.Atoi(lines["num_tree_per_iteration"])
	if err != nil || groups < 1 || groups > r.limits.Classes {
		return fmt.Errorf("num_tree_per_iteration is %q, want 1 to %d", clip([]byte(lines["num_tree_per_iteration"])), r.limits.Classes)
	}
	names := strings.Fields(lines["feature_names"])
	r.infos = strings.Fields(lines["feature_infos"])
	if len(names) != last+1 || len(r.infos) != last+1 {
		return fmt.Errorf("%d feature names and %d feature_infos for %d features", len(names), len(r.infos), last+1)
	}
	r.e = &Ensemble{
		groups:     groups,
		base:       make([]float64, groups),
		inputs:     make([]predict.Input, last+1),
		importance: make([]float64, last+1),
	}
	for i, name := range names {
		r.e.inputs[i].Name = name
	}
	_, r.e.average = lines["average_output"]
	return r.objective(lines["objective"])
}

// objective reads "binary sigmoid:1" and the like: a name and its arguments. A model
// without an objective, trained with a custom one, answers with its sums.
func (r *lgbReader) objective(text string) error {
	name, more, _ := strings.Cut(text, " ")
	e := r.e
	e.sigmoid = 1
	args := strings.Fields(more)
	for _, arg := range args {
		if slope, ok := strings.CutPrefix(arg, "sigmoid:"); ok {
			v, err := strconv.ParseFloat(slope, 64)
			if err != nil || !(v > 0) || math.IsInf(v, 0) {
				return fmt.Errorf("objective %q has no slope", clip([]byte(text)))
			}
			e.sigmoid = v
		}
	}
	e.output = predict.Output{Kind: predict.Value, Width: e.groups}
	switch name {
	case "binary":
		e.output.Kind, e.link = predict.Probability, linkSigmoid
	case "multiclass":
		e.output.Kind, e.link = predict.Probability, linkSoftmax
	case "multiclassova":
		e.output.Kind, e.link = predict.Probability, linkSigmoid
	case "regression", "regression_l2", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "":
		for _, arg := range args {
			if arg == "sqrt" {
				e.link = linkSquare
			}
		}
	case "poisson", "gamma", "tweedie":
		e.link = linkExp
	case "cross_entropy":
		e.link = linkSigmoid
	case "cross_entropy_lambda":
		e.link = linkLog1Exp
	default:
		return fmt.Errorf("objective %q is not supported", clip([]byte(text)))
	}
	if multi := strings.HasPrefix(name, "multiclass"); multi != (e.groups > 1) {
		return fmt.Errorf("objective %q with %d trees per iteration", clip([]byte(text)), e.groups)
	}
	return nil
}

// dictionary reads the words behind the codes of pandas columns. The file does not say
// whose they are: they belong to the categorical features in order, which holds only if
// there are as many lists as such features. Otherwise there are no words, and the
// endpoint's definition must list them.
func (r *lgbReader) dictionary() error {
	const start = "\npandas_categorical:"
	at := bytes.LastIndex(r.rest, []byte(start))
	if at < 0 {
		return nil
	}
	text, _, _ := bytes.Cut(r.rest[at+len(start):], []byte{'\n'})
	if string(bytes.TrimSpace(text)) == "null" {
		return nil
	}
	s := codec.NewScanner(text)
	var lists [][]string
	for s.Array(); s.NextElement(); {
		var words []string
		whole := true
		for s.Array(); s.NextElement(); {
			b, kind := s.Value()
			word := string(b)
			switch kind {
			case codec.JSONString:
				plain, err := codec.AppendUnquoted(nil, b)
				if err != nil {
					return fmt.Errorf("pandas_categorical: %w", err)
				}
				word = string(plain)
			case codec.JSONNumber, codec.JSONBool:
			default:
				whole = false
			}
			words = append(words, word)
		}
		if !whole {
			words = nil
		}
		lists = append(lists, words)
	}
	if err := s.End(); err != nil {
		return fmt.Errorf("pandas_categorical: %w", err)
	}
	var owners []int
	for i, info := range r.infos {
		if info != "none" && info[0] != '[' {
			owners = append(owners, i)
		}
	}
	if len(owners) == len(lists) {
		for k, i := range owners {
			r.e.inputs[i].Categories = lists[k]
		}
	}
	return nil
}
