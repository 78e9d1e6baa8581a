package featureset_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
)

// feature is what the plain evaluator knows of a feature: how to compute its value in
// one row from those of others. nil is null.
type feature struct {
	name     string
	optional bool
	needs    []*feature
	compute  func(args []*int64) *int64 // nil: it must be given
}

// value computes a feature of one row, every time anew.
func (f *feature) value(given map[*feature]*int64) *int64 {
	if v, ok := given[f]; ok {
		return v
	}
	args := make([]*int64, len(f.needs))
	for i, n := range f.needs {
		args[i] = n.value(given)
	}
	return f.compute(args)
}

// missing reports whether a feature cannot be had from what is given.
func (f *feature) missing(given map[*feature]bool) bool {
	if given[f] {
		return false
	}
	for _, n := range f.needs {
		if n.missing(given) {
			return true
		}
	}
	return f.compute == nil
}

// world is random definitions and rows.
type world struct {
	*rand.Rand
	yaml     strings.Builder
	features []*feature
	tables   []map[[2]int64]*int64 // by group; two keys, the second 0 in groups with one
}

func number(v int64) *int64 { return &v }

const (
	ids    = 6 // values of keys
	groups = 3
)

func (w *world) groups() {
	for g := range groups {
		key := "k0"
		if g%2 == 1 {
			key = "k0, k1"
		}
		fmt.Fprintf(&w.yaml, "---\nkind: FeatureGroup\nstore: default\nname: g%d\nkey: [%s]\nfeatures:\n  - {name: k0, type: int}\n  - {name: k1, type: int}\n  - {name: v, type: 'Optional[int]'}\n", g, key)
		w.tables = append(w.tables, map[[2]int64]*int64{})
	}
}

// sets defines featuresets; a feature refers to earlier ones only.
func (w *world) sets() {
	for s := range 2 + w.IntN(4) {
		fmt.Fprintf(&w.yaml, "---\nkind: Featureset\nstore: default\nname: S%d\nfeatures:\n", s)
		var own []*feature
		for n := range 2 + w.IntN(8) {
			f := w.feature(own, fmt.Sprintf("f%d", n))
			f.name = fmt.Sprintf("S%d.f%d", s, n)
			own = append(own, f)
			w.features = append(w.features, f)
		}
	}
}

func short(f *feature) string { return f.name[strings.Index(f.name, ".")+1:] }

func (w *world) feature(own []*feature, name string) *feature {
	kind := w.IntN(5)
	if len(own) == 0 || kind == 0 {
		f := &feature{optional: w.IntN(2) == 0}
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: %s}\n", name, typeText(f))
		return f
	}
	a, b := own[w.IntN(len(own))], own[w.IntN(len(own))]
	def := int64(w.IntN(ids))
	switch kind {
	case 1: // alias of any feature
		from := w.features[w.IntN(len(w.features))]
		f := &feature{optional: from.optional, needs: []*feature{from}, compute: func(v []*int64) *int64 { return v[0] }}
		if from.optional && w.IntN(2) == 0 {
			f.optional = false
			f.compute = func(v []*int64) *int64 {
				if v[0] == nil {
					return number(def)
				}
				return v[0]
			}
			fmt.Fprintf(&w.yaml, "  - {name: %s, type: int, alias: %s, default: %d}\n", name, from.name, def)
			return f
		}
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: %s, alias: %s}\n", name, typeText(f), from.name)
		return f
	case 2: // expression
		c := int64(w.IntN(5))
		f := &feature{optional: a.optional || b.optional, needs: []*feature{a, b}}
		f.compute = func(v []*int64) *int64 {
			if v[0] == nil || v[1] == nil {
				return nil
			}
			return number(((*v[0]+*v[1]*c)%ids + ids) % ids)
		}
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: %s, expr: '(col(\"%s\") + col(\"%s\") * %d) %% %d'}\n", name, typeText(f), short(a), short(b), c, ids)
		return f
	default: // lookup
		g := w.IntN(groups)
		table, two := w.tables[g], g%2 == 1
		f := &feature{optional: true, needs: []*feature{a, b}}
		keys := fmt.Sprintf("{k0: %s, k1: %s}", short(a), short(b))
		if !two {
			f.needs = f.needs[:1]
			keys = fmt.Sprintf("{k0: %s}", short(a))
		}
		withDefault := w.IntN(2) == 0
		f.compute = func(v []*int64) *int64 {
			var found *int64
			if v[0] != nil && (!two || v[1] != nil) {
				key := [2]int64{*v[0]}
				if two {
					key[1] = *v[1]
				}
				found = table[key]
			}
			if found == nil && withDefault {
				return number(def)
			}
			return found
		}
		extra := ""
		if withDefault {
			f.optional, extra = false, fmt.Sprintf(", default: %d", def)
		}
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: %s, lookup: {group: g%d, field: v, keys: %s}%s}\n", name, typeText(f), g, keys, extra)
		return f
	}
}

func typeText(f *feature) string {
	if f.optional {
		return "'Optional[int]'"
	}
	return "int"
}

// load stores random rows.
func (w *world) load(t *testing.T, e *engine.Engine) {
	for g, table := range w.tables {
		var rows [][]string
		for a := range int64(ids) {
			for b := range int64(ids) {
				if g%2 == 0 && b > 0 || w.IntN(3) == 0 {
					continue
				}
				v := "null"
				if w.IntN(4) > 0 {
					n := int64(w.IntN(ids))
					table[[2]int64{a, b}] = &n
					v = strconv.FormatInt(n, 10)
				}
				rows = append(rows, []string{strconv.FormatInt(a, 10), strconv.FormatInt(b, 10), v})
			}
		}
		if len(rows) > 0 {
			enginetest.Load(t, e, engine.Ref{Store: "default", Name: fmt.Sprintf("g%d", g)}, rows...)
		}
	}
}

// TestRandom compares extracts over random definitions with a plain evaluator.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	computed, refused := 0, 0
	for range 40 {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 0))}
		w.groups()
		w.sets()
		e, r := resolver(t, w.yaml.String())
		w.load(t, e)
		for range 30 {
			if w.compare(t, r) {
				computed++
			} else {
				refused++
			}
		}
		if t.Failed() {
			t.Log(w.yaml.String())
			return
		}
		seed++
	}
	t.Logf("%d answers, %d refusals", computed, refused)
	if computed < 100 || refused < 20 {
		t.Error("the test does not test much")
	}
}

// compare asks for random outputs given random inputs; it reports whether there was an
// answer.
func (w *world) compare(t *testing.T, r *featureset.Resolver) bool {
	t.Helper()
	given := map[*feature]bool{}
	var inputs, outputs []*feature
	for _, f := range w.features {
		if f.compute == nil && w.IntN(12) > 0 || w.IntN(6) == 0 {
			given[f] = true
			inputs = append(inputs, f)
		}
	}
	w.Shuffle(len(inputs), func(i, j int) { inputs[i], inputs[j] = inputs[j], inputs[i] })
	for _, i := range w.Perm(len(w.features))[:1+w.IntN(4)%len(w.features)] {
		outputs = append(outputs, w.features[i])
	}
	n := w.IntN(9)
	values := make([]map[*feature]*int64, n)
	q := featureset.Request{}
	data := []string{}
	for i := range n {
		values[i] = map[*feature]*int64{}
		var row []string
		for _, f := range inputs {
			v, text := number(int64(w.IntN(ids+2)-1)), "null"
			if f.optional && w.IntN(4) == 0 {
				v = nil
			} else {
				text = strconv.FormatInt(*v, 10)
			}
			values[i][f] = v
			row = append(row, fmt.Sprintf("%q:%s", f.name, text))
		}
		data = append(data, "{"+strings.Join(row, ",")+"}")
	}
	q.Data = []byte("[" + strings.Join(data, ",") + "]")
	for _, f := range inputs {
		q.Inputs = append(q.Inputs, f.name)
	}
	var want []string
	missing := false
	for _, f := range outputs {
		q.Outputs = append(q.Outputs, f.name)
		if f.missing(given) {
			missing = true
			continue
		}
		column := make([]string, n)
		for i := range n {
			if column[i] = "null"; f.value(values[i]) != nil {
				column[i] = strconv.FormatInt(*f.value(values[i]), 10)
			}
		}
		want = append(want, fmt.Sprintf("%q:[%s]", f.name, strings.Join(column, ",")))
	}
	got, err := extract(t, r, q)
	switch {
	case missing && (err == nil || !strings.Contains(err.Error(), "No extractor found for feature")):
		t.Errorf("%v -> %v: got %s %v, want it refused", q.Inputs, q.Outputs, got, err)
	case !missing && (err != nil || got != "{"+strings.Join(want, ",")+"}"):
		t.Errorf("%v -> %v of %s\n got %s %v\nwant {%s}", q.Inputs, q.Outputs, q.Data, got, err, strings.Join(want, ","))
	}
	return !missing
}
