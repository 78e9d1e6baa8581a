package trees

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// lgbTree is one tree as the file gives it. Splits and leaves are numbered apart: a child
// below zero is leaf ^child. The memory is used again for the next tree.
type lgbTree struct {
	leaves, cats int

	feature, left, right, decision []int64
	threshold, gain                []float64
	value                          []float64 // of the leaves
	leafCount, count               []float64 // training rows in leaves and splits
	bounds                         []int64   // where the bits of each categorical split begin
	bits                           []uint32

	raw   []raw
	words []uint32 // the sets of all categorical splits
}

// The bits of decision_type.
const (
	decisionCategory    = 1
	decisionMissingLeft = 2
	decisionMissing     = 3 << 2 // what is missing:
	missingNothing      = 0 << 2 // NaN counts as zero
	missingZero         = 1 << 2 // zero and NaN
	missingNaN          = 2 << 2
)

// readTree reads tree n; false when the trees have ended.
func (r *lgbReader) readTree(n int) (more bool, err error) {
	line, ok := r.line()
	switch {
	case !ok:
		return false, errors.New("the text ends before \"end of trees\"")
	case line == "end of trees", line == "feature importances:": // the latter up to LightGBM 2.0
		return false, nil
	case line != "Tree="+strconv.Itoa(n):
		return false, fmt.Errorf("expected Tree=%d, found %q", n, clip([]byte(line)))
	}
	t := &r.tree
	t.reset()
	for {
		before := r.rest
		line, ok := r.line()
		name, value, assigned := strings.Cut(line, "=")
		if !ok || !assigned || name == "Tree" {
			r.rest = before
			break
		}
		if err := t.property(name, value); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := t.normalise(); err != nil {
		return false, err
	}
	r.queue, err = r.e.place(t.raw, n%r.e.groups, r.limits, r.queue)
	return err == nil, err
}

func (t *lgbTree) reset() {
	*t = lgbTree{
		feature: t.feature[:0], left: t.left[:0], right: t.right[:0], decision: t.decision[:0],
		threshold: t.threshold[:0], gain: t.gain[:0], value: t.value[:0], leafCount: t.leafCount[:0], count: t.count[:0],
		bounds: t.bounds[:0], bits: t.bits[:0], raw: t.raw[:0], words: t.words[:0],
	}
}

// property reads one line of a tree.
func (t *lgbTree) property(name, value string) (err error) {
	switch name {
	case "num_leaves":
		t.leaves, err = strconv.Atoi(value)
	case "num_cat":
		t.cats, err = strconv.Atoi(value)
	case "split_feature":
		t.feature, err = ints(t.feature, value)
	case "left_child":
		t.left, err = ints(t.left, value)
	case "right_child":
		t.right, err = ints(t.right, value)
	case "decision_type":
		t.decision, err = ints(t.decision, value)
	case "threshold":
		t.threshold, err = floats(t.threshold, value)
	case "split_gain":
		t.gain, err = floats(t.gain, value)
	case "leaf_value":
		t.value, err = floats(t.value, value)
	case "leaf_count":
		t.leafCount, err = floats(t.leafCount, value)
	case "internal_count":
		t.count, err = floats(t.count, value)
	case "cat_boundaries":
		t.bounds, err = ints(t.bounds, value)
	case "cat_threshold":
		for word := range strings.FieldsSeq(value) {
			v, err := strconv.ParseUint(word, 10, 32)
			if err != nil {
				return err
			}
			t.bits = append(t.bits, uint32(v))
		}
	case "is_linear":
		if value != "0" {
			err = errors.New("linear trees are not supported")
		}
	}
	return err
}

func ints(dst []int64, text string) ([]int64, error) {
	for word := range strings.FieldsSeq(text) {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

func floats(dst []float64, text string) ([]float64, error) {
	for word := range strings.FieldsSeq(text) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// normalise turns the columns into raw nodes: the splits, then the leaves.
func (t *lgbTree) normalise() error {
	splits := t.leaves - 1
	optional := func(k, n int) bool { return k == n || k == 0 }
	switch {
	case t.leaves < 1 || len(t.value) != t.leaves:
		return fmt.Errorf("%d leaf values for %d leaves", len(t.value), t.leaves)
	case len(t.feature) != splits || len(t.left) != splits || len(t.right) != splits || len(t.threshold) != splits || len(t.decision) != splits,
		!optional(len(t.gain), splits), !optional(len(t.count), splits), !optional(len(t.leafCount), t.leaves):
		return errors.New("its columns differ in length")
	case t.cats > 0 && len(t.bounds) != t.cats+1:
		return fmt.Errorf("%d cat_boundaries for %d categorical splits", len(t.bounds), t.cats)
	}
	for i := range splits {
		r, err := t.split(i, splits)
		if err != nil {
			return fmt.Errorf("split %d: %w", i, err)
		}
		t.raw = append(t.raw, r)
	}
	for i, v := range t.value {
		r := raw{left: -1, right: -1, value: v}
		if len(t.leafCount) > 0 {
			r.cover = t.leafCount[i]
		}
		t.raw = append(t.raw, r)
	}
	return nil
}

func (t *lgbTree) split(i, splits int) (raw, error) {
	left, ok := child(t.left[i], splits)
	right, ok2 := child(t.right[i], splits)
	if !ok || !ok2 || t.feature[i] < 0 || t.feature[i] > math.MaxInt32 {
		return raw{}, errors.New("a child or the feature is out of range")
	}
	r := raw{left: left, right: right, feature: int32(t.feature[i])}
	if len(t.gain) > 0 {
		r.gain = t.gain[i]
	}
	if len(t.count) > 0 {
		r.cover = t.count[i]
	}
	threshold, decision := t.threshold[i], t.decision[i]
	if decision&decisionCategory != 0 {
		return r, t.category(&r, threshold)
	}
	if threshold != threshold {
		return raw{}, errors.New("the threshold is not a number")
	}
	// value <= threshold goes left: value is below the next key.
	r.cond = key(threshold) + 1
	missingLeft := decision&decisionMissingLeft != 0
	switch decision & decisionMissing {
	case missingNothing:
		r.kind = kindAbove
		if threshold >= 0 { // where zero goes
			r.kind = kindBelow
		}
	case missingZero:
		r.kind = kindZeroAbove
		if missingLeft {
			r.kind = kindZeroBelow
		}
	case missingNaN:
		r.kind = kindAbove
		if missingLeft {
			r.kind = kindBelow
		}
	default:
		return raw{}, fmt.Errorf("decision_type %d is not known", decision)
	}
	return r, nil
}

// category gives a categorical split its bits. Members go left; all else, a missing
// value too, goes right.
func (t *lgbTree) category(r *raw, threshold float64) error {
	k := int(threshold)
	if !(threshold >= 0) || k >= t.cats || len(t.bounds) <= k+1 {
		return fmt.Errorf("categorical split %v of %d", threshold, t.cats)
	}
	from, to := t.bounds[k], t.bounds[k+1]
	if from < 0 || from > to || to > int64(len(t.bits)) {
		return errors.New("its cat_boundaries are out of range")
	}
	r.category = true
	start, carry := len(t.words), uint32(0)
	for _, w := range t.bits[from:to] { // bit c becomes bit c+1; see codeMissing
		t.words = append(t.words, w<<1|carry)
		carry = w >> 31
	}
	t.words = append(t.words, carry)
	if len(t.words) > maxSetWords {
		return errTooManyCategories
	}
	r.set = t.words[start:]
	return nil
}

// child turns a child's number into the index of its raw node.
func child(c int64, splits int) (int32, bool) {
	if c < 0 {
		c = int64(splits) + ^c
	}
	return int32(c), c > 0 && c < int64(2*splits+1) && c <= math.MaxInt32
}
