package trees

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"quiver/engine/predict"
)

// xgbHeader is all of an XGBoost model but its trees. The format is the one XGBoost
// documents in "Introduction to Model IO" and its doc/model.schema.
type xgbHeader struct {
	names      []string
	dictionary [][]string // per feature, the words behind the codes; since 3.1

	features  int
	classes   int
	targets   int
	baseScore []float32
	objective string

	booster    string
	info       []int64   // per tree: its class
	drop       []float32 // per tree: its weight, of a dart booster
	rounds     []int64   // index of the first tree of each round; since 2.0
	parallel   int       // trees per class and round
	trees      []byte    // the array of trees, still to be read
	best       int       // the round that early stopping chose, -1 for none
	wrapper    bool      // written by the scikit-learn wrapper, which predicts with the best round
	leafVector bool
}

// ReadXGBoost reads an XGBoost model that save_model wrote as JSON or UBJSON.
//
// All trees are used, as Booster.predict does, unless the file says that the
// scikit-learn wrapper wrote it after early stopping: then those up to the best round,
// as the wrapper's predict does.
func ReadXGBoost(data []byte, l Limits) (*Ensemble, error) {
	l = l.withDefaults()
	if len(data) > l.Bytes {
		return nil, fmt.Errorf("cannot read the XGBoost model: %d bytes are more than %d", len(data), l.Bytes)
	}
	var d document
	if len(data) > 1 && data[0] == '{' && strings.IndexByte("LlIUi#$", data[1]) >= 0 {
		d = newUBJSON(data)
	} else {
		d = newJSON(data)
	}
	e, err := readXGBoost(d, l)
	if err != nil {
		return nil, fmt.Errorf("cannot read the XGBoost model: %w", err)
	}
	return e, nil
}

func readXGBoost(d document, l Limits) (*Ensemble, error) {
	h := xgbHeader{best: -1, parallel: 1}
	for ok := d.Object(); ok; {
		var name string
		if name, ok = d.Field(); !ok {
			break
		}
		if name == "learner" {
			h.learner(d)
		} else {
			d.Skip()
		}
	}
	if err := d.End(); err != nil {
		return nil, err
	}
	e, err := h.ensemble(l)
	if err != nil {
		return nil, err
	}
	t := d.At(h.trees)
	if err := h.readTrees(t, e, l); err != nil {
		return nil, err
	}
	return e, e.seal()
}

// fields calls read for each field of an object.
func fields(d document, read func(name string)) {
	for ok := d.Object(); ok; {
		var name string
		if name, ok = d.Field(); ok {
			read(name)
		}
	}
}

func (h *xgbHeader) learner(d document) {
	fields(d, func(name string) {
		switch name {
		case "attributes":
			h.attributes(d)
		case "feature_names":
			h.names = texts(d, h.names[:0])
		case "learner_model_param":
			h.params(d)
		case "objective":
			fields(d, func(name string) {
				if name == "name" {
					h.objective = d.Text()
				} else {
					d.Skip()
				}
			})
		case "gradient_booster":
			h.gradientBooster(d)
		default:
			d.Skip()
		}
	})
}

func texts(d document, dst []string) []string {
	for d.Array(); d.Element(); {
		dst = append(dst, d.Text())
	}
	return dst
}

func (h *xgbHeader) attributes(d document) {
	fields(d, func(name string) {
		switch name {
		case "best_iteration":
			h.best = number(d)
		case "scikit_learn":
			h.wrapper = true
			d.Skip()
		default:
			d.Skip()
		}
	})
}

// number reads a whole number that is written as a string.
func number(d document) int {
	text := d.Text()
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		d.Fail(fmt.Errorf("%q is no whole number", clip([]byte(text))))
	}
	return int(v)
}

func (h *xgbHeader) params(d document) {
	fields(d, func(name string) {
		switch name {
		case "num_feature":
			h.features = number(d)
		case "num_class":
			h.classes = number(d)
		case "num_target":
			h.targets = number(d)
		case "base_score":
			h.base(d)
		default:
			d.Skip()
		}
	})
}

// base reads "5E-1", or since 3.1 "[5E-1,…]".
func (h *xgbHeader) base(d document) {
	text := d.Text()
	for part := range strings.SplitSeq(strings.Trim(text, "[]"), ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			d.Fail(fmt.Errorf("base_score %q is no number", clip([]byte(text))))
			return
		}
		h.baseScore = append(h.baseScore, float32(v))
	}
}

// gradientBooster reads a gbtree booster, or a dart booster around one.
func (h *xgbHeader) gradientBooster(d document) {
	fields(d, func(name string) {
		switch name {
		case "name":
			if booster := d.Text(); h.booster != "dart" { // dart's inner gbtree has a name too
				h.booster = booster
			}
		case "gbtree":
			h.gradientBooster(d)
		case "weight_drop":
			h.drop = d.Floats(h.drop[:0])
		case "model":
			h.model(d)
		default:
			d.Skip()
		}
	})
}

func (h *xgbHeader) model(d document) {
	fields(d, func(name string) {
		switch name {
		case "tree_info":
			h.info = d.Ints(h.info[:0])
		case "iteration_indptr":
			h.rounds = d.Ints(h.rounds[:0])
		case "gbtree_model_param":
			fields(d, func(name string) {
				switch name {
				case "num_parallel_tree":
					h.parallel = number(d)
				case "size_leaf_vector":
					h.leafVector = number(d) > 1
				default:
					d.Skip()
				}
			})
		case "cats":
			fields(d, func(name string) {
				if name != "enc" {
					d.Skip()
					return
				}
				for d.Array(); d.Element(); {
					h.dictionary = append(h.dictionary, readWords(d))
				}
			})
		case "trees":
			h.trees = d.Skip()
		default:
			d.Skip()
		}
	})
}

// readWords reads the categories of one feature: whole numbers, or the bytes of all
// words one after another and where each begins. Words that are not UTF-8 give none.
func readWords(d document) []string {
	var offsets, values []int64
	text := false
	fields(d, func(name string) {
		switch name {
		case "offsets":
			offsets, text = d.Ints(nil), true
		case "values":
			values = d.Ints(nil)
		default:
			d.Skip()
		}
	})
	var words []string
	if !text {
		for _, v := range values {
			words = append(words, strconv.FormatInt(v, 10))
		}
		return words
	}
	letters := make([]byte, len(values))
	for i, v := range values {
		letters[i] = byte(v)
	}
	for i := 1; i < len(offsets); i++ {
		from, to := offsets[i-1], offsets[i]
		if from < 0 || from > to || to > int64(len(letters)) {
			d.Fail(errors.New("the words of a category are out of range"))
			return nil
		}
		word := letters[from:to]
		if !utf8.Valid(word) {
			return nil
		}
		words = append(words, string(word))
	}
	return words
}

// ensemble makes the ensemble without its trees.
func (h *xgbHeader) ensemble(l Limits) (*Ensemble, error) {
	switch {
	case h.trees == nil:
		return nil, fmt.Errorf("booster %q has no trees; gbtree and dart can be read", h.booster)
	case h.booster != "gbtree" && h.booster != "dart":
		return nil, fmt.Errorf("booster %q is not supported; gbtree and dart are", h.booster)
	case h.targets > 1 || h.leafVector:
		return nil, errors.New("models with several targets are not supported")
	case h.features <= 0 || h.features > l.Features:
		return nil, fmt.Errorf("num_feature is %d, want 1 to %d", h.features, l.Features)
	case len(h.names) != 0 && len(h.names) != h.features:
		return nil, fmt.Errorf("%d feature names for %d features", len(h.names), h.features)
	case len(h.dictionary) > h.features:
		return nil, fmt.Errorf("%d lists of categories for %d features", len(h.dictionary), h.features)
	case h.classes < 0 || h.classes > l.Classes:
		return nil, fmt.Errorf("num_class is %d, want at most %d", h.classes, l.Classes)
	case h.booster == "dart" && len(h.drop) != len(h.info):
		return nil, fmt.Errorf("%d weights for %d dart trees", len(h.drop), len(h.info))
	}
	e := &Ensemble{
		groups:     max(1, h.classes),
		single:     true,
		sigmoid:    1,
		inputs:     make([]predict.Input, h.features),
		importance: make([]float64, h.features),
	}
	for i := range e.inputs {
		if len(h.names) > 0 {
			e.inputs[i].Name = h.names[i]
		}
		if i < len(h.dictionary) {
			e.inputs[i].Categories = h.dictionary[i]
		}
	}
	margin, err := e.objective(h.objective)
	if err != nil {
		return nil, err
	}
	if len(h.baseScore) != 1 && len(h.baseScore) != e.groups {
		return nil, fmt.Errorf("%d base scores for %d outputs", len(h.baseScore), e.groups)
	}
	for g := range e.groups {
		b := margin(h.baseScore[min(g, len(h.baseScore)-1)])
		if math.IsNaN(float64(b)) || math.IsInf(float64(b), 0) {
			return nil, fmt.Errorf("base_score %v is out of the range of %s", h.baseScore, h.objective)
		}
		e.base = append(e.base, float64(b))
	}
	return e, nil
}

// objective sets what the sums mean and returns how a base score becomes the start of
// a sum.
func (e *Ensemble) objective(name string) (margin func(float32) float32, err error) {
	same := func(b float32) float32 { return b }
	logit := func(b float32) float32 { return float32(-math.Log(float64(1/b - 1))) }
	log := func(b float32) float32 { return float32(math.Log(float64(b))) }
	switch name {
	case "multi:softprob", "multi:softmax":
		if e.groups < 2 {
			return nil, fmt.Errorf("%s with num_class %d", name, e.groups)
		}
		e.output = predict.Output{Kind: predict.Probability, Width: e.groups}
		e.link = linkSoftmax
		return same, nil
	}
	if e.groups != 1 {
		return nil, fmt.Errorf("objective %s with num_class %d", name, e.groups)
	}
	e.output = predict.Output{Kind: predict.Value, Width: 1}
	switch name {
	case "binary:logistic":
		e.output.Kind = predict.Probability
		e.link = linkSigmoid
		return logit, nil
	case "reg:logistic":
		e.link = linkSigmoid
		return logit, nil
	case "binary:logitraw":
		return logit, nil
	case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror",
		"rank:pairwise", "rank:ndcg", "rank:map":
		return same, nil
	case "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft":
		e.link = linkExp
		return log, nil
	case "binary:hinge":
		return nil, errors.New("objective binary:hinge gives no probabilities; train with binary:logistic")
	}
	return nil, fmt.Errorf("objective %q is not supported", name)
}

// used returns how many of the trees predict: see ReadXGBoost.
func (h *xgbHeader) used() (int, error) {
	if !h.wrapper || h.best < 0 {
		return len(h.info), nil
	}
	n := (h.best + 1) * max(1, h.classes) * h.parallel
	if len(h.rounds) > 0 {
		if h.best+1 >= len(h.rounds) {
			return 0, fmt.Errorf("best_iteration %d of %d rounds", h.best, len(h.rounds)-1)
		}
		n = int(h.rounds[h.best+1])
	}
	if n <= 0 || n > len(h.info) {
		return 0, fmt.Errorf("best_iteration %d needs %d of %d trees", h.best, n, len(h.info))
	}
	return n, nil
}
