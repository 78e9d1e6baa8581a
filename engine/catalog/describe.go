package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// changed appends "what old -> new" when they differ; "" prints as none.
func changed(details []string, what, old, new string) []string {
	if old == new {
		return details
	}
	return append(details, fmt.Sprintf("%s %s -> %s", what, short(old), short(new)))
}

// short prints a value on one line and without end.
func short(s string) string {
	if len(s) > 60 || strings.ContainsFunc(s, unicode.IsControl) {
		return quote(s)
	}
	return cmp.Or(s, "none")
}

// describe tells what is new about a group.
func (g *Group) describe(o object) []string {
	old, ok := o.(*Group)
	if !ok {
		return g.introduce()
	}
	var d []string
	d = changed(d, "id", strconv.FormatInt(old.ID, 10), strconv.FormatInt(g.ID, 10))
	d = changed(d, "store", old.Store, g.Store)
	d = changed(d, "description", old.Description, g.Description)
	d = changed(d, "key", strings.Join(old.Key, ", "), strings.Join(g.Key, ", "))
	d = changed(d, "eventTime", old.EventTime, g.EventTime)
	d = changed(d, "ttl", old.spec.TTL.String(), g.spec.TTL.String())
	d = changed(d, "history", old.spec.History.String(), g.spec.History.String())
	d = changed(d, "spine", strconv.FormatBool(old.Spine), strconv.FormatBool(g.Spine))
	for i := range g.Features {
		f := &g.Features[i]
		was := old.Feature(f.Name)
		if was == nil {
			d = append(d, "+ column "+f.Name+" "+f.Type.Text)
			continue
		}
		d = changed(d, "column "+f.Name+" type", was.Type.Text, f.Type.Text)
		d = changed(d, "column "+f.Name+" default", string(was.Default), string(f.Default))
		d = changed(d, "column "+f.Name+" description", was.Description, f.Description)
	}
	for i := range old.Features {
		if f := &old.Features[i]; g.Feature(f.Name) == nil {
			d = append(d, "- column "+f.Name+" "+f.Type.Text)
		}
	}
	d = append(d, reordered("columns", old.spec.featureNames(), g.spec.featureNames())...)
	for _, x := range g.Indexes {
		if was := old.Index(x.Name); was == nil || !slices.Equal(was.Columns, x.Columns) {
			d = append(d, fmt.Sprintf("+ index %s (%s)", x.Name, strings.Join(x.Columns, ", ")))
		}
	}
	for _, x := range old.Indexes {
		if is := g.Index(x.Name); is == nil || !slices.Equal(is.Columns, x.Columns) {
			d = append(d, fmt.Sprintf("- index %s (%s)", x.Name, strings.Join(x.Columns, ", ")))
		}
	}
	if d == nil && string(g.body) != string(old.body) {
		d = []string{"definition written differently"}
	}
	return d
}

// introduce describes a new group.
func (g *Group) introduce() []string {
	d := []string{fmt.Sprintf("id %d", g.ID)}
	if len(g.Key) > 0 {
		d = append(d, "key "+strings.Join(g.Key, ", "))
	} else {
		d = append(d, "no key: an event stream")
	}
	if g.EventTime != "" {
		d = append(d, "eventTime "+g.EventTime)
	}
	if g.TTL > 0 {
		d = append(d, "ttl "+g.spec.TTL.String())
	}
	if g.History > 0 {
		d = append(d, "history "+g.spec.History.String())
	}
	if g.Spine {
		d = append(d, "spine: no online rows")
	}
	for _, x := range g.Indexes {
		d = append(d, fmt.Sprintf("index %s (%s)", x.Name, strings.Join(x.Columns, ", ")))
	}
	return append(d, plural(len(g.Features), "column"))
}

// describe tells what is new about a view, its groups' part in it included.
func (v *View) describe(o object) []string {
	old, ok := o.(*View)
	if !ok {
		return v.introduce()
	}
	var d []string
	d = changed(d, "store", old.Store, v.Store)
	d = changed(d, "description", old.Description, v.Description)
	switch {
	case v.Broken != "" && v.Broken != old.Broken:
		return append(d, "broken: "+v.Broken)
	case v.Broken == "" && old.Broken != "":
		return append(d, "no longer broken")
	}
	for i := range max(len(v.From), len(old.From)) {
		d = changed(d, fmt.Sprintf("join %d", i), old.join(i), v.join(i))
	}
	was, is := old.features(), v.features()
	d = append(d, compareLists("feature", was, is)...)
	d = append(d, compareLists("serving key", old.keys(), v.keys())...)
	if d == nil && string(v.body) != string(old.body) {
		d = []string{"definition written differently"}
	}
	return d
}

// introduce describes a new view.
func (v *View) introduce() []string {
	var d []string
	for i := range v.From {
		d = append(d, fmt.Sprintf("join %d %s", i, v.join(i)))
	}
	d = append(d, plural(len(v.Features), "feature"))
	for _, k := range v.keys() {
		d = append(d, "serving key "+k)
	}
	if v.Broken != "" {
		d = append(d, "broken: "+v.Broken)
	}
	return d
}

func (v *View) join(i int) string {
	if i >= len(v.From) {
		return ""
	}
	j := &v.From[i]
	s := fmt.Sprintf("%s/%s@%d", j.Store, j.Group, j.Version)
	if j.Prefix != "" {
		s += " prefix " + j.Prefix
	}
	return s
}

// features and keys print each feature and serving key in full.
func (v *View) features() []string {
	list := make([]string, len(v.Features))
	for i := range v.Features {
		f := &v.Features[i]
		s := v.From[f.From].Prefix + f.Name
		if f.From > 0 && v.From[f.From].Prefix == "" {
			s += fmt.Sprintf(" of join %d", f.From)
		}
		if f.Label {
			s += " (label)"
		}
		if f.Type != "" {
			s += " printed as " + f.Type
		}
		list[i] = s
	}
	return list
}

func (v *View) keys() []string {
	list := make([]string, len(v.ServingKeys))
	for i := range v.ServingKeys {
		k := &v.ServingKeys[i]
		s := fmt.Sprintf("%s%s of join %d", k.Prefix, k.Name, k.From)
		if !k.Required {
			s += " (not required)"
		}
		if k.JoinOn != "" {
			s += " joined on " + k.JoinOn
		}
		list[i] = s
	}
	return list
}

// compareLists tells what was added to and removed from a list, else whether its
// order changed.
func compareLists(what string, was, is []string) []string {
	var d []string
	old, now := map[string]bool{}, map[string]bool{}
	for _, s := range was {
		old[s] = true
	}
	for _, s := range is {
		if now[s] = true; !old[s] {
			d = append(d, "+ "+what+" "+s)
		}
	}
	for _, s := range was {
		if !now[s] {
			d = append(d, "- "+what+" "+s)
		}
	}
	if d == nil && !slices.Equal(was, is) {
		d = []string{what + "s reordered"}
	}
	return d
}

// reordered tells whether what two lists have in common changed its order.
func reordered(what string, was, is []string) []string {
	old, now := map[string]bool{}, map[string]bool{}
	for _, s := range was {
		old[s] = true
	}
	for _, s := range is {
		now[s] = true
	}
	was = slices.DeleteFunc(was, func(s string) bool { return !now[s] })
	is = slices.DeleteFunc(is, func(s string) bool { return !old[s] })
	if slices.Equal(was, is) {
		return nil
	}
	return []string{what + " reordered"}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
