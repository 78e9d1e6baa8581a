package sqlquery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/sqltext"
)

// Database is one connection, as defined, with its pool. Its methods may be called from
// many goroutines.
type Database struct {
	def  *catalog.Connection
	pool pool
}

// Open checks a connection's DSN and makes its pool; the database is asked only when a
// call comes. dir is the folder of SQLite files. Errors never show the DSN.
func Open(def *catalog.Connection, dir string) (*Database, error) {
	dsn, missing := catalog.Expand(def.DSN, os.LookupEnv)
	if missing != "" {
		return nil, fmt.Errorf("environment variable %s, which the dsn of connection %s names, is not set", missing, def.Name)
	}
	d := &Database{def: def, pool: pool{limits: def.Pool, name: def.Name}}
	var err error
	switch def.Driver {
	case catalog.DriverSQLite:
		d.pool.dial, err = openSQLite(def, dsn, dir)
	case catalog.DriverPostgres:
		d.pool.dial, err = openPostgres(def, dsn)
	default:
		d.pool.dial, err = openMySQL(def, dsn)
	}
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", def.Name, err)
	}
	return d, nil
}

// Close closes the connections that nobody uses, and the others as calls end.
func (d *Database) Close() { d.pool.close() }

// Plan is what an endpoint asks a database. It is immutable.
type Plan struct {
	database *Database
	queries  []query
	commit   bool
	writes   bool // not all statements are plain selects
	single   bool // there is one statement in all
	keeps    bool // the connection is as it was when the call is over
}

type query struct {
	statements []statement
	receiver   int
	parameters []catalog.SQLParameter
}

// statement is one statement as its driver wants it.
type statement struct {
	text  string
	rows  bool              // its rows are the answer
	types []catalog.SQLType // of its parameters

	changes bool // there is a number of rows that it changed
}

// Plan prepares an endpoint of this connection.
func (d *Database) Plan(e *catalog.SQLEndpoint) *Plan {
	p := &Plan{database: d, commit: e.PostCommit, keeps: true}
	total := 0
	for _, q := range e.Queries {
		out := query{receiver: q.Receiver, parameters: q.Parameters}
		for i := range q.Statements {
			s := &q.Statements[i]
			text := s.Text
			if d.def.Driver == catalog.DriverPostgres {
				text = s.Numbered()
			}
			st := statement{text: text, rows: i == q.Receiver, changes: s.Changes()}
			if st.rows {
				for _, x := range q.Parameters {
					st.types = append(st.types, x.Type)
				}
			}
			out.statements = append(out.statements, st)
			p.writes = p.writes || !s.Select
			p.keeps = p.keeps && s.Keeps()
			total++
		}
		p.queries = append(p.queries, out)
	}
	p.single = total == 1
	return p
}

// Parameters lists the names that a request gives values to, each once, in order.
func (p *Plan) Parameters() []string {
	var all []string
	seen := map[string]bool{}
	for i := range p.queries {
		for _, x := range p.queries[i].parameters {
			if !seen[x.Name] {
				seen[x.Name] = true
				all = append(all, x.Name)
			}
		}
	}
	return all
}

// Answer is what a call gave: a result for each query.
type Answer struct {
	Results []Result
	Wait    time.Duration // for a connection
}

// Query runs the plan with the values that get finds. It ends with ctx, and at the
// connection's timeout.
func (p *Plan) Query(ctx context.Context, get Value) (Answer, error) {
	d := p.database
	args := make([][]value, len(p.queries))
	for i := range p.queries {
		var err error
		if args[i], err = values(p.queries[i].parameters, get); err != nil {
			return Answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.def.Timeout)
	defer cancel()
	var a Answer
	for start := time.Now(); ; {
		c, err := d.pool.get(ctx)
		a.Wait = time.Since(start)
		if err != nil {
			return Answer{}, err
		}
		a.Results = make([]Result, len(p.queries))
		good, err := d.call(ctx, c, p, args, a.Results)
		d.pool.put(c, good)
		switch {
		case err == nil:
			return a, nil
		case errors.Is(err, errStale) && c.reused:
			d.pool.flush()
		default:
			return Answer{}, d.public(ctx, err)
		}
	}
}

// call runs the plan on one session. It says whether the session can be used again.
func (d *Database) call(ctx context.Context, c *pooled, p *Plan, args [][]value, out []Result) (good bool, err error) {
	if err := c.begin(ctx, p); err != nil {
		return false, err
	}
	committed := false
	left := sink{rows: d.def.MaxRows, bytes: d.def.MaxBytes, limits: limits{d.def.MaxRows, d.def.MaxBytes}, name: d.def.Name}
	for i := range p.queries {
		q := &p.queries[i]
		left.Result = &out[i]
		for n := range q.statements {
			var bound []value
			if n == q.receiver {
				bound = args[i]
			}
			changed, err := c.run(ctx, &q.statements[n], bound, &left)
			if err != nil {
				if committed && errors.Is(err, errStale) {
					err = fmt.Errorf("the connection was lost when a part was committed: %v", err)
				}
				return d.abandon(ctx, c, p), err
			}
			out[i].Updated += changed
		}
		last := i == len(p.queries)-1
		if p.commit || last {
			if err := c.end(ctx, p, p.commit, !last); err != nil {
				return false, err
			}
			committed = p.commit
		}
	}
	return p.keeps, nil
}

// abandon takes back what a failed call did, though its time may be over.
func (d *Database) abandon(ctx context.Context, c *pooled, p *Plan) (good bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return c.end(ctx, p, false, false) == nil && p.keeps
}

// public makes an error fit to be shown: what is not meant for the caller tells only that
// the database failed.
func (d *Database) public(ctx context.Context, err error) error {
	var e *fail.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fail.Wrap(fail.Timeout, err, "The queries took longer than they may; connection %q allows %s.", d.def.Name, d.def.Timeout)
	case ctx.Err() != nil:
		return fail.Wrap(fail.Timeout, err, "The call was given up.")
	case errors.As(err, &e):
		return e
	case errors.Is(err, errStale) || errors.Is(err, errLost):
		return fail.Wrap(fail.Overloaded, err, "The connection to the database of %q was lost.", d.def.Name)
	}
	return fail.Wrap(fail.ReadFailed, err, "The database of connection %q failed.", d.def.Name)
}

// Script plans a text of statements that is committed: for preparing a database. The
// parameters are those of the last statement.
func (d *Database) Script(text string, parameters ...string) (*Plan, error) {
	all, err := sqltext.Split(text, catalog.Dialects[d.def.Driver])
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("there is no statement")
	}
	q := catalog.SQLQuery{Statements: all, Receiver: len(all) - 1}
	for _, name := range parameters {
		q.Parameters = append(q.Parameters, catalog.SQLParameter{Name: name})
	}
	return d.Plan(&catalog.SQLEndpoint{PostCommit: true, Queries: []catalog.SQLQuery{q}}), nil
}
