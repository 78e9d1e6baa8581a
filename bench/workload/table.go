package workload

import (
	"context"
	"fmt"
	"strings"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
)

// Store is the feature store that every table lives in.
const Store = "bench"

// Table describes a feature view over generated rows, keyed by a bigint column "id"
// with the values 0 to Rows-1. Its features are cut evenly into Groups feature groups
// that all have that key, so a view of several groups is a join for one entity.
type Table struct {
	View     string // its name; the groups are named after it
	Features int    // of the view; a multiple of Groups
	Groups   int    // 1 or more
	Rows     uint32
	Seed     uint64
}

// Key is the name of the serving key of every table.
const Key = "id"

// Check says what is wrong with the description.
func (t *Table) Check() error {
	switch {
	case t.View == "":
		return fmt.Errorf("a table has no name")
	case t.Rows == 0:
		return fmt.Errorf("table %s has no rows", t.View)
	case t.Groups < 1 || t.Features < t.Groups || t.Features%t.Groups != 0 || t.Features > 1000:
		return fmt.Errorf("table %s: %d features cannot be cut evenly into %d groups", t.View, t.Features, t.Groups)
	}
	return nil
}

// Group is the name of one of the feature groups.
func (t *Table) Group(g int) string { return fmt.Sprintf("%s_%d", t.View, g) }

// feature is the name of a feature of the view; they are numbered through all groups.
func feature(f int) string { return fmt.Sprintf("f%03d", f) }

func (t *Table) perGroup() int { return t.Features / t.Groups }

// Definitions returns the groups and the view as YAML.
func (t *Table) Definitions() []byte {
	var b strings.Builder
	for g := range t.Groups {
		fmt.Fprintf(&b, "kind: FeatureGroup\nstore: %s\nname: %s\nkey: [%s]\nfeatures:\n", Store, t.Group(g), Key)
		fmt.Fprintf(&b, "  - {name: %s, type: bigint}\n", Key)
		for f := g * t.perGroup(); f < (g+1)*t.perGroup(); f++ {
			fmt.Fprintf(&b, "  - {name: %s, type: %s}\n", feature(f), kindOf(f).definition())
		}
		b.WriteString("---\n")
	}
	fmt.Fprintf(&b, "kind: FeatureView\nstore: %s\nname: %s\nfrom:\n", Store, t.View)
	for g := range t.Groups {
		fmt.Fprintf(&b, "  - {group: %s}\n", t.Group(g))
	}
	b.WriteString("features:\n")
	for f := range t.Features {
		fmt.Fprintf(&b, "  - {from: %d, name: %s}\n", f/t.perGroup(), feature(f))
	}
	return []byte(b.String())
}

// Apply defines the tables.
func Apply(e *engine.Engine, tables []*Table) error {
	var files []catalog.File
	for _, t := range tables {
		if err := t.Check(); err != nil {
			return err
		}
		files = append(files, catalog.File{Name: t.View + ".yaml", Text: t.Definitions()})
	}
	if _, err := e.Apply(files, false); err != nil {
		return fmt.Errorf("cannot define the tables: %w", err)
	}
	return nil
}

// Load writes all rows of the table, whose definitions were applied before.
func (t *Table) Load(ctx context.Context, e *engine.Engine) error {
	for g := range t.Groups {
		if err := t.loadGroup(ctx, e, g); err != nil {
			return fmt.Errorf("cannot load table %s: %w", t.View, err)
		}
	}
	return nil
}

func (t *Table) loadGroup(ctx context.Context, e *engine.Engine, g int) error {
	l, err := e.Load(ctx, engine.Ref{Store: Store, Name: t.Group(g)}, engine.LoadOptions{})
	if err != nil {
		return err
	}
	var w codec.RowWriter
	var row []byte
	for i := range t.Rows {
		if row, err = t.appendRow(row[:0], &w, l.Group().Schema, g, i); err == nil {
			err = l.Add(ctx, row)
		}
		if err != nil {
			_ = l.Abort() // the first error is the one to tell
			return err
		}
	}
	_, err = l.Commit(ctx)
	return err
}

// appendRow appends row i of group g.
func (t *Table) appendRow(dst []byte, w *codec.RowWriter, s *codec.Schema, g int, i uint32) ([]byte, error) {
	w.Reset(s)
	if err := w.Int(int64(i)); err != nil {
		return dst, err
	}
	for f := g * t.perGroup(); f < (g+1)*t.perGroup(); f++ {
		if err := t.value(i, f).write(w); err != nil {
			return dst, err
		}
	}
	return w.Row(dst, rowTime)
}

// rowTime is the time of every row, in Unix microseconds.
const rowTime = 1_700_000_000_000_000

// AppendVector appends the JSON array that a correct server answers for key i. Keys
// from Rows on have no row: their features are null.
func (t *Table) AppendVector(dst []byte, i uint32) []byte {
	dst = append(dst, '[')
	for f := range t.Features {
		if f > 0 {
			dst = append(dst, ',')
		}
		if i >= t.Rows {
			dst = append(dst, "null"...)
		} else {
			dst = t.value(i, f).appendJSON(dst)
		}
	}
	return append(dst, ']')
}

// value returns the value of feature f in row i.
func (t *Table) value(i uint32, f int) value {
	return value{kindOf(f), mix(t.Seed ^ uint64(i)<<20 ^ uint64(f))}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom
// number generators, 2014): a bijection whose output looks random.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
