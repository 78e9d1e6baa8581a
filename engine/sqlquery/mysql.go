package sqlquery

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// mysql is a connection to a MySQL or MariaDB server, by its driver's own interface: the
// pool of database/sql could not keep prepared statements with a connection.
type mysql struct {
	conn   mysqlConn
	dial   driver.Connector
	id     string                 // of its thread in the server
	cache  map[string]driver.Stmt // by text
	began  bool                   // something ran since the last commit or rollback
	killed bool                   // the server may still be at work for it
	values []driver.NamedValue    // of one statement at a time
	cells  []driver.Value
}

// mysqlConn is what the driver's connections can do.
type mysqlConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.QueryerContext
	driver.ExecerContext
	driver.SessionResetter
}

// openMySQL returns what opens connections: the DSN is a URL mysql://, or in the form of
// the driver, user:password@tcp(host:port)/database.
func openMySQL(def *catalog.Connection, dsn string) (func(context.Context) (session, error), error) {
	c, err := parseMySQL(dsn)
	if err != nil {
		return nil, errors.New("the dsn is neither mysql://user:password@host:port/database nor user:password@tcp(host:port)/database")
	}
	// What is read as text stays text, and nothing is ever written into a statement.
	c.ParseTime, c.InterpolateParams, c.MultiStatements, c.AllowAllFiles = false, false, false, false
	c.Logger = &mysqldriver.NopLogger{}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["autocommit"] = "0"
	c.Params["sql_mode"] = "REPLACE(@@sql_mode,'NO_BACKSLASH_ESCAPES','')" // sqltext reads strings so
	dial, err := mysqldriver.NewConnector(c)
	if err != nil {
		return nil, errors.New("the dsn holds settings that do not go together")
	}
	return func(ctx context.Context) (session, error) {
		conn, err := dial.Connect(ctx)
		if err != nil {
			return nil, mysqlDialFault(err)
		}
		s := &mysql{conn: conn.(mysqlConn), dial: dial, cache: map[string]driver.Stmt{}}
		if err := s.prologue(ctx, def); err != nil {
			_ = s.conn.Close()
			return nil, mysqlDialFault(err)
		}
		return s, nil
	}, nil
}

func parseMySQL(dsn string) (*mysqldriver.Config, error) {
	rest, isURL := strings.CutPrefix(dsn, "mysql://")
	if !isURL {
		return mysqldriver.ParseDSN(dsn)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	_, query, _ := strings.Cut(rest, "?")
	c, err := mysqldriver.ParseDSN("/?" + query)
	if err != nil {
		return nil, err
	}
	c.User, c.Net, c.DBName = u.User.Username(), "tcp", strings.TrimPrefix(u.Path, "/")
	c.Passwd, _ = u.User.Password()
	if c.Addr = u.Host; u.Port() == "" {
		c.Addr += ":3306"
	}
	return c, nil
}

// prologue learns who the connection is, and sets what a call must not exceed: should
// this process be killed, the server ends what it asked.
func (s *mysql) prologue(ctx context.Context, def *catalog.Connection) error {
	var version string
	err := s.ask(ctx, "SELECT CONNECTION_ID(), VERSION()", func(cells []driver.Value) {
		s.id, version = text8(cells[0]), text8(cells[1])
	})
	if err != nil {
		return err
	}
	limit := def.Timeout + 5*time.Second
	set := fmt.Sprintf("SET SESSION max_execution_time = %d", limit.Milliseconds())
	if strings.Contains(version, "MariaDB") {
		set = fmt.Sprintf("SET SESSION max_statement_time = %f", limit.Seconds())
	}
	if err := s.exec(ctx, set); err != nil {
		return err
	}
	if def.ReadOnly {
		return s.exec(ctx, "SET SESSION TRANSACTION READ ONLY")
	}
	return nil
}

// text8 is a value of the text protocol.
func text8(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// begin has nothing to begin, since nothing is committed by itself; it looks whether the
// server closed the connection meanwhile.
func (s *mysql) begin(ctx context.Context, _ *Plan) error {
	if err := s.conn.ResetSession(ctx); err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return nil
}

func (s *mysql) end(ctx context.Context, _ *Plan, commit, _ bool) error {
	if !s.began {
		return nil
	}
	how := "ROLLBACK"
	if commit {
		how = "COMMIT"
	}
	s.began = false
	return s.fault(s.exec(ctx, how))
}

func (s *mysql) exec(ctx context.Context, text string) error {
	_, err := s.conn.ExecContext(ctx, text, nil)
	return err
}

// ask runs a query of ours that gives one row.
func (s *mysql) ask(ctx context.Context, text string, f func([]driver.Value)) error {
	rows, err := s.conn.QueryContext(ctx, text, nil)
	if err != nil {
		return err
	}
	cells := make([]driver.Value, len(rows.Columns()))
	if err = rows.Next(cells); err == nil {
		f(cells)
	}
	return errors.Join(err, rows.Close())
}

func (s *mysql) run(ctx context.Context, st *statement, args []value, out *sink) (changed int64, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			s.killed = true
		}
	}()
	stmt, err := s.prepare(ctx, st.text)
	if err != nil {
		return 0, err
	}
	if n := stmt.NumInput(); n != len(args) {
		return 0, fail.Errorf(fail.ReadFailed, "MySQL sees %d parameters in a statement that has %d.", n, len(args))
	}
	s.bind(args, st.types)
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, s.values)
	if errors.Is(err, driver.ErrBadConn) && !s.began {
		return 0, fmt.Errorf("%w: %w", errStale, err)
	}
	s.began = true
	if err != nil {
		return 0, s.fault(err)
	}
	names := rows.Columns()
	n := int64(0)
	if len(names) > 0 {
		if n, err = s.rows(rows, names, st, out); err != nil {
			s.killed = true // what is left of the rows is not read
			return 0, s.fault(err)
		}
	}
	if err := rows.Close(); err != nil {
		return 0, s.fault(err)
	}
	switch {
	case !st.changes:
		return 0, nil
	case len(names) > 0:
		return n, nil // INSERT ... RETURNING
	}
	err = s.ask(ctx, "SELECT ROW_COUNT()", func(cells []driver.Value) {
		// A count of rows, or -1.
		changed, _ = strconv.ParseInt(text8(cells[0]), 10, 64)
	})
	return max(changed, 0), s.fault(err)
}

// rows takes the rows of a statement and counts them.
func (s *mysql) rows(rows driver.Rows, names []string, st *statement, out *sink) (n int64, err error) {
	typed := rows.(driver.RowsColumnTypeDatabaseTypeName)
	columns := make([]Column, len(names))
	for i := range names {
		columns[i] = Column{names[i], typed.ColumnTypeDatabaseTypeName(i)}
	}
	if st.rows {
		out.Columns = columns
	}
	s.cells = append(s.cells[:0], make([]driver.Value, len(names))...)
	for ; ; n++ {
		switch err := rows.Next(s.cells); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return 0, err
		}
		if !st.rows {
			continue
		}
		if err := out.row(); err != nil {
			return 0, err
		}
		for i, v := range s.cells {
			if err := cell(out, v, columns[i].Type); err != nil {
				return 0, err
			}
		}
	}
}

// cell adds what the driver gives for a cell of a type.
func cell(out *sink, v driver.Value, kind string) error {
	switch v := v.(type) {
	case nil:
		out.null()
		return nil
	case int64:
		return out.integer(v)
	case uint64:
		return out.unsigned(v)
	case float32:
		return out.float(float64(v), 32)
	case float64:
		return out.float(v, 64)
	case string:
		return out.text([]byte(v))
	case []byte:
		switch kind {
		case "BIT":
			n := uint64(0)
			for _, b := range v {
				n = n<<8 | uint64(b)
			}
			return out.unsigned(n)
		case "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BINARY", "VARBINARY", "GEOMETRY":
			return out.binary(v)
		}
		return out.text(v)
	}
	return fmt.Errorf("cannot print a %T of type %s", v, kind)
}

// bind hands on what is declared as a number as one, and everything else as text, which
// MySQL compares with a column in the column's type. A number would make it compare texts
// as numbers: then 0 equals every name.
func (s *mysql) bind(args []value, types []catalog.SQLType) {
	s.values = s.values[:0]
	for i := range args {
		var v driver.Value
		switch a := &args[i]; {
		case a.kind == null:
		case a.kind == integer && types[i] != catalog.SQLAny, a.kind == boolean && types[i] != catalog.SQLAny:
			v = a.whole
		case a.kind == number && types[i] != catalog.SQLAny:
			v = a.real
		case a.kind == boolean:
			v = strconv.FormatInt(a.whole, 10)
		default:
			v = a.text
		}
		s.values = append(s.values, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
}

// prepare returns a prepared statement, kept from before or new.
func (s *mysql) prepare(ctx context.Context, text string) (driver.Stmt, error) {
	if stmt := s.cache[text]; stmt != nil {
		return stmt, nil
	}
	if len(s.cache) == maxCompiled {
		for text, stmt := range s.cache {
			if err := stmt.Close(); err != nil {
				return nil, s.fault(err)
			}
			delete(s.cache, text)
		}
	}
	stmt, err := s.conn.PrepareContext(ctx, text)
	if errors.Is(err, driver.ErrBadConn) && !s.began {
		return nil, fmt.Errorf("%w: %w", errStale, err)
	}
	if err != nil {
		return nil, s.fault(err)
	}
	s.cache[text] = stmt
	return stmt, nil
}

// close closes the connection. The server does not look whether somebody still waits for
// what it does, so its thread is killed if it may be at work.
func (s *mysql) close() {
	_ = s.conn.Close() // the server sees it end
	if !s.killed {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := s.dial.Connect(ctx)
	if err != nil {
		return // the server ends the statement by its own limit
	}
	// The thread may be gone already, which is an error as well.
	_, _ = conn.(mysqlConn).ExecContext(ctx, "KILL "+s.id, nil)
	_ = conn.Close()
}

// mysqlDialFault is why no connection could be made, without what the DSN says.
func mysqlDialFault(err error) error {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		switch e.Number {
		case 1040, 1053, 1203: // too many connections; shutting down
			return fmt.Errorf("%w: error %d", errUnreachable, e.Number)
		}
		return fail.Wrap(fail.ReadFailed, fmt.Errorf("error %d", e.Number), "The database refuses the connection (error %d).", e.Number)
	}
	return fmt.Errorf("%w: %w", errUnreachable, bare(err))
}

// fault makes an error of the server one for the caller. What a value caused is the
// caller's fault.
func (s *mysql) fault(err error) error {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	switch {
	case errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysqldriver.ErrInvalidConn):
		return fmt.Errorf("%w: %w", errLost, err)
	case !ok:
		return err
	}
	code := fail.ReadFailed
	switch e.Number {
	case 1048, 1062, 1216, 1217, 1264, 1265, 1292, 1365, 1366, 1367, 1406, 1411, 1441, 1451, 1452, 1690, 3140, 3819, 4025:
		code = fail.Malformed
	case 1205, 1213, 1927, 1053:
		code = fail.Overloaded
	case 1317, 1969, 3024:
		code = fail.Timeout
	}
	return fail.Errorf(code, "MySQL: %s (error %d).", e.Message, e.Number)
}
