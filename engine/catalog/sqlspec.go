package catalog

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"quiver/engine/sqltext"
)

// maxQueries is how many queries an endpoint may have, maxParameters how many parameters
// each of them.
const (
	maxQueries    = 64
	maxParameters = 1000
)

// SQLEndpoint is an endpoint that answers with what queries of a database give (Dataiku
// contract, section 10).
type SQLEndpoint struct {
	Connection *Connection // nil in a broken generation whose connection is gone
	Queries    []SQLQuery  // run in order, on one connection
	PostCommit bool        // commit behind each query; else nothing is ever committed
}

// SQLQuery is one query: one statement or several.
type SQLQuery struct {
	Statements []sqltext.Statement
	Receiver   int            // the statement that gets the parameters and gives the answer
	Parameters []SQLParameter // one for each ? of the receiver, in order
}

// SQLParameter names the value of a request that a ? stands for.
type SQLParameter struct {
	Name string
	Type SQLType
}

// SQLType says as what a value is handed to the database.
type SQLType string

// The types of parameters. Without one a JSON value keeps its type, and one from a URL
// is text.
const (
	SQLAny     SQLType = ""
	SQLInteger SQLType = "integer"
	SQLNumber  SQLType = "number"
	SQLText    SQLType = "text"
	SQLBoolean SQLType = "boolean"
)

// sqlSpec is what an endpoint of type sql has beside its name and type.
type sqlSpec struct {
	Connection string      `json:"connection,omitempty"`
	Queries    []querySpec `json:"queries,omitempty"`
	PostCommit bool        `json:"postCommit,omitempty"`
}

type querySpec struct {
	SQL        string          `json:"sql"`
	Parameters []parameterSpec `json:"parameters,omitempty"`
}

// parameterSpec is written as a name, or with a type as {name, type}.
type parameterSpec struct {
	Name string  `json:"name"`
	Type SQLType `json:"type,omitempty"`
}

// MarshalJSON prints the parameter as written.
func (p parameterSpec) MarshalJSON() ([]byte, error) {
	if p.Type == SQLAny {
		return marshal(p.Name), nil
	}
	type plain parameterSpec
	return marshal(plain(p)), nil
}

// UnmarshalJSON reads what MarshalJSON prints.
func (p *parameterSpec) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.Name)
	}
	type plain parameterSpec
	return json.Unmarshal(b, (*plain)(p))
}

// fields are the keys of an SQL endpoint.
func (s *sqlSpec) fields(r *reader) []field {
	return []field{
		{key: "connection", need: true, read: r.text(&s.Connection)},
		{key: "queries", need: true, read: r.list("queries", maxQueries, func(n ast.Node) {
			var q querySpec
			r.mapping(n, "a query",
				field{key: "sql", need: true, read: r.text(&q.SQL)},
				field{key: "parameters", read: r.list("parameters", maxParameters, func(n ast.Node) {
					var p parameterSpec
					if _, ok := pairsOf(n); ok {
						r.mapping(n, "a parameter",
							field{key: "name", need: true, read: r.text(&p.Name)},
							field{key: "type", read: word(r, &p.Type, "type", SQLInteger, SQLNumber, SQLText, SQLBoolean)})
					} else {
						r.text(&p.Name)(n)
					}
					q.Parameters = append(q.Parameters, p)
				})})
			s.Queries = append(s.Queries, q)
		})},
		{key: "postCommit", read: r.boolean(&s.PostCommit)},
	}
}

// Dialects are the languages of the drivers.
var Dialects = map[string]sqltext.Dialect{
	DriverSQLite: sqltext.SQLite, DriverPostgres: sqltext.Postgres, DriverMySQL: sqltext.MySQL,
}

// check judges the endpoint against its connection, nil when that does not exist.
func (s *sqlSpec) check(k *checker, at path, c *Connection) *SQLEndpoint {
	out := &SQLEndpoint{Connection: c, PostCommit: s.PostCommit}
	if len(s.Queries) == 0 {
		k.at(append(at, "queries"), "an SQL endpoint needs at least one query")
	}
	if c == nil {
		return out
	}
	if s.PostCommit && c.ReadOnly {
		k.at(append(at, "postCommit"), "there is nothing to commit: connection %s only reads", c.Name)
	}
	for i := range s.Queries {
		out.Queries = append(out.Queries, s.Queries[i].check(k, append(slices.Clone(at), "queries", i), c))
	}
	return out
}

func (q *querySpec) check(k *checker, at path, c *Connection) SQLQuery {
	sql := append(slices.Clone(at), "sql")
	all, err := sqltext.Split(q.SQL, Dialects[c.Driver])
	var e *sqltext.Error
	if errors.As(err, &e) {
		k.offset(sql, e.Offset, "%s", e.Text)
		return SQLQuery{}
	}
	if len(all) == 0 {
		k.at(sql, "the query holds no statement")
		return SQLQuery{}
	}
	out := SQLQuery{Statements: all, Receiver: sqltext.Receiver(all)}
	for i := range all {
		s := &all[i]
		switch {
		case s.EndsTransaction():
			k.offset(sql, s.Offset, "%s is not for queries: a call is one transaction, which postCommit commits", s.Word)
		case c.ReadOnly && s.Resets():
			k.offset(sql, s.Offset, "%s is not allowed: connection %s only reads", s.Word, c.Name)
		case i != out.Receiver && len(s.Marks) > 0:
			k.offset(sql, s.Offset+s.Marks[0], "only the last SELECT of a query takes parameters, or the last statement when there is none")
		}
	}
	if n := len(all[out.Receiver].Marks); n != len(q.Parameters) {
		k.at(append(slices.Clone(at), "parameters"), "the query has %d ? and %d parameters", n, len(q.Parameters))
	}
	for i, p := range q.Parameters {
		if p.Name == "" {
			k.at(append(slices.Clone(at), "parameters", i), "a parameter needs a name")
		}
		out.Parameters = append(out.Parameters, SQLParameter(p))
	}
	return out
}
