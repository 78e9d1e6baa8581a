package catalog

import (
	"encoding/json"
	"errors"
	"maps"
	slash "path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
)

// featuresetSpec is a Featureset as written, with the code of its extractors.
type featuresetSpec struct {
	header
	Description string           `json:"description,omitempty"`
	Features    []setFeatureSpec `json:"features"`
	Extractors  []extractorSpec  `json:"extractors,omitempty"`
}

type setFeatureSpec struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	Lookup      *lookupSpec     `json:"lookup,omitempty"`
	Alias       string          `json:"alias,omitempty"`
	Expr        string          `json:"expr,omitempty"`
	Default     json.RawMessage `json:"default,omitempty"`
	Description string          `json:"description,omitempty"`
}

type lookupSpec struct {
	Group   string            `json:"group"`
	Store   string            `json:"store,omitempty"` // "": the featureset's
	Version int               `json:"version"`
	Field   string            `json:"field"`
	Keys    map[string]string `json:"keys,omitempty"` // feature by key column; those not here are named alike
}

type extractorSpec struct {
	Inputs   []string `json:"inputs,omitempty"`
	Outputs  []string `json:"outputs"`
	Python   string   `json:"python"`
	Function string   `json:"function"`
	Source   string   `json:"source,omitempty"` // the text of the file, once it was read
}

// maxSource bounds a file of code: it is part of every revision.
const maxSource = 1 << 20

func (s *featuresetSpec) head() *header { return &s.header }
func (s *featuresetSpec) hasCode() bool { return len(s.Extractors) > 0 }

func (s *featuresetSpec) fields(r *reader) []field {
	return append(s.header.fields(r),
		field{key: "description", read: r.text(&s.Description)},
		field{key: "features", need: true, read: r.list("features", maxColumns, func(n ast.Node) {
			var f setFeatureSpec
			r.mapping(n, "a feature of a featureset",
				field{key: "name", need: true, read: r.text(&f.Name)},
				field{key: "type", need: true, read: r.text(&f.Type)},
				field{key: "lookup", read: func(n ast.Node) { f.Lookup = s.lookup(r, n) }},
				field{key: "alias", read: r.text(&f.Alias)},
				field{key: "expr", read: r.text(&f.Expr)},
				field{key: "default", read: r.value(&f.Default)},
				field{key: "description", read: r.text(&f.Description)})
			s.Features = append(s.Features, f)
		})},
		field{key: "extractors", read: r.list("extractors", maxColumns, func(n ast.Node) {
			var x extractorSpec
			r.mapping(n, "an extractor",
				field{key: "inputs", read: r.names(&x.Inputs, "features")},
				field{key: "outputs", need: true, read: r.names(&x.Outputs, "features")},
				field{key: "python", need: true, read: r.text(&x.Python)},
				field{key: "function", need: true, read: r.text(&x.Function)},
				field{key: "source", read: r.code(&x.Source)})
			s.Extractors = append(s.Extractors, x)
		})},
	)
}

func (s *featuresetSpec) lookup(r *reader, n ast.Node) *lookupSpec {
	l := &lookupSpec{Version: 1}
	r.mapping(n, "a lookup",
		field{key: "group", need: true, read: r.text(&l.Group)},
		field{key: "store", read: r.text(&l.Store)},
		field{key: "version", read: r.number(&l.Version, 1, maxVersion)},
		field{key: "field", need: true, read: r.text(&l.Field)},
		field{key: "keys", read: r.dictionary("key columns", maxColumns, func(column string, n ast.Node) {
			var name string
			r.text(&name)(n)
			if l.Keys == nil {
				l.Keys = map[string]string{}
			}
			l.Keys[column] = name
		})})
	if foldStore(l.Store) == foldStore(s.Store) {
		l.Store = ""
	}
	return l
}

// code reads the text of a program.
func (r *reader) code(dst *string) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := textOf(n)
		switch {
		case !ok:
			r.at(n, "expected the text of a program, found %s", describe(n))
		case len(text) > maxSource:
			r.at(n, "longer than %d KiB", maxSource>>10)
		default:
			*dst = text
		}
	}
}

// take fills in the code of extractors from the files that stand beside the
// definition. An extractor with its source written out needs none.
func (s *featuresetSpec) take(k *checker, files []File) {
	for i := range s.Extractors {
		x := &s.Extractors[i]
		if x.Source != "" || x.Python == "" || k.draft.in == nil {
			continue
		}
		f := k.beside(files, x.Python)
		switch {
		case f == nil:
			k.at(path{"extractors", i, "python"}, "file %s was not handed in with the definitions; it is looked for beside this one", quote(x.Python))
		case len(f.Text) > maxSource:
			k.at(path{"extractors", i, "python"}, "file %s is larger than %d KiB", quote(x.Python), maxSource>>10)
		default:
			x.Source = string(f.Text)
		}
	}
}

// beside returns a file by the name that the definition gives it, relative to its own
// file; nil when it was not handed in.
func (k *checker) beside(files []File, name string) *File {
	at := slash.Join(slash.Dir(slashes(k.draft.in.file.Name)), slashes(name))
	if i := slices.IndexFunc(files, func(f File) bool { return slash.Clean(slashes(f.Name)) == at }); i >= 0 {
		return &files[i]
	}
	return nil
}

// slashes makes the separators of a path those that definitions use.
func slashes(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// groupKey returns the key of the group that a lookup names.
func (s *featuresetSpec) groupKey(l *lookupSpec) objectKey {
	store := foldStore(s.Store)
	if l.Store != "" {
		store = foldStore(l.Store)
	}
	return objectKey{kind: KindGroup, store: store, name: l.Group, version: l.Version}
}

// check judges a featureset against the groups it looks up (by feature; nil where
// there is none). What it says of other featuresets is judged by link. The Featureset
// is of no use when faults were reported.
func (s *featuresetSpec) check(k *checker, groups []*Group) *Featureset {
	out := &Featureset{
		Store: s.Store, StoreKey: foldStore(s.Store), Name: s.Name, Version: s.Version, Description: s.Description,
		Features: make([]SetFeature, len(s.Features)), byName: make(map[string]int, len(s.Features)), spec: s,
	}
	if strings.Contains(s.Name, ".") {
		k.at(path{"name"}, "the name of a featureset must be free of dots: requests write %s", "Featureset.feature")
	}
	if len(s.Features) == 0 {
		k.at(path{"features"}, "a featureset needs at least one feature")
	}
	schema := make(map[string]*codec.Type, len(s.Features))
	for i := range s.Features {
		f := &s.Features[i]
		if why := checkFeature(f.Name); why != "" {
			k.at(path{"features", i, "name"}, "feature name %s %s", quote(f.Name), why)
		} else if _, ok := out.byName[f.Name]; ok {
			k.at(path{"features", i, "name"}, "feature %s appears twice", quote(f.Name))
		} else {
			out.byName[f.Name] = i
		}
		out.Features[i] = SetFeature{Name: f.Name, Description: f.Description, Extractor: -1}
		t, err := codec.ParseType(f.Type, codec.SpellingFennel)
		if err != nil {
			k.badType(path{"features", i, "type"}, err)
			continue
		}
		out.Features[i].Type = t
		schema[f.Name] = t
	}
	s.checkExtractors(k, out)
	for i := range s.Features {
		s.checkFeature(k, out, i, groups[i], schema)
	}
	return out
}

// checkFeature judges how one feature is computed.
func (s *featuresetSpec) checkFeature(k *checker, out *Featureset, i int, g *Group, schema map[string]*codec.Type) {
	f, to := &s.Features[i], &out.Features[i]
	ways := 0
	for _, given := range []bool{f.Lookup != nil, f.Alias != "", f.Expr != "", to.Extractor >= 0} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		k.at(path{"features", i, "name"}, "feature %s has more than one extractor: give one of lookup, alias and expr, or name it once among the outputs of extractors", quote(f.Name))
		return
	}
	if to.Type == nil {
		return // reported
	}
	switch {
	case f.Lookup != nil:
		s.checkLookup(k, out, i, g)
	case f.Alias != "":
		ref, ok := parseFeatureRef(f.Alias)
		if !ok {
			k.at(path{"features", i, "alias"}, "expected the feature of a featureset, such as Address.city; found %s", quote(f.Alias))
			return
		}
		to.Alias = &ref
	case f.Expr != "":
		p, err := expr.New(f.Expr, schema, to.Type)
		if err != nil {
			k.badExpr(path{"features", i, "expr"}, err)
		}
		to.Expr = p
	}
	if f.Default != nil && f.Lookup == nil && f.Alias == "" {
		k.at(path{"features", i, "default"}, "default belongs to a lookup or an alias; feature %s has neither", quote(f.Name))
	} else if f.Default != nil {
		t := to.Type
		if to.Lookup != nil && to.Lookup.List {
			t = t.Elem
		}
		to.Default = defaultColumn(k, path{"features", i, "default"}, t, f.Default)
	}
}

// defaultColumn reads a default as requests read values; nil when it is null or does
// not fit.
func defaultColumn(k *checker, p path, t *codec.Type, raw json.RawMessage) *vec.Column {
	if string(raw) == "null" || t == nil {
		return nil
	}
	c := vec.New(t)
	var l vec.Loader
	if err := l.PushJSON(c, raw); err != nil {
		k.at(p, "the default does not fit type %s: %s", vec.TypeName(t), valueReason(err))
		return nil
	}
	return c
}

// valueReason is why a value does not fit, without the row.
func valueReason(err error) string {
	var v *vec.ValueError
	if errors.As(err, &v) {
		return v.Reason
	}
	return err.Error()
}

// checkLookup judges a lookup against its group.
func (s *featuresetSpec) checkLookup(k *checker, out *Featureset, i int, g *Group) {
	spec, f := s.Features[i].Lookup, &out.Features[i]
	at := func(more ...any) path { return append(path{"features", i, "lookup"}, more...) }
	f.Lookup = &Lookup{Group: g}
	if g == nil {
		return // reported
	}
	switch {
	case g.Spine:
		k.at(at("group"), "group %s is a spine: it has no online rows to look up", g.Name)
		return
	case len(g.Key) == 0:
		k.at(at("group"), "group %s has no key: its rows cannot be looked up", g.Name)
		return
	}
	for _, column := range slices.Sorted(maps.Keys(spec.Keys)) {
		if g.KeyPosition(column) < 0 {
			k.at(at("keys"), "%s is no key column of group %s%s", quote(column), g.Name, k.suggest(column, g.Key))
		}
	}
	lists := 0
	for _, column := range g.Key {
		name := column
		if n, ok := spec.Keys[column]; ok {
			name = n
		}
		n, ok := out.byName[name]
		if !ok {
			k.at(at("group"), "looking up group %s takes a feature for its key column %s, and there is none called %s; add it, or name another under keys: {%s: ...}",
				g.Name, quote(column), quote(name), column)
			continue
		}
		f.Lookup.Keys = append(f.Lookup.Keys, n)
		have, want := out.Features[n].Type, g.Feature(column).Type
		switch {
		case have == nil: // reported
		case sameValues(have, want):
		case have.Kind == codec.KindArray && sameValues(have.Elem, want):
			lists++
		default:
			k.at(at("group"), "key column %s of group %s is of type %s, but feature %s is of type %s",
				quote(column), g.Name, typeText(want), quote(name), vec.TypeName(have))
		}
	}
	if lists > 0 && lists < len(g.Key) {
		k.at(at("group"), "of the features for the key of group %s either all or none must be lists", g.Name)
		return
	}
	f.Lookup.List = lists > 0
	f.Lookup.Field = g.Feature(spec.Field)
	if f.Lookup.Field == nil {
		k.at(at("field"), "group %s has no column %s%s", g.Name, quote(spec.Field), k.suggest(spec.Field, g.spec.featureNames()))
		return
	}
	s.checkLookupType(k, f, i)
}

// checkLookupType judges the type of a looked-up feature (Fennel contract, section
// 4.2): without a default the row may be missing, so it must be Optional.
func (s *featuresetSpec) checkLookupType(k *checker, f *SetFeature, i int) {
	at, field, t := path{"features", i, "type"}, f.Lookup.Field, f.Type
	if f.Lookup.List {
		if t.Kind != codec.KindArray {
			k.at(at, "the features for the key are lists, so feature %s must be a list, not %s", quote(f.Name), vec.TypeName(t))
			return
		}
		t = t.Elem
	}
	hasDefault := s.Features[i].Default != nil && string(s.Features[i].Default) != "null"
	switch {
	case !sameValues(t, field.Type):
		k.at(at, "column %s of group %s is of type %s, which is no %s", quote(field.Name), f.Lookup.Group.Name, typeText(field.Type), vec.TypeName(t))
	case !t.Optional && !hasDefault:
		k.at(at, "a row may be missing, so feature %s needs a default or the type Optional[%s]", quote(f.Name), vec.TypeName(t))
	}
}

// sameValues reports whether values of one type are values of another, apart from
// null and from restrictions.
func sameValues(t, u *codec.Type) bool { return vec.SameShape(t, u) }

// checkExtractors judges the extractors that are code, as far as their own featureset
// goes, and notes their outputs.
func (s *featuresetSpec) checkExtractors(k *checker, out *Featureset) {
	for i := range s.Extractors {
		spec := &s.Extractors[i]
		x := Extractor{File: spec.Python, Source: spec.Source, Function: spec.Function}
		if len(spec.Outputs) == 0 {
			k.at(path{"extractors", i, "outputs"}, "an extractor needs at least one output")
		}
		for n, name := range spec.Outputs {
			at := path{"extractors", i, "outputs", n}
			own, _ := strings.CutPrefix(name, s.Name+".")
			f, ok := out.byName[own]
			switch {
			case !ok:
				k.at(at, "output %s is no feature of this featureset%s", quote(name), k.suggest(name, slices.Sorted(maps.Keys(out.byName))))
				continue
			case out.Features[f].Extractor >= 0:
				k.at(at, "feature %s is an output twice; a feature has at most one extractor", quote(own))
				continue
			}
			out.Features[f].Extractor = i
			x.Outputs = append(x.Outputs, f)
		}
		for n, name := range spec.Inputs {
			ref, ok := parseFeatureRef(name)
			if !ok && !strings.Contains(name, ".") {
				ref, ok = FeatureRef{s.Name, name}, true
			}
			if !ok {
				k.at(path{"extractors", i, "inputs", n}, "expected a feature of this featureset or Featureset.feature, found %s", quote(name))
			}
			x.Inputs = append(x.Inputs, ref)
		}
		out.Extractors = append(out.Extractors, x)
	}
}

// parseFeatureRef splits Featureset.feature.
func parseFeatureRef(text string) (FeatureRef, bool) {
	set, feature, ok := strings.Cut(text, ".")
	return FeatureRef{set, feature}, ok && checkName(set) == "" && checkFeature(feature) == ""
}

// badExpr reports an expression that does not parse or fit, at the character that is
// wrong.
func (k *checker) badExpr(p path, err error) {
	var e *expr.Error
	if !errors.As(err, &e) {
		k.at(p, "bad expression: %s", err)
		return
	}
	if strings.Contains(e.Text, "\n") {
		k.at(p, "bad expression: %s", e)
		return
	}
	hint := ""
	if e.Hint != "" {
		hint = " (" + e.Hint + ")"
	}
	k.offset(p, e.Pos, "bad expression: %s%s", e.Msg, hint)
}
