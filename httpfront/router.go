package httpfront

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"quiver/httpfront/wire"
)

// router finds the route of a path in a tree with one level per segment. It is
// immutable once built and finding allocates nothing.
type router struct {
	root     node
	dialects []*dialect // the front's own last
}

// dialect is a mounted wire.Dialect.
type dialect struct {
	wire.Dialect
	unmatched *routeStats // requests for no route of it
}

// node is one place in the tree of segments.
type node struct {
	literals []edge
	param    *node // below a segment of any text
	leaf     *leaf // of patterns that end here
	rest     *leaf // of patterns whose {name...} begins here
}

type edge struct {
	text string
	node *node
}

// leaf holds the routes of one path pattern, one per method.
type leaf struct {
	targets []*target
	allow   string // the Allow header: "GET, HEAD, POST"
}

// target is a route ready to be served.
type target struct {
	wire.Route
	dialect *dialect
	names   []string // of the pattern's parameters, in order
	stats   *routeStats
}

// captures are the segments that a pattern's parameters matched, in order.
type captures [wire.MaxParams][]byte

// newRouter compiles the routes of all dialects. Routes that nothing could choose
// between are an error.
func newRouter(dialects []wire.Dialect, counters *counters) (*router, error) {
	r := &router{}
	for _, d := range dialects {
		if err := checkDialect(&d); err != nil {
			return nil, err
		}
		m := &dialect{Dialect: d, unmatched: counters.of(d.Name, "unmatched", "any")}
		r.dialects = append(r.dialects, m)
		for _, route := range d.Routes {
			t := &target{Route: route, dialect: m, stats: counters.of(d.Name, route.Label, route.Method)}
			if err := r.add(t); err != nil {
				return nil, fmt.Errorf("dialect %s: route %s %s: %w", d.Name, route.Method, route.Pattern, err)
			}
		}
	}
	return r, nil
}

func checkDialect(d *wire.Dialect) error {
	switch {
	case d.Name == "":
		return fmt.Errorf("a dialect has no name")
	case d.Error == nil:
		return fmt.Errorf("dialect %s cannot write errors", d.Name)
	case d.Prefix != "" && (d.Prefix[0] != '/' || strings.HasSuffix(d.Prefix, "/")):
		return fmt.Errorf("dialect %s: prefix %q does not begin, or ends, with a slash", d.Name, d.Prefix)
	}
	for _, r := range d.Routes {
		switch {
		case r.Handle == nil || r.Label == "" || r.Method == "" || r.Method != strings.ToUpper(r.Method):
			return fmt.Errorf("dialect %s: route %s %s lacks a handler, a label or an upper-case method", d.Name, r.Method, r.Pattern)
		case r.Auth > wire.Own:
			return fmt.Errorf("dialect %s: route %s %s asks for an unknown kind of key", d.Name, r.Method, r.Pattern)
		case r.Auth != wire.Public && d.Token == nil:
			return fmt.Errorf("dialect %s: route %s %s needs a key, but the dialect cannot find one", d.Name, r.Method, r.Pattern)
		}
	}
	return nil
}

// add puts a route into the tree.
func (r *router) add(t *target) error {
	if !strings.HasPrefix(t.Pattern, "/") {
		return fmt.Errorf("the pattern does not begin with a slash")
	}
	n := &r.root
	if t.Pattern == "/" {
		return add(&n.leaf, t)
	}
	segments := strings.Split(t.Pattern[1:], "/")
	for i, seg := range segments {
		name, isParam := strings.CutPrefix(seg, "{")
		if !isParam {
			if seg == "" || strings.ContainsAny(seg, "{}") {
				return fmt.Errorf("the segment %q is empty or has a stray brace", seg)
			}
			n = n.literal(seg)
			continue
		}
		name, closed := strings.CutSuffix(name, "}")
		name, isRest := strings.CutSuffix(name, "...")
		switch {
		case !closed || name == "" || strings.ContainsAny(name, "{}."):
			return fmt.Errorf("the segment %q is not {name} or {name...}", seg)
		case isRest && i != len(segments)-1:
			return fmt.Errorf("%s is not the last segment", seg)
		case slices.Contains(t.names, name):
			return fmt.Errorf("two parameters are named %s", name)
		case len(t.names) == wire.MaxParams:
			return fmt.Errorf("it has more than %d parameters", wire.MaxParams)
		}
		t.names = append(t.names, name)
		if isRest {
			return add(&n.rest, t)
		}
		if n.param == nil {
			n.param = &node{}
		}
		n = n.param
	}
	return add(&n.leaf, t)
}

func (n *node) literal(text string) *node {
	for _, e := range n.literals {
		if e.text == text {
			return e.node
		}
	}
	n.literals = append(n.literals, edge{text, &node{}})
	return n.literals[len(n.literals)-1].node
}

func add(l **leaf, t *target) error {
	if *l == nil {
		*l = &leaf{}
	}
	for _, have := range (*l).targets {
		if have.Method == t.Method {
			return fmt.Errorf("it is the same as %s of dialect %s", have.Pattern, have.dialect.Name)
		}
	}
	(*l).targets = append((*l).targets, t)
	(*l).allow = allow((*l).targets)
	return nil
}

func allow(targets []*target) string {
	var methods []string
	for _, t := range targets {
		methods = append(methods, t.Method)
	}
	if slices.Contains(methods, "GET") && !slices.Contains(methods, "HEAD") {
		methods = append(methods, "HEAD")
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// find returns the route for a method and a clean path and fills caps with the
// segments of its parameters. A literal segment wins over a parameter and a parameter
// over the rest, but a route that has the method wins over one that has not. When only
// the method is wrong, other is a leaf of the path.
func (r *router) find(method, path []byte, caps *captures) (t *target, other *leaf) {
	if len(path) == 1 {
		path = path[1:] // "/" has no segments
	}
	t = r.root.find(method, path, caps, 0, &other)
	return t, other
}

// find looks for path, which is empty or begins with a slash, below n; n parameters are
// filled already.
func (n *node) find(method, path []byte, caps *captures, k int, other **leaf) *target {
	if len(path) == 0 {
		return n.leaf.choose(method, other)
	}
	seg, tail := path[1:], []byte(nil)
	if i := bytes.IndexByte(seg, '/'); i >= 0 {
		seg, tail = seg[:i], seg[i:]
	}
	for i := range n.literals {
		if n.literals[i].text == string(seg) {
			if t := n.literals[i].node.find(method, tail, caps, k, other); t != nil {
				return t
			}
			break
		}
	}
	if n.param != nil {
		caps[k] = seg
		if t := n.param.find(method, tail, caps, k+1, other); t != nil {
			return t
		}
	}
	if n.rest != nil {
		caps[k] = path[1:]
		return n.rest.choose(method, other)
	}
	return nil
}

// choose returns the target for the method; GET serves HEAD too, and the HTTP library
// leaves the body out.
func (l *leaf) choose(method []byte, other **leaf) *target {
	if l == nil {
		return nil
	}
	for _, t := range l.targets {
		if t.Method == string(method) {
			return t
		}
	}
	if string(method) == "HEAD" {
		for _, t := range l.targets {
			if t.Method == "GET" {
				return t
			}
		}
	}
	if *other == nil {
		*other = l
	}
	return nil
}

// dialectOf returns the dialect in whose shape errors about path are written: the one
// with the longest fitting prefix, else the first.
func (r *router) dialectOf(path []byte) *dialect {
	best := r.dialects[0]
	length := 0
	for _, d := range r.dialects {
		n := len(d.Prefix)
		if n > length && len(path) >= n && string(path[:n]) == d.Prefix && (len(path) == n || path[n] == '/') {
			best, length = d, n
		}
	}
	return best
}
