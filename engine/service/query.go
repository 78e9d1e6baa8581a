package service

import (
	"context"
	"slices"
	"strings"
	"sync"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/sqlquery"
)

// query is an SQL endpoint, ready to be asked.
type query struct {
	plan     *sqlquery.Plan
	database *database
}

// database is an open connection, which endpoints share.
type database struct {
	*sqlquery.Database
	all   *databases
	def   *catalog.Connection
	users int // guarded by all.mu
}

// databases are the open connections.
type databases struct {
	mu  sync.Mutex
	all map[*catalog.Connection]*database
}

// open returns a connection for one more endpoint.
func (d *databases) open(def *catalog.Connection, dir string) (*database, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.all[def]
	if x == nil {
		db, err := sqlquery.Open(def, dir)
		if err != nil {
			return nil, err
		}
		if d.all == nil {
			d.all = map[*catalog.Connection]*database{}
		}
		x = &database{Database: db, all: d, def: def}
		d.all[def] = x
	}
	x.users++
	return x, nil
}

// release gives a connection up; the last one closes it.
func (x *database) release() {
	x.all.mu.Lock()
	x.users--
	last := x.users == 0
	if last {
		delete(x.all.all, x.def)
	}
	x.all.mu.Unlock()
	if last {
		x.Close()
	}
}

func (s *Services) newQuery(def *catalog.SQLEndpoint) (*query, error) {
	if def.Connection == nil {
		return nil, nil // the generation is broken and says so
	}
	x, err := s.databases.open(def.Connection, s.SQLiteDir)
	if err != nil {
		return nil, err
	}
	return &query{x.Plan(def), x}, nil
}

// QueryAnswer is what the queries of an SQL endpoint gave.
type QueryAnswer struct {
	Generation string
	sqlquery.Answer
}

// Query runs an SQL endpoint. Of a field given twice the last counts, and fields that no
// parameter is named like are left alone. who and denied are as in May.
func (s *Services) Query(ctx context.Context, who auth.Principal, denied error, service, name string, fields []Field) (QueryAnswer, error) {
	r, g, e, err := s.hold(who, denied, service, name, "query", Dispatch{})
	if err != nil {
		return QueryAnswer{}, err
	}
	defer g.release()
	start := s.engine.Now()
	a, err := ask(ctx, e.query.plan, fields)
	r.calls.add(service, name, 1, s.engine.Now()-start, err != nil)
	return QueryAnswer{g.def.Name, a}, err
}

func ask(ctx context.Context, p *sqlquery.Plan, fields []Field) (sqlquery.Answer, error) {
	names := p.Parameters()
	if err := missing(names, fields); err != nil {
		return sqlquery.Answer{}, err
	}
	return p.Query(ctx, func(name string) ([]byte, bool) { return last(fields, name) })
}

// missing names the parameters that have no value, and what was given instead.
func missing(names []string, fields []Field) error {
	var lacking, other []string
	for _, name := range names {
		if _, ok := last(fields, name); !ok {
			lacking = append(lacking, name)
		}
	}
	if lacking == nil {
		return nil
	}
	for _, f := range fields {
		if !slices.Contains(names, string(f.Name)) {
			other = append(other, string(f.Name))
		}
	}
	hint := ""
	if other != nil {
		hint = "; none is called " + strings.Join(other, ", ")
	}
	return fail.Errorf(fail.Malformed, "Parameters are missing: %s. The queries have %s%s.", strings.Join(lacking, ", "), strings.Join(names, ", "), hint)
}

func last(fields []Field, name string) (token []byte, ok bool) {
	for i := len(fields) - 1; i >= 0; i-- {
		if string(fields[i].Name) == name {
			return fields[i].Token, true
		}
	}
	return nil, false
}
