package catalog

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
)

// groupSpec is a FeatureGroup as written.
type groupSpec struct {
	header
	ID          int64         `json:"id,omitempty"` // 0: to be assigned
	Description string        `json:"description,omitempty"`
	Key         []string      `json:"key,omitempty"`
	EventTime   string        `json:"eventTime,omitempty"`
	TTL         duration      `json:"ttl,omitempty"`
	History     duration      `json:"history,omitempty"`
	Spine       bool          `json:"spine,omitempty"`
	Indexes     []indexSpec   `json:"indexes,omitempty"`
	Features    []featureSpec `json:"features"`
}

type indexSpec struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

type featureSpec struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	Default     json.RawMessage `json:"default,omitempty"`
	Description string          `json:"description,omitempty"`
}

func (g *groupSpec) head() *header { return &g.header }

func (g *groupSpec) fields(r *reader) []field {
	return append(g.header.fields(r),
		field{key: "id", read: r.integer(&g.ID, 1, 1<<63-1)},
		field{key: "description", read: r.text(&g.Description)},
		field{key: "key", read: r.names(&g.Key, "key columns")},
		field{key: "eventTime", read: r.text(&g.EventTime)},
		field{key: "ttl", read: r.length(&g.TTL)},
		field{key: "history", read: r.length(&g.History)},
		field{key: "spine", read: r.boolean(&g.Spine)},
		field{key: "indexes", read: r.list("indexes", maxIndexes, func(n ast.Node) {
			var x indexSpec
			r.mapping(n, "an index",
				field{key: "name", need: true, read: r.text(&x.Name)},
				field{key: "columns", need: true, read: r.names(&x.Columns, "columns")})
			g.Indexes = append(g.Indexes, x)
		})},
		field{key: "features", need: true, read: r.list("features", maxColumns, func(n ast.Node) {
			var f featureSpec
			r.mapping(n, "a feature",
				field{key: "name", need: true, read: r.text(&f.Name)},
				field{key: "type", need: true, read: r.text(&f.Type)},
				field{key: "default", read: r.value(&f.Default)},
				field{key: "description", read: r.text(&f.Description)})
			g.Features = append(g.Features, f)
		})},
	)
}

// check judges a group by itself and returns what can be said without numbers: a
// Group without ID, tables and slots. It is of no use when faults were reported. Of a
// draft that could not be read in full only the features are judged.
func (g *groupSpec) check(k *checker) *Group {
	out := &Group{
		Store: g.Store, StoreKey: foldStore(g.Store), Name: g.Name, Version: g.Version, Description: g.Description,
		Key: g.Key, EventTime: g.EventTime, TTL: time.Duration(g.TTL), History: time.Duration(g.History), Spine: g.Spine,
		Features: make([]Feature, len(g.Features)), EventTimeColumn: -1,
		byName: make(map[string]int, len(g.Features)), spec: g,
	}
	texts := make([]string, len(g.Features))
	for i, f := range g.Features {
		texts[i] = f.Type
	}
	spelling := codec.DetectSpelling(texts)
	for i, f := range g.Features {
		if k.draft.bad && (f.Name == "" || f.Type == "") {
			continue // misread, and reported
		}
		if why := checkFeature(f.Name); why != "" {
			k.at(path{"features", i, "name"}, "feature name %s %s", quote(f.Name), why)
		} else if _, ok := out.byName[f.Name]; ok {
			k.at(path{"features", i, "name"}, "feature %s appears twice", quote(f.Name))
		} else {
			out.byName[f.Name] = i
		}
		out.Features[i] = Feature{Name: f.Name, Description: f.Description, Slot: -1}
		t, err := codec.ParseType(f.Type, spelling)
		if err != nil {
			k.badType(path{"features", i, "type"}, err)
			continue
		}
		out.Features[i].Type = t
		if f.Default != nil {
			out.Features[i].Default = defaultCell(k, path{"features", i, "default"}, t, f.Default)
		}
	}
	if k.draft.bad {
		return out // what the parts are to each other cannot be told
	}
	if len(g.Features) == 0 {
		k.at(path{"features"}, "a group needs at least one feature")
	}
	g.checkKey(k, out)
	g.checkTime(k, out)
	g.checkIndexes(k, out)
	return out
}

func (g *groupSpec) checkKey(k *checker, out *Group) {
	for i, name := range g.Key {
		at := path{"key", i}
		f := out.Feature(name)
		switch {
		case slices.Contains(g.Key[:i], name):
			k.at(at, "key column %s appears twice", quote(name))
		case f == nil:
			k.at(at, "key column %s is not among the features%s", quote(name), k.suggest(name, g.featureNames()))
		case f.Type == nil: // reported
		case f.Type.Optional:
			k.at(at, "key column %s is optional; a key must have a value, so leave Optional out of its type", quote(name))
		default:
			if codec.KeyTypeAllowed(f.Type) != nil {
				k.at(at, "column %s is of type %s, which cannot be part of a key", quote(name), typeText(f.Type))
			}
		}
	}
	if len(g.Key) == 0 && g.History > 0 {
		k.at(path{"history"}, "history keeps replaced rows, but rows without a key are never replaced; give the group a key or leave history out")
	}
}

func (g *groupSpec) checkTime(k *checker, out *Group) {
	if g.EventTime == "" {
		return
	}
	f := out.Feature(g.EventTime)
	switch {
	case f == nil:
		k.at(path{"eventTime"}, "event time column %s is not among the features%s", quote(g.EventTime), k.suggest(g.EventTime, g.featureNames()))
	case f.Type == nil: // reported
	case f.Type.Kind != codec.KindTimestamp && f.Type.Kind != codec.KindDate && f.Type.Kind != codec.KindBigInt:
		k.at(path{"eventTime"}, "event time column %s is of type %s; it must be timestamp, date or bigint", quote(g.EventTime), f.Type.Text)
	case f.Type.Optional:
		k.at(path{"eventTime"}, "event time column %s is optional; every row needs a time", quote(g.EventTime))
	}
}

func (g *groupSpec) checkIndexes(k *checker, out *Group) {
	if len(g.Key) == 0 && len(g.Indexes) > 0 {
		k.at(path{"indexes"}, "a group without a key is an event stream and cannot have indexes")
	}
	for i, x := range g.Indexes {
		at := path{"indexes", i, "name"}
		if why := checkName(x.Name); why != "" {
			k.at(at, "index name %s %s", quote(x.Name), why)
		} else if slices.ContainsFunc(g.Indexes[:i], func(y indexSpec) bool { return y.Name == x.Name }) {
			k.at(at, "index %s appears twice", quote(x.Name))
		}
		if len(x.Columns) == 0 {
			k.at(path{"indexes", i, "columns"}, "an index needs at least one column")
		}
		for j, name := range x.Columns {
			at := path{"indexes", i, "columns", j}
			f := out.Feature(name)
			switch {
			case slices.Contains(x.Columns[:j], name):
				k.at(at, "column %s appears twice", quote(name))
			case f == nil:
				k.at(at, "index column %s is not among the features%s", quote(name), k.suggest(name, g.featureNames()))
			case f.Type == nil: // reported
			default:
				if codec.KeyTypeAllowed(f.Type) != nil {
					k.at(at, "column %s is of type %s, which an index cannot look up", quote(name), typeText(f.Type))
				}
			}
		}
		out.Indexes = append(out.Indexes, Index{Name: x.Name, Columns: x.Columns})
	}
}

func (g *groupSpec) featureNames() []string {
	names := make([]string, len(g.Features))
	for i, f := range g.Features {
		names[i] = f.Name
	}
	return names
}

// badType reports a type that does not parse, at the character that is wrong.
func (k *checker) badType(p path, err error) {
	var t *codec.TypeError
	if errors.As(err, &t) {
		k.offset(p, t.Offset, "bad type: %s", t.Msg)
		return
	}
	k.at(p, "bad type: %s", err)
}

// defaultCell renders a default; nil when it is null or does not fit.
func defaultCell(k *checker, p path, t *codec.Type, raw json.RawMessage) []byte {
	if string(raw) == "null" {
		return nil
	}
	cell, special, err := codec.AppendCellJSON(nil, t, raw)
	switch {
	case err != nil:
		k.at(p, "the default does not fit type %s: %s", t.Text, strings.TrimSuffix(err.Error(), "."))
		return nil
	case special != 0:
		k.at(p, "a default must be a finite number")
		return nil
	}
	return cell
}
