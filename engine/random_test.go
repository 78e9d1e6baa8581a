package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
)

// seed returns the seed of a random test: QUIVER_SEED, or a fresh one that is printed.
func seed(t *testing.T) uint64 {
	s := uint64(time.Now().UnixNano())
	if v := os.Getenv("QUIVER_SEED"); v != "" {
		var err error
		if s, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("QUIVER_SEED=%d", s)
	return s
}

// world is a random catalog with its rows, as definitions and as plain maps.
type world struct {
	r      *rand.Rand
	yaml   strings.Builder
	groups []worldGroup
	rows   enginetest.Rows
}

type worldGroup struct {
	name  string
	keys  []string // names; "i…" is a bigint, "s…" a string
	cols  []string
	spine bool
}

func newWorld(r *rand.Rand) *world {
	w := &world{r: r, rows: enginetest.Rows{}}
	for i := range 2 + r.IntN(4) {
		g := worldGroup{name: fmt.Sprintf("g%d", i), spine: r.IntN(8) == 0}
		for k := range 1 + r.IntN(2) {
			g.keys = append(g.keys, []string{"id", "sid"}[r.IntN(2)]+strconv.Itoa(k))
		}
		for c := range 1 + r.IntN(5) {
			g.cols = append(g.cols, fmt.Sprintf("c%d", c))
		}
		w.groups = append(w.groups, g)
		w.define(g)
	}
	return w
}

func (w *world) define(g worldGroup) {
	fmt.Fprintf(&w.yaml, "kind: FeatureGroup\nstore: s\nname: %s\nspine: %v\nkey: [%s]\nfeatures:\n", g.name, g.spine, strings.Join(g.keys, ", "))
	for _, k := range g.keys {
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: %s}\n", k, keyType(k))
	}
	for _, c := range g.cols {
		fmt.Fprintf(&w.yaml, "  - {name: %s, type: bigint}\n", c)
	}
	w.yaml.WriteString("---\n")
}

func keyType(name string) string {
	if name[0] == 's' {
		return "string"
	}
	return "bigint"
}

// load puts random rows with keys of a tiny domain into every group.
func (w *world) load(t *testing.T, e *engine.Engine) {
	for _, g := range w.groups {
		w.rows[g.name] = map[string]map[string]string{}
		if g.spine {
			continue
		}
		var rows [][]string
		for range 1 + w.r.IntN(6) {
			var tokens, key []string
			cells := map[string]string{}
			for _, k := range g.keys {
				token := w.token(k)
				tokens = append(tokens, token)
				key = append(key, strings.Trim(token, `"`))
			}
			for _, c := range g.cols {
				cell := strconv.Itoa(w.r.IntN(1000))
				if w.r.IntN(6) == 0 {
					cell = "null"
				}
				cells[c] = cell
				tokens = append(tokens, cell)
			}
			w.rows[g.name][strings.Join(key, "\x00")] = cells
			rows = append(rows, tokens)
		}
		enginetest.Load(t, e, engine.Ref{Store: "s", Name: g.name}, rows...)
	}
}

// token is a value for a key column, of few possible ones.
func (w *world) token(key string) string {
	n := w.r.IntN(4)
	if keyType(key) == "string" {
		return fmt.Sprintf(`"k%d"`, n)
	}
	return strconv.Itoa(n)
}

// view writes a random view and returns its YAML; serving keys are derived or spelled
// out with random prefixes, requirements and joins.
func (w *world) view(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kind: FeatureView\nstore: s\nname: v%d\nfrom:\n", n)
	var from []worldGroup
	prefixes := []string{"", "p_", "q_", "r_", "p_"}
	var prefix []string
	for i := range 1 + w.r.IntN(4) {
		g := w.groups[w.r.IntN(len(w.groups))]
		p := prefixes[i]
		if w.r.IntN(5) == 0 {
			p = ""
		}
		from, prefix = append(from, g), append(prefix, p)
		fmt.Fprintf(&b, "  - {group: %s, prefix: %q}\n", g.name, p)
	}
	b.WriteString("features:\n")
	some := false
	for i, g := range from {
		for _, c := range append(append([]string{}, g.keys...), g.cols...) {
			if w.r.IntN(3) > 0 || !some {
				some = true
				fmt.Fprintf(&b, "  - {from: %d, name: %s, label: %v}\n", i, c, w.r.IntN(8) == 0 && i > 0)
			}
		}
	}
	b.WriteString("servingKeys:\n")
	for i, g := range from {
		for _, k := range g.keys {
			p, required := prefix[i], i == 0 || w.r.IntN(2) == 0
			if i > 0 && w.r.IntN(4) == 0 {
				p = "0_"
			}
			fmt.Fprintf(&b, "  - {from: %d, name: %s, prefix: %q, required: %v", i, k, p, required)
			if i > 0 {
				fmt.Fprintf(&b, ", joinOn: %s", from[0].keys[w.r.IntN(len(from[0].keys))])
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// TestRandomViews compares the engine with the plain evaluator on random catalogs,
// rows, views and entries.
func TestRandomViews(t *testing.T) {
	s := seed(t)
	r := rand.New(rand.NewPCG(s, 1))
	for round := range 60 {
		w := newWorld(r)
		e := enginetest.New(t)
		enginetest.Apply(t, e, w.yaml.String())
		w.load(t, e)
		for n := range 5 {
			yaml := w.view(n)
			enginetest.Apply(t, e, yaml)
			compareBatch(t, w, e, fmt.Sprintf("v%d", n))
			if t.Failed() {
				t.Fatalf("round %d, seed %d\n%s---\n%s\nrows %v", round, s, w.yaml.String(), yaml, w.rows)
			}
		}
	}
}

func compareBatch(t *testing.T, w *world, e *engine.Engine, name string) {
	t.Helper()
	v := e.Snapshot().View("s", name, 0)
	var q engine.Query
	var got engine.Vectors
	if err := e.Open(&q, auth.All(), []byte("S"), []byte(name), 1); err != nil {
		t.Fatal(err)
	}
	var want []enginetest.Answer
	var names []string
	for _, k := range v.ServingKeys {
		names = append(names, k.Name, k.Prefix+k.Name)
	}
	var entries, passes [][]enginetest.Pair
	for range 12 {
		var entry, passed []enginetest.Pair
		for range 1 + w.r.IntN(5) {
			k := names[w.r.IntN(len(names))]
			token := w.token(k[strings.LastIndexAny(k, "_")+1:])
			switch w.r.IntN(25) {
			case 0:
				k = "unknown"
			case 1:
				token = `"x1"`
			case 2:
				token = `"` + strings.Trim(token, `"`) + `"`
			}
			entry = append(entry, enginetest.Pair{Name: k, Token: token})
		}
		for w.r.IntN(3) == 0 && len(v.Features) > 0 {
			f := v.Features[w.r.IntN(len(v.Features))]
			p := enginetest.Pair{Name: v.From[f.From].Prefix + f.Name, Token: "7"}
			if w.r.IntN(2) == 0 {
				p.Token = `"seven"`
			}
			passed = append(passed, p)
		}
		entries, passes = append(entries, entry), append(passes, passed)
		want = append(want, enginetest.Evaluate(v, w.rows, entry, passed))
	}
	for _, entry := range entries {
		q.NewEntry()
		for _, p := range entry {
			q.Key([]byte(p.Name), []byte(p.Token))
		}
		q.EndEntry()
	}
	for i, passed := range passes {
		for _, p := range passed {
			kind := codec.JSONNumber
			if p.Token[0] == '"' {
				kind = codec.JSONString
			}
			q.Pass(i, []byte(p.Name), []byte(p.Token), kind)
		}
	}
	if err := e.Read(context.Background(), &q, &got); err != nil {
		t.Fatal(err)
	}
	answers := enginetest.Answers(&got)
	for i := range want {
		if !reflect.DeepEqual(answers[i], want[i]) {
			t.Errorf("entry %v passed %v\n got %v\nwant %v", entries[i], passes[i], answers[i], want[i])
		}
	}
}
