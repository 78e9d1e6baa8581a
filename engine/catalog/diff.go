package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// The actions of a Change.
const (
	ActionAdd       = "add"
	ActionUpdate    = "update"
	ActionRemove    = "remove"
	ActionUnchanged = "unchanged"
)

// Diff is what a change does, for people and programs.
type Diff struct {
	Revision int      `json:"revision"` // the revision it makes; the current one when nothing changes
	Changes  []Change `json:"changes"`  // by kind, store, name, version
}

// Change is what becomes of one object. Objects that are not named and do not change
// are not listed.
type Change struct {
	Action  string   `json:"action"`
	Kind    string   `json:"kind"`
	Store   string   `json:"store"`
	Name    string   `json:"name"`
	Version int      `json:"version"`
	Details []string `json:"details,omitempty"` // one line each: `+ column x double`, `ttl 24h -> 48h`
}

// Empty reports whether nothing changes.
func (d Diff) Empty() bool {
	return !slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Action != ActionUnchanged })
}

// Summary counts the changes: "2 added, 1 updated".
func (d Diff) Summary() string {
	var parts []string
	for _, a := range []struct{ action, word string }{
		{ActionAdd, "added"}, {ActionUpdate, "updated"}, {ActionRemove, "removed"}, {ActionUnchanged, "unchanged"},
	} {
		n := 0
		for _, c := range d.Changes {
			if c.Action == a.action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a.word))
		}
	}
	if parts == nil {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

// String prints one line per change, followed by its details.
func (d Diff) String() string {
	var b strings.Builder
	for _, c := range d.Changes {
		fmt.Fprintf(&b, "%-9s %s %s\n", c.Action, c.Kind, address(c.Kind, c.Store, c.Name, c.Version))
		for _, line := range c.Details {
			fmt.Fprintf(&b, "          %s\n", line)
		}
	}
	return b.String()
}

// changes compares what was built with the base.
func (b *builder) changes() []Change {
	all := []Change{}
	add := func(action string, o object, details []string) {
		key := o.key()
		all = append(all, Change{
			Action: action, Kind: key.kind, Store: o.source().head().Store, Name: key.name, Version: key.version, Details: details,
		})
	}
	for key, o := range b.objects {
		old := b.base.objects[key]
		if old == o {
			if b.named[key] {
				add(ActionUnchanged, o, nil)
			}
			continue
		}
		details := o.describe(old)
		if note := b.notes[key]; note != "" {
			details = append(details, note)
		}
		switch {
		case old == nil:
			add(ActionAdd, o, details)
		case len(details) > 0:
			add(ActionUpdate, o, details)
		case b.named[key]:
			add(ActionUnchanged, o, nil)
		}
	}
	for key, o := range b.base.objects {
		if b.objects[key] == nil {
			var details []string
			switch o.(type) {
			case *Group:
				details = []string{"rows: dropped"}
			case *Webhook:
				details = []string{"events: dropped"}
			}
			add(ActionRemove, o, details)
		}
	}
	slices.SortFunc(all, func(x, y Change) int { return compareObjects(x.key(), y.key()) })
	return all
}

func (c *Change) key() objectKey {
	return objectKey{kind: c.Kind, store: foldStore(c.Store), name: c.Name, version: c.Version}
}
