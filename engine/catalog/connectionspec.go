package catalog

import (
	slash "path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// hidden is what listings show of a DSN. A definition with it keeps the one there is.
const hidden = "(hidden)"

// connectionSpec is a Connection as written. It has no header: connections have no store
// and no version.
type connectionSpec struct {
	Kind        string             `json:"kind"`
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Driver      string             `json:"driver"`
	DSN         string             `json:"dsn"`
	Pool        connectionPoolSpec `json:"pool"`
	Timeout     duration           `json:"timeout"`
	MaxRows     int                `json:"maxRows"`
	MaxBytes    int                `json:"maxBytes"`
	ReadOnly    bool               `json:"readOnly"`
	Files       []attachedSpec     `json:"files,omitempty"` // the SQLite file, once it was read
}

type connectionPoolSpec struct {
	Max      int      `json:"max"`
	Idle     duration `json:"idle"`
	Lifetime duration `json:"lifetime"`
	Queue    int      `json:"queue"`
	Wait     duration `json:"wait"`
}

// newConnectionSpec returns what is not written: the documented pool of the API (Dataiku
// contract, section 10), and limits of ours.
func newConnectionSpec() *connectionSpec {
	return &connectionSpec{
		Kind:    KindConnection,
		Pool:    connectionPoolSpec{Max: 10, Idle: duration(time.Minute), Lifetime: duration(30 * time.Minute), Queue: 100, Wait: duration(5 * time.Second)},
		Timeout: duration(30 * time.Second), MaxRows: 10_000, MaxBytes: 16 << 20,
	}
}

// NewConnection returns a connection with these and otherwise the default settings, which
// is part of no catalog.
func NewConnection(name, driver, dsn string) *Connection {
	s := newConnectionSpec()
	s.Name, s.Driver, s.DSN = name, driver, dsn
	return s.check(&checker{out: &collector{}})
}

func (c *connectionSpec) head() *header  { return &header{Kind: c.Kind, Name: c.Name, Version: 1} }
func (c *connectionSpec) key() objectKey { return connectionKey(c.Name) }
func (c *connectionSpec) hasCode() bool  { return c.file() != "" }

func (c *connectionSpec) fields(r *reader) []field {
	return []field{
		{key: "kind", need: true, read: r.text(&c.Kind)},
		{key: "name", need: true, read: r.text(&c.Name)},
		{key: "description", read: r.text(&c.Description)},
		{key: "driver", need: true, read: word(r, &c.Driver, "driver", DriverSQLite, DriverPostgres, DriverMySQL)},
		{key: "dsn", need: true, read: r.secret(&c.DSN)},
		{key: "pool", read: func(n ast.Node) {
			r.mapping(n, "a pool",
				field{key: "max", read: r.number(&c.Pool.Max, 1, 1000)},
				field{key: "idle", read: r.length(&c.Pool.Idle)},
				field{key: "lifetime", read: r.length(&c.Pool.Lifetime)},
				field{key: "queue", read: r.number(&c.Pool.Queue, 0, 100_000)},
				field{key: "wait", read: r.length(&c.Pool.Wait)})
		}},
		{key: "timeout", read: r.length(&c.Timeout)},
		{key: "maxRows", read: r.number(&c.MaxRows, 1, maxVersion)},
		{key: "maxBytes", read: r.number(&c.MaxBytes, 1, 1<<30)},
		{key: "readOnly", read: r.boolean(&c.ReadOnly)},
	}
}

// secret reads a text that no message may show.
func (r *reader) secret(dst *string) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := textOf(n)
		if !ok || s == "" || len(s) > maxText {
			r.at(n, "expected text of at most %d bytes; if it is a number, put it in quotes", maxText)
			return
		}
		*dst = s
	}
}

// file returns the SQLite file that the definition names beside itself, "" when it names
// none.
func (c *connectionSpec) file() string {
	if c.Driver != DriverSQLite || c.DSN == hidden || slash.IsAbs(slashes(c.DSN)) || strings.HasPrefix(c.DSN, ":") || strings.ContainsAny(c.DSN, "$?") {
		return ""
	}
	return c.DSN
}

// take keeps the SQLite file that stands beside the definition, if there is one: else
// the server has it.
func (c *connectionSpec) take(k *checker, files []File) {
	name := c.file()
	if name == "" {
		return
	}
	where := slash.Join(slash.Dir(slashes(k.draft.in.file.Name)), slashes(name))
	f := slices.IndexFunc(files, func(f File) bool { return f.Attached && slash.Clean(slashes(f.Name)) == where })
	switch {
	case f < 0:
	case len(files[f].Text) > maxAttachment:
		k.at(path{"dsn"}, "the file is larger than %d MiB; put it into the server's folder sqlite, or name it with its whole path", maxAttachment>>20)
	default:
		c.Files = []attachedSpec{{Name: slash.Base(slashes(name)), Packed: pack(files[f].Text)}}
	}
}

// variable is an environment variable in a DSN.
var variable = regexp.MustCompile(`\$\{([^}]*)\}?`)

// Expand puts environment variables into a DSN; get is os.LookupEnv. It returns the name
// of one that is not set.
func Expand(dsn string, get func(string) (string, bool)) (text, missing string) {
	text = variable.ReplaceAllStringFunc(dsn, func(m string) string {
		name := variable.FindStringSubmatch(m)[1]
		v, ok := get(name)
		if !ok && missing == "" {
			missing = name
		}
		return v
	})
	return text, missing
}

// check judges a connection, but for what the driver says about its DSN.
func (c *connectionSpec) check(k *checker) *Connection {
	for _, m := range variable.FindAllStringSubmatch(c.DSN, -1) {
		if !strings.HasSuffix(m[0], "}") || checkName(m[1]) != "" || strings.ContainsAny(m[1], ".-") {
			k.at(path{"dsn"}, "an environment variable is written ${NAME}")
			break
		}
	}
	out := &Connection{
		Name: c.Name, Description: c.Description, Driver: c.Driver, DSN: c.DSN,
		Pool: PoolLimits{
			Max: c.Pool.Max, Idle: time.Duration(c.Pool.Idle), Lifetime: time.Duration(c.Pool.Lifetime),
			Queue: c.Pool.Queue, Wait: time.Duration(c.Pool.Wait),
		},
		Timeout: time.Duration(c.Timeout), MaxRows: c.MaxRows, MaxBytes: c.MaxBytes, ReadOnly: c.ReadOnly, spec: c,
	}
	if len(c.Files) > 0 {
		out.File = &Attachment{c.Files[0].Name, c.Files[0].Packed}
	}
	return out
}

// connections builds the connections among the drafts.
func (b *builder) connections(drafts []*draft) {
	for _, d := range drafts {
		spec, ok := d.spec.(*connectionSpec)
		if !ok {
			continue
		}
		k := &checker{draft: d, out: b.out}
		old, _ := b.base.objects[d.key].(*Connection)
		if spec.DSN == hidden {
			if old == nil {
				k.at(path{"dsn"}, "there is no connection %s whose dsn could be kept; write it out", quote(spec.Name))
				b.failed[d.key] = true
				continue
			}
			c := *spec
			c.DSN, c.Files = old.spec.DSN, old.spec.Files
			spec = &c
		}
		body := marshal(spec)
		if old != nil && string(body) == string(old.body) {
			b.objects[d.key] = old
			continue
		}
		c := spec.check(k)
		if k.faults > 0 {
			b.failed[d.key] = true
			continue
		}
		shown := *spec
		shown.DSN, shown.Files = hidden, nil
		c.body, c.public, c.text = body, marshal(&shown), d.text
		b.objects[d.key] = c
	}
}

// asked returns the connection that an endpoint asks, after reporting that there is none.
// It is not ok when the connection has faults of its own.
func (b *builder) asked(k *checker, at path, name string) (c *Connection, ok bool) {
	key := connectionKey(name)
	if b.failed[key] {
		return nil, false
	}
	c, _ = b.objects[key].(*Connection)
	if c == nil && !b.partial {
		var names []string
		for key := range b.objects {
			if key.kind == KindConnection {
				names = append(names, key.name)
			}
		}
		slices.Sort(names)
		k.at(at, "connection %s does not exist%s", quote(name), k.suggest(name, names))
	}
	return c, true
}

// asks reports whether an endpoint asks a database.
func (g *generationSpec) asks(connection string) bool {
	return slices.ContainsFunc(g.Endpoints, func(e apiEndpointSpec) bool { return e.Type == EndpointSQL && e.Connection == connection })
}
