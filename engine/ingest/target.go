package ingest

import (
	"fmt"
	"strings"

	"quiver/codec"
)

// Target is the group that rows are made for.
type Target struct {
	Group     string        // its name, for messages
	Schema    *codec.Schema // rows have its columns in its order
	Key       []int         // positions of the key columns; none for an event group
	EventTime int           // position of the event time column, -1 without one
	// Now is the time that rows carry when the group has no event time, in Unix
	// microseconds.
	Now int64
}

// required reports whether column i must be there and not null.
func (t *Target) required(i int) bool {
	if i == t.EventTime {
		return true
	}
	for _, k := range t.Key {
		if i == k {
			return true
		}
	}
	return false
}

// columns finds a group's columns by the names a file uses.
type columns struct {
	target   *Target
	required []bool
	exact    map[string]int
	folded   map[string]int // lower-case name; -1 where several columns share it
}

func newColumns(t *Target) *columns {
	n := len(t.Schema.Columns)
	c := &columns{target: t, required: make([]bool, n), exact: make(map[string]int, n), folded: make(map[string]int, n)}
	for i, col := range t.Schema.Columns {
		if col.Name == "" {
			continue // a column taken away: null in every row from now on
		}
		c.required[i] = t.required(i)
		c.exact[col.Name] = i
		low := strings.ToLower(col.Name)
		if _, ok := c.folded[low]; ok {
			c.folded[low] = -1
		} else {
			c.folded[low] = i
		}
	}
	return c
}

// find returns the position of the named column, -1 when there is none: the one of
// exactly that name, else the only one that differs in case alone.
func (c *columns) find(name string) int {
	if i, ok := c.exact[name]; ok {
		return i
	}
	if i, ok := c.folded[strings.ToLower(name)]; ok {
		return i
	}
	return -1
}

// layout says where in the file each of the group's columns is: from[column] is the
// position in the file, -1 where the file lacks it.
type layout struct {
	*columns
	from []int
}

// match lays the file's columns out over the group's. place is put before errors.
func (c *columns) match(place string, names []string, ignoreUnknown bool) (*layout, error) {
	l := &layout{columns: c, from: make([]int, len(c.required))}
	for i := range l.from {
		l.from[i] = -1
	}
	for pos, name := range names {
		i := c.find(name)
		if i < 0 {
			if ignoreUnknown {
				continue
			}
			return nil, fmt.Errorf("%s: %s", place, c.unknown(name))
		}
		if first := l.from[i]; first >= 0 {
			return nil, fmt.Errorf("%s: columns %q and %q are both %s of group %s", place, names[first], name, c.target.Schema.Columns[i].Name, c.target.Group)
		}
		l.from[i] = pos
	}
	for i, from := range l.from {
		if from < 0 && c.required[i] {
			return nil, fmt.Errorf("%s: column %q is missing: it is %s of group %s (the file has %s)",
				place, c.target.Schema.Columns[i].Name, c.role(i), c.target.Group, list(names))
		}
	}
	return l, nil
}

// unknown says that the group has no such column, and which it has.
func (c *columns) unknown(name string) string {
	var known []string
	for _, col := range c.target.Schema.Columns {
		if col.Name != "" {
			known = append(known, col.Name)
		}
	}
	return fmt.Sprintf("column %q is not a column of group %s (which has %s); --ignore-unknown leaves such columns out",
		name, c.target.Group, list(known))
}

// role says why column i is required.
func (c *columns) role(i int) string {
	if i == c.target.EventTime {
		return "the event time"
	}
	return "a key column"
}

// list joins names for a message, not too many of them.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
