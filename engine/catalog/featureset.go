package catalog

import (
	"fmt"
	"slices"
	"strings"

	"quiver/codec"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
)

// Featureset is one version of a set of typed features and of how they are computed.
// Requests know the newest version of a name only.
//
// A Featureset is immutable. Its pointer is the same in two snapshots exactly when
// neither its definition nor any of its groups changed, nor whether it is broken.
// What it says about other featuresets are names: resolve them in the same snapshot.
type Featureset struct {
	Store       string // as written
	StoreKey    string // Store in lower case
	Name        string // without dots
	Version     int
	Description string

	Features   []SetFeature // in the order of the definition
	Extractors []Extractor  // those that are code

	// Broken says why no feature can be extracted: a group or featureset that it
	// needs was removed by force. "" for a sound featureset.
	Broken string

	fault  string // the part of Broken that is about groups
	spec   *featuresetSpec
	byName map[string]int
	body   []byte
	text   digest
}

func (s *Featureset) key() objectKey               { return s.spec.key() }
func (s *Featureset) source() spec                 { return s.spec }
func (s *Featureset) definition() []byte           { return s.body }
func (s *Featureset) digest() digest               { return s.text }
func (s *Featureset) tables(dst []uint32) []uint32 { return dst }

// SetFeature is one feature of a Featureset. At most one of Lookup, Alias, Expr and
// Extractor says how it is computed; with none it must be given by the request.
type SetFeature struct {
	Name        string
	Type        *codec.Type // in Fennel's words
	Description string

	Lookup    *Lookup
	Alias     *FeatureRef
	Expr      *expr.Program // over features of the same featureset
	Extractor int           // index into Extractors; -1: none

	// Default is a column of one row that stands for null, and with Lookup for a row
	// that is missing; of a list lookup it stands for elements. nil: none.
	Default *vec.Column
}

// Computed reports whether the feature has an extractor of any kind.
func (f *SetFeature) Computed() bool {
	return f.Lookup != nil || f.Alias != nil || f.Expr != nil || f.Extractor >= 0
}

// Lookup takes a feature from a row of a group.
type Lookup struct {
	Group *Group   // nil in a broken featureset whose group is gone
	Field *Feature // its column
	Keys  []int    // the features (of the same featureset) that are the key, in the order of Group.Key
	// List: the keys are lists, the result is the list of what is found for their
	// elements.
	List bool
}

// FeatureRef names a feature of the store.
type FeatureRef struct {
	Featureset string // the newest version of this name
	Feature    string
}

func (r FeatureRef) String() string { return r.Featureset + "." + r.Feature }

// Extractor is code that computes some features from others.
type Extractor struct {
	Inputs   []FeatureRef // of any featureset of the store, in the order of the arguments
	Outputs  []int        // features of this featureset
	File     string       // as the definition names it
	Source   string       // the text of the file
	Function string       // in it
}

// Feature returns the named feature, nil when there is none. It does not allocate.
func (s *Featureset) Feature(name string) *SetFeature {
	i, ok := s.byName[name]
	if !ok {
		return nil
	}
	return &s.Features[i]
}

// describe tells what is new about a featureset.
func (s *Featureset) describe(o object) []string {
	old, ok := o.(*Featureset)
	if !ok {
		d := []string{plural(len(s.Features), "feature")}
		if len(s.Extractors) > 0 {
			d = append(d, plural(len(s.Extractors), "Python extractor"))
		}
		if s.Broken != "" {
			d = append(d, "broken: "+s.Broken)
		}
		return d
	}
	var d []string
	d = changed(d, "store", old.Store, s.Store)
	d = changed(d, "description", old.Description, s.Description)
	switch {
	case s.Broken != "" && s.Broken != old.Broken:
		return append(d, "broken: "+s.Broken)
	case s.Broken == "" && old.Broken != "":
		return append(d, "no longer broken")
	}
	d = append(d, compareLists("feature", old.spec.lines(), s.spec.lines())...)
	d = append(d, compareLists("extractor", old.spec.codeLines(), s.spec.codeLines())...)
	if d == nil && slices.EqualFunc(s.Extractors, old.Extractors, func(a, b Extractor) bool { return a.Source == b.Source }) &&
		string(s.body) != string(old.body) {
		d = []string{"definition written differently"}
	}
	for i := range s.Extractors {
		if i < len(old.Extractors) && s.Extractors[i].File == old.Extractors[i].File && s.Extractors[i].Source != old.Extractors[i].Source {
			d = append(d, "code of "+s.Extractors[i].File+" changed")
		}
	}
	return d
}

// lines prints each feature with what computes it.
func (s *featuresetSpec) lines() []string {
	list := make([]string, len(s.Features))
	for i := range s.Features {
		f := &s.Features[i]
		line := f.Name + " " + f.Type
		switch {
		case f.Lookup != nil:
			line += fmt.Sprintf(" = %s@%d.%s", f.Lookup.Group, f.Lookup.Version, f.Lookup.Field)
			if len(f.Lookup.Keys) > 0 {
				line += " by " + string(marshal(f.Lookup.Keys))
			}
		case f.Alias != "":
			line += " = " + f.Alias
		case f.Expr != "":
			line += " = " + short(f.Expr)
		}
		if f.Default != nil {
			line += " default " + short(string(f.Default))
		}
		list[i] = line
	}
	return list
}

func (s *featuresetSpec) codeLines() []string {
	list := make([]string, len(s.Extractors))
	for i, x := range s.Extractors {
		list[i] = fmt.Sprintf("%s(%s) of %s -> %s", x.Function, strings.Join(x.Inputs, ", "), x.Python, strings.Join(x.Outputs, ", "))
	}
	return list
}
