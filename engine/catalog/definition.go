package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The kinds of definitions. Adding one takes a file with its spec (how it reads, how
// it is checked and what it becomes) and a line in kindOf and in builder.build.
const (
	KindBranch     = "Branch"
	KindGroup      = "FeatureGroup"
	KindView       = "FeatureView"
	KindWebhook    = "Webhook"
	KindFeatureset = "Featureset"
	KindGeneration = "Generation"
	KindService    = "Service"
	KindConnection = "Connection"
)

// kindNames lists the kinds in the order in which they are built and listed: each
// refers only to earlier ones.
var kindNames = []string{KindBranch, KindGroup, KindView, KindWebhook, KindFeatureset, KindConnection, KindGeneration, KindService}

// header is what every definition begins with.
type header struct {
	Kind    string `json:"kind"`
	Store   string `json:"store"`
	Name    string `json:"name"`
	Version int    `json:"version"`
}

func (h *header) key() objectKey {
	return objectKey{kind: h.Kind, store: foldStore(h.Store), name: h.Name, version: h.Version}
}

// hasCode is what most kinds answer.
func (h *header) hasCode() bool { return false }

// fields are the header's keys in YAML.
func (h *header) fields(r *reader) []field {
	return []field{
		{key: "kind", need: true, read: r.text(&h.Kind)},
		{key: "store", need: true, read: r.text(&h.Store)},
		{key: "name", need: true, read: r.text(&h.Name)},
		{key: "version", read: r.number(&h.Version, 1, maxVersion)},
	}
}

// spec is a definition as written: *groupSpec, *viewSpec and so on. Its JSON form has the keys
// of the YAML in the documented order.
type spec interface {
	head() *header
	key() objectKey
	fields(r *reader) []field
	hasCode() bool // what it becomes depends on files of code beside it
}

// taker is a spec that keeps files which stand beside the definition.
type taker interface {
	take(k *checker, files []File)
}

// kindOf returns an empty spec of a kind, nil when there is no such kind.
func kindOf(name string) spec {
	h := header{Kind: name, Version: 1}
	switch name {
	case KindGroup:
		return &groupSpec{header: h}
	case KindView:
		return &viewSpec{header: h}
	case KindWebhook:
		return &webhookSpec{header: h, Retention: keepEvents}
	case KindFeatureset:
		return &featuresetSpec{header: h}
	case KindBranch:
		return &branchSpec{header: h}
	case KindGeneration:
		return &generationSpec{Kind: name}
	case KindService:
		return newServiceSpec()
	case KindConnection:
		return newConnectionSpec()
	}
	return nil
}

// draft is one definition on its way into a snapshot.
type draft struct {
	key  objectKey
	spec spec
	in   *chunk // where it was read; nil when it comes from a revision
	text digest // of in
	bad  bool   // problems were found while reading; it is not checked further

	streams map[string]uint32 // of a webhook that comes from a revision: its tables then
	made    *made             // of a generation that does: when it was defined
}

// read makes drafts of all documents of the files. A document whose text is that of
// an object of the base is not parsed again.
func read(files []File, base *Snapshot, out *collector) []*draft {
	var drafts []*draft
	known := make(map[digest]object, len(base.objects))
	for _, o := range base.objects {
		known[o.digest()] = o
	}
	for i := range files {
		if files[i].code() {
			continue // taken by the definitions that name it
		}
		for _, c := range cut(&files[i], i, out) {
			text := c.digest()
			if o := known[text]; o != nil && !o.source().hasCode() {
				drafts = append(drafts, &draft{key: o.key(), spec: o.source(), in: c, text: text})
				continue
			}
			if d := readChunk(c, out); d != nil {
				if s, ok := d.spec.(taker); ok && !d.bad {
					k := &checker{draft: d, out: out}
					s.take(k, files)
					d.bad = k.faults > 0
				}
				d.text = text
				drafts = append(drafts, d)
			}
			c.tree = tree{}
		}
	}
	return drafts
}

// readChunk reads one document; nil when not even its kind is known.
func readChunk(c *chunk, out *collector) *draft {
	c.parse(out)
	if c.root == nil {
		return nil
	}
	r := &reader{in: c, out: out}
	if _, ok := pairsOf(c.root); !ok {
		r.at(c.root, "expected a definition, a mapping that begins with `kind: %s`; found %s", KindGroup, describe(c.root))
		return nil
	}
	kind := step(c.root, "kind")
	name, ok := "", false
	if kind != nil {
		name, ok = textOf(kind)
	}
	switch {
	case kind == nil:
		r.at(c.root, "a definition needs a `kind`: %s", strings.Join(kindNames, ", "))
		return nil
	case !ok:
		r.at(kind, "expected a kind, found %s", describe(kind))
		return nil
	}
	s := kindOf(name)
	if s == nil {
		r.at(kind, "unknown kind %s%s", quote(name), suggest(name, kindNames))
		return nil
	}
	before := out.count()
	r.mapping(c.root, "a "+name, s.fields(r)...)
	d := &draft{key: s.key(), spec: s, in: c, bad: out.count() > before}
	checkOwn := checkName
	if name == KindBranch {
		checkOwn = checkBranch
	}
	for _, f := range []struct {
		key, value string
		check      func(string) string
	}{{"store", s.head().Store, checkStore}, {"name", s.key().ownName(), checkOwn}} {
		if why := f.check(f.value); f.value != "" && why != "" {
			r.at(step(c.root, f.key), "%s %s %s", f.key, quote(f.value), why)
			d.bad = true
		}
	}
	return d
}

// locate returns the node at a path of the document (keys and indexes), or the
// deepest one above it that exists.
func (d *draft) locate(path []any) ast.Node {
	var unused collector // what is wrong with its syntax was reported before
	d.in.parse(&unused)
	n := d.in.root
	for _, e := range path {
		next := step(n, e)
		if next == nil {
			break
		}
		n = next
	}
	return n
}

// checker judges one draft. In a lenient check, for views whose group was removed
// by force, the first fault is kept instead of being reported.
type checker struct {
	draft   *draft
	out     *collector
	lenient bool
	fault   string
	faults  int
}

// path is where in a definition something stands: keys and list indexes.
type path []any

// suggest helps with a wrong word. What is shown of a broken view stays short, and a
// long list of faults is not worth the work.
func (k *checker) suggest(word string, known []string) string {
	if k.lenient || k.out.count() >= maxProblems {
		return ""
	}
	return suggest(word, known)
}

// at reports a fault of the value at a path.
func (k *checker) at(p path, format string, args ...any) { k.offset(p, -1, format, args...) }

// offset reports a fault at a byte offset of the text at a path; -1 is its beginning.
func (k *checker) offset(p path, offset int, format string, args ...any) {
	k.faults++
	text := fmt.Sprintf(format, args...)
	switch {
	case k.lenient:
		if k.fault == "" {
			k.fault = text
		}
	case k.out.full():
	case k.draft.in == nil:
		k.out.add(Problem{File: k.draft.key.String(), Text: text})
	default:
		k.draft.in.report(k.out, k.draft.in.place(k.draft.locate(p), offset), "%s", text)
	}
}

// String names an object as people do: FeatureView fsdb001/sample_1n2@1.
func (k objectKey) String() string {
	return k.kind + " " + address(k.kind, k.store, k.name, k.version)
}

// ownName is the name as written: that of a generation without its service.
func (k objectKey) ownName() string {
	if k.kind != KindGeneration {
		return k.name
	}
	_, name, _ := strings.Cut(k.name, "/")
	return name
}

// global reports whether objects of a kind have no store and no version.
func global(kind string) bool {
	return kind == KindService || kind == KindGeneration || kind == KindConnection
}

// address names an object of a kind.
func address(kind, store, name string, version int) string {
	if global(kind) {
		return name
	}
	return fmt.Sprintf("%s/%s@%d", store, name, version)
}

// Definition is one definition in normalised form.
type Definition struct {
	Kind    string
	Store   string
	Name    string
	Version int
	ID      int64           // of a group; 0 for other kinds
	Body    json.RawMessage // the whole definition with the documented keys, as one line of JSON
}

// MarshalJSON prints the body: the keys of Definition are part of it.
func (d Definition) MarshalJSON() ([]byte, error) { return d.Body, nil }

// Definitions lists the definitions of a kind, store and name ("": of all), all
// versions, sorted by kind, store, name and version. Kinds and stores are compared
// without regard to case. What it returns can be applied again and changes nothing; of a
// connection's secrets it shows nothing.
func (s *Snapshot) Definitions(kind, store, name string) []Definition {
	var all []Definition
	store = foldStore(store)
	for _, o := range s.sorted() {
		k := o.key()
		if kind != "" && !strings.EqualFold(kind, k.kind) || store != "" && store != k.store || name != "" && name != k.name {
			continue
		}
		d := Definition{Kind: k.kind, Store: o.source().head().Store, Name: k.name, Version: k.version, Body: o.definition()}
		switch o := o.(type) {
		case *Group:
			d.ID = o.ID
		case *Connection:
			d.Body = o.public
		}
		all = append(all, d)
	}
	return all
}

// sorted returns all objects, each after those it may refer to.
func (s *Snapshot) sorted() []object {
	all := make([]object, 0, len(s.objects))
	for _, b := range s.branches {
		all = append(all, b)
	}
	for _, g := range s.groups {
		all = append(all, g)
	}
	for _, v := range s.views {
		all = append(all, v)
	}
	for _, w := range s.webhooks {
		all = append(all, w)
	}
	for _, f := range s.featuresets {
		all = append(all, f)
	}
	for _, c := range s.connections {
		all = append(all, c)
	}
	for _, g := range s.generations {
		all = append(all, g)
	}
	for _, v := range s.services {
		all = append(all, v)
	}
	return all
}

// rank orders kinds.
func rank(kind string) int { return slices.Index(kindNames, kind) }
