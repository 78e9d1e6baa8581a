package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// revisionFormat is the version of the file format below. Revisions without attached
// files are in format 1; since 2 these are files of their own.
const revisionFormat = 2

// maxRevisions is how many revisions are kept.
const maxRevisions = 100

// revisionFile is what a revision file holds: every definition in normalised form and
// every number that was assigned. It is sealed; see DESIGN.md for an example.
type revisionFile struct {
	revisionHead
	NextID  int64    `json:"nextID"`
	Next    uint32   `json:"nextNumber"` // physical numbers below were given out
	Objects []record `json:"objects"`
}

// revisionHead stands first, so that a listing need not read what follows.
type revisionHead struct {
	Format   int       `json:"format"`
	Revision int       `json:"revision"`
	Time     time.Time `json:"time"`
	Summary  string    `json:"summary"`
	Files    []string  `json:"files,omitempty"` // the names of attached files
}

// record is one object of a revision file.
type record struct {
	Text       digest          `json:"text"`
	Definition json.RawMessage `json:"definition"`
	Numbers    *numbers        `json:"numbers,omitempty"` // of a group

	Streams map[string]uint32 `json:"streams,omitempty"` // of a webhook: tables by endpoint
	Made    *made             `json:"made,omitempty"`    // of a generation
}

// encode prints a snapshot as a revision file, one object a line, and returns the files
// that it names.
func encode(s *Snapshot, next uint32) (b []byte, kept map[string][]byte) {
	kept = map[string][]byte{}
	all := s.sorted()
	definitions := make([][]byte, len(all))
	for i, o := range all {
		definitions[i] = detach(o, kept)
	}
	format := 1
	if len(kept) > 0 {
		format = revisionFormat
	}
	head := marshal(struct {
		revisionHead
		NextID int64  `json:"nextID"`
		Next   uint32 `json:"nextNumber"`
	}{revisionHead{format, s.Revision, s.time, s.summary, sums(kept)}, s.nextID, next})
	b = append(head[:len(head)-1], `,"objects":[`...)
	for i, o := range all {
		if i > 0 {
			b = append(b, ',')
		}
		text, _ := o.digest().MarshalText()
		b = append(b, "\n"+`{"text":"`...)
		b = append(b, text...)
		b = append(b, `","definition":`...)
		b = append(b, definitions[i]...)
		switch o := o.(type) {
		case *Group:
			b = append(b, `,"numbers":`...)
			b = append(b, o.numbersJSON...)
		case *Webhook:
			b = append(b, `,"streams":`...)
			b = append(b, marshal(o.streams)...)
		case *Generation:
			b = append(b, `,"made":`...)
			b = append(b, marshal(made{o.Number, o.Created})...)
		}
		b = append(b, '}')
	}
	return append(b, "\n]}"...), kept
}

// readRevision reads a revision file, checking it whole.
func readRevision(path string) (*revisionFile, error) {
	b, err := readSealed(path)
	if err != nil {
		return nil, err
	}
	var f revisionFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if f.Format > revisionFormat {
		return nil, fmt.Errorf("it was written by a newer Quiver (format %d, this one reads up to %d)", f.Format, revisionFormat)
	}
	return &f, nil
}

// drafts returns the definitions of a revision in a folder, and the numbers of its groups.
func (f *revisionFile) drafts(dir string) ([]*draft, map[objectKey]*numbers, error) {
	drafts := make([]*draft, 0, len(f.Objects))
	all := make(map[objectKey]*numbers)
	for _, r := range f.Objects {
		var h header
		if err := json.Unmarshal(r.Definition, &h); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		s := kindOf(h.Kind)
		if s == nil {
			return nil, nil, fmt.Errorf("it holds a definition of kind %s, which this Quiver does not know", quote(h.Kind))
		}
		if err := json.Unmarshal(r.Definition, s); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err := attach(dir, s); err != nil {
			return nil, nil, err
		}
		d := &draft{key: s.key(), spec: s, text: r.Text, streams: r.Streams, made: r.Made}
		if h.Kind == KindGroup {
			if r.Numbers == nil {
				return nil, nil, fmt.Errorf("%w: %s has no numbers", ErrDamaged, d.key)
			}
			all[d.key] = r.Numbers
		}
		drafts = append(drafts, d)
	}
	return drafts, all, nil
}

func revisionPath(dir string, revision int) string {
	return filepath.Join(dir, fmt.Sprintf("%06d.json", revision))
}

// revisionsIn returns the numbers of the revision files of a folder, ascending.
func revisionsIn(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), ".json")
		n, err := strconv.Atoi(digits)
		if ok && err == nil && n > 0 && e.Name() == filepath.Base(revisionPath(dir, n)) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Revision is one entry of the history.
type Revision struct {
	Revision int       `json:"revision"`
	Time     time.Time `json:"time"`
	Summary  string    `json:"summary"`
	Current  bool      `json:"current,omitempty"`
	Damaged  string    `json:"damaged,omitempty"` // why it cannot be rolled back to
}

// History lists the revisions that can be rolled back to, the newest first. It reads
// only the beginning of each file; Damaged is set where even that cannot be read.
func (c *Catalog) History() ([]Revision, error) {
	current := c.Current()
	all, err := revisionsIn(c.dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list the history: %w", err)
	}
	list := make([]Revision, 0, len(all))
	for _, n := range slices.Backward(all) {
		if n > current.Revision {
			continue // being committed just now
		}
		r := Revision{Revision: n, Current: n == current.Revision}
		head, err := readHead(revisionPath(c.dir, n))
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue // removed meanwhile as too old
		case err != nil:
			r.Damaged = err.Error()
		default:
			r.Time, r.Summary = head.Time, head.Summary
		}
		list = append(list, r)
	}
	return list, nil
}

// readHead reads the members at the beginning of a revision file, without its checksum.
func readHead(path string) (*revisionHead, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var h revisionHead
	d := json.NewDecoder(f)
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var checksum string
	for _, dst := range []struct {
		name string
		v    any
	}{{"checksum", &checksum}, {"format", &h.Format}, {"revision", &h.Revision}, {"time", &h.Time}, {"summary", &h.Summary}} {
		name, err := d.Token()
		if err == nil && name != dst.name {
			err = fmt.Errorf("expected %s, found %v", dst.name, name)
		}
		if err == nil {
			err = d.Decode(dst.v)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if name, err := d.Token(); err == nil && name == "files" {
		if err := d.Decode(&h.Files); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return &h, nil
}
