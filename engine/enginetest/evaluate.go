// Package enginetest helps to test what is built on the engine: an engine over
// memory, and a slow, plain evaluator of feature views to compare answers with.
package enginetest

import (
	"strconv"
	"strings"

	"quiver/engine/catalog"
)

// Pair is one name with its raw JSON token.
type Pair struct{ Name, Token string }

// Rows are the rows of each group as the evaluator sees them: by group name and key
// texts, column to JSON fragment.
type Rows map[string]map[string]map[string]string

// Answer is one evaluated vector.
type Answer struct {
	Features []string // JSON fragments
	Status   string   // COMPLETE, MISSING, ERROR
	Detailed []Detail // in join order
}

// Detail is the outcome for one group of the view.
type Detail struct {
	GroupID int64
	Status  int
}

// Evaluate reads one vector of a view by following the text of the contract line by
// line, with maps and strings and no thought of speed. Keys are bigint or string.
func Evaluate(v *catalog.View, rows Rows, entry, passed []Pair) Answer {
	a := answerOf(v)
	bad := len(entry) == 0
	for _, e := range entry {
		bad = bad || !allowed(v, e.Name)
	}
	for _, p := range passed {
		bad = bad || !a.mayPass(v, p)
	}
	if bad {
		return a.failed(v)
	}
	for o := range v.From {
		if !served(v, o) {
			continue
		}
		if v.From[o].Ref.Spine {
			a.worsen("MISSING")
			continue
		}
		if !a.read(v, o, rows, entry) {
			return a.failed(v)
		}
	}
	a.echo(v, entry)
	for _, p := range passed {
		a.fill(v, p.Name, p.Token)
	}
	return a
}

func answerOf(v *catalog.View) Answer {
	a := Answer{Status: "COMPLETE"}
	for _, f := range v.Features {
		if !f.Label {
			a.Features = append(a.Features, "null")
		}
	}
	return a
}

func (a *Answer) failed(v *catalog.View) Answer {
	out := answerOf(v)
	out.Status = "ERROR"
	for o := range v.From {
		if served(v, o) && !v.From[o].Ref.Spine {
			out.Detailed = append(out.Detailed, Detail{v.From[o].Ref.ID, 400})
		}
	}
	return out
}

func (a *Answer) worsen(s string) {
	if a.Status == "COMPLETE" {
		a.Status = s
	}
}

func served(v *catalog.View, o int) bool {
	for _, f := range v.Features {
		if f.From == o && !f.Label {
			return true
		}
	}
	return false
}

func allowed(v *catalog.View, name string) bool {
	for _, k := range v.ServingKeys {
		if name == k.Name || name == k.Prefix+k.Name {
			return true
		}
	}
	return false
}

func (a *Answer) mayPass(v *catalog.View, p Pair) bool {
	found := false
	for _, f := range v.Features {
		if f.Label || v.From[f.From].Prefix+f.Name != p.Name {
			continue
		}
		found = true
		number := f.Ref.Type.Numeric()
		if number != strings.ContainsAny(p.Token[:1], "-0123456789") {
			return false
		}
	}
	return found
}

// read looks one group up; it reports false when a key value has the wrong type.
func (a *Answer) read(v *catalog.View, o int, rows Rows, entry []Pair) bool {
	g := v.From[o].Ref
	var key []string
	incomplete, bad := false, false
	for _, column := range g.Key {
		k := servingKey(v, o, column)
		required := k.JoinOn
		if k.Required {
			required = k.Prefix + k.Name
		}
		token, ok := first(entry, required, k.Prefix+k.Name, k.Name)
		if !ok {
			incomplete = true
			continue
		}
		text := strings.Trim(token, `"`)
		if g.Feature(column).Type.Integer() {
			n, err := strconv.ParseInt(text, 10, 64)
			bad = bad || err != nil
			text = strconv.FormatInt(n, 10)
		}
		key = append(key, text)
	}
	if bad && !incomplete {
		return false
	}
	d := Detail{g.ID, 200}
	row := rows[g.Name][strings.Join(key, "\x00")]
	switch {
	case incomplete:
		d.Status, row = 400, nil
	case row == nil:
		d.Status = 404
	}
	if row == nil {
		a.worsen("MISSING")
	}
	a.Detailed = append(a.Detailed, d)
	a.place(v, o, row)
	return true
}

func (a *Answer) place(v *catalog.View, o int, row map[string]string) {
	position := -1
	for _, f := range v.Features {
		if f.Label {
			continue
		}
		position++
		if f.From != o || row == nil || servingKey(v, o, f.Name) != nil {
			continue
		}
		if cell, ok := row[f.Name]; ok {
			a.Features[position] = cell
		}
	}
}

func servingKey(v *catalog.View, o int, column string) *catalog.ServingKey {
	for i := range v.ServingKeys {
		if k := &v.ServingKeys[i]; k.From == o && k.Name == column {
			return k
		}
	}
	return nil
}

// first returns the token of the first name that the entry has; of a name given
// twice the last counts.
func first(entry []Pair, names ...string) (string, bool) {
	for _, name := range names {
		for i := len(entry) - 1; i >= 0; i-- {
			if name != "" && entry[i].Name == name {
				return entry[i].Token, true
			}
		}
	}
	return "", false
}

// echo fills keys in the contract's three passes.
func (a *Answer) echo(v *catalog.View, entry []Pair) {
	for pass := 1; pass <= 3; pass++ {
		for i := range v.ServingKeys {
			k := &v.ServingKeys[i]
			name := k.Name
			switch {
			case pass == 2 || pass == 3 && k.Required:
				name = k.Prefix + k.Name
			case pass == 3:
				name = k.JoinOn
			}
			if token, ok := first(entry, name); ok {
				a.fill(v, k.Prefix+k.Name, token)
			}
		}
	}
}

func (a *Answer) fill(v *catalog.View, name, token string) {
	position := -1
	for _, f := range v.Features {
		if f.Label {
			continue
		}
		position++
		if v.From[f.From].Prefix+f.Name == name {
			a.Features[position] = token
		}
	}
}
