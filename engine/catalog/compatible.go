package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"quiver/codec"
)

// compatible reports changes of a live group that the rows already stored would not
// survive. Lifetimes, descriptions, defaults, indexes, restrictions of values and
// added columns may change at any time.
func (b *builder) compatible(k *checker, g, old *Group) {
	next := 0
	for _, o := range b.base.groups {
		if o.StoreKey == g.StoreKey && o.Name == g.Name {
			next = max(next, o.Version+1)
		}
	}
	raise := fmt.Sprintf("; raise version to %d for the new definition", next)
	if !slices.Equal(g.Key, old.Key) {
		k.at(path{"key"}, "the key of a live group cannot change from %s to %s%s", list(old.Key), list(g.Key), raise)
	}
	if g.EventTime != old.EventTime {
		k.at(path{"eventTime"}, "eventTime of a live group cannot change from %s to %s%s",
			cmp.Or(old.EventTime, "none"), cmp.Or(g.EventTime, "none"), raise)
	}
	if g.Spine != old.Spine {
		k.at(path{"spine"}, "spine of a live group cannot change from %t to %t%s", old.Spine, g.Spine, raise)
	}
	for i := range old.Features {
		was := &old.Features[i]
		is := g.Feature(was.Name)
		switch {
		case is == nil:
			k.at(path{"features"}, "feature %s is gone, but a live group keeps its columns%s", quote(was.Name), raise)
		case is.Type == nil: // reported
		case !sameCells(was.Type, is.Type):
			k.at(path{"features", g.byName[was.Name], "type"}, "the type of feature %s changes from %s to %s%s%s",
				quote(was.Name), typeText(was.Type), typeText(is.Type), spelled(was.Type, is.Type), raise)
		case was.Type.Optional && !is.Type.Optional:
			k.at(path{"features", g.byName[was.Name], "type"}, "feature %s may be null in stored rows, so it must stay optional%s",
				quote(was.Name), raise)
		}
	}
}

// fits reports whether the rows of a live group can be read and written on by another
// definition: what versions and keys are made of is the same. Other columns that
// differ only get other slots.
func fits(g, old *Group) bool {
	if !slices.Equal(g.Key, old.Key) || g.EventTime != old.EventTime || g.Spine != old.Spine {
		return false
	}
	for _, name := range append([]string{g.EventTime}, g.Key...) {
		if name != "" && !sameCells(old.Feature(name).Type, g.Feature(name).Type) {
			return false
		}
	}
	return true
}

// sameCells reports whether cells written for one type are right for another:
// restrictions are judged when rows are written, and null is a cell of every column.
func sameCells(was, is *codec.Type) bool {
	a, b := *was, *is
	a.Check, b.Check = nil, nil
	a.Optional, b.Optional = false, false
	return a.Equal(&b)
}

// typeText prints a type, with its kind where the same word means another one in SQL.
func typeText(t *codec.Type) string {
	if t.Spelling == codec.SpellingFennel && (t.Kind == codec.KindBigInt || t.Kind == codec.KindDouble) &&
		!strings.EqualFold(t.Text, t.Kind.String()) {
		return fmt.Sprintf("%s (%s)", t.Text, t.Kind)
	}
	return t.Text
}

// spelled explains how the same word came to mean another type.
func spelled(was, is *codec.Type) string {
	if was.Text == is.Text && was.Spelling != is.Spelling {
		return ", because int and float are 64 bits wide only where a column of the group has a type in Fennel's words"
	}
	return ""
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return fmt.Sprint(names)
}
