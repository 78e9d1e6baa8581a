package sqlquery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// postgres is a connection to a PostgreSQL server. It speaks the protocol of prepared
// statements with values and cells as text: the server itself reads and prints them, of
// every type that it has.
type postgres struct {
	conn   *pgconn.PgConn
	cache  map[string]*pgconn.StatementDescription // by text
	types  *typeNames
	began  bool
	values [][]byte // of one statement at a time
}

// typeNames are the names of types by their number.
type typeNames struct {
	mu sync.Mutex
	m  map[uint32]string
}

// The numbers of types that PostgreSQL has had since ever.
const (
	oidBool    = 16
	oidInt8    = 20
	oidText    = 25
	oidFloat4  = 700
	oidFloat8  = 701
	oidNumeric = 1700
)

// oids are the types that parameters are declared with; 0 lets the server infer one.
var oids = map[catalog.SQLType]uint32{
	catalog.SQLInteger: oidInt8, catalog.SQLNumber: oidNumeric, catalog.SQLText: oidText, catalog.SQLBoolean: oidBool,
}

// openPostgres returns what opens connections: the DSN is a URL or words key=value.
func openPostgres(def *catalog.Connection, dsn string) (func(context.Context) (session, error), error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the dsn is neither a URL postgres://user:password@host:port/database nor words such as host=h user=u dbname=d")
	}
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	set := func(name, value string) {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	set("application_name", "quiver")
	set("client_encoding", "UTF8")
	set("DateStyle", "ISO")
	c.RuntimeParams["standard_conforming_strings"] = "on" // sqltext reads strings so
	// Should this process be killed, the server ends what it asked.
	set("statement_timeout", strconv.FormatInt((def.Timeout+5*time.Second).Milliseconds(), 10))
	if def.ReadOnly {
		c.RuntimeParams["default_transaction_read_only"] = "on"
	}
	names := &typeNames{m: map[uint32]string{}}
	return func(ctx context.Context) (session, error) {
		conn, err := pgconn.ConnectConfig(ctx, c)
		if err != nil {
			return nil, dialFault(err)
		}
		return &postgres{conn: conn, cache: map[string]*pgconn.StatementDescription{}, types: names}, nil
	}, nil
}

// dialFault is why no connection could be made, without what the DSN says.
func dialFault(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:2] {
		case "53", "57": // too many connections; starting up or shutting down
			return fmt.Errorf("%w: SQLSTATE %s", errUnreachable, e.Code)
		}
		return fail.Wrap(fail.ReadFailed, fmt.Errorf("SQLSTATE %s", e.Code), "The database refuses the connection (SQLSTATE %s).", e.Code)
	}
	return fmt.Errorf("%w: %w", errUnreachable, bare(err))
}

// bare is the innermost reason of an error of the network, without addresses.
func bare(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return errors.New("no connection")
}

// begin begins a transaction, but for a lone statement that cannot change anything.
func (s *postgres) begin(ctx context.Context, p *Plan) error {
	if p.single && p.database.def.ReadOnly {
		return nil
	}
	err := s.exec(ctx, "BEGIN")
	if err == nil {
		s.began = true
	} else if s.conn.IsClosed() && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return err
}

func (s *postgres) exec(ctx context.Context, text string) error {
	_, err := s.conn.Exec(ctx, text).ReadAll()
	return s.fault(err)
}

func (s *postgres) end(ctx context.Context, p *Plan, commit, next bool) error {
	if !s.began {
		if s.conn.IsClosed() {
			return errStale
		}
		return nil
	}
	if !commit {
		s.began = false
		return s.exec(ctx, "ROLLBACK")
	}
	text := "COMMIT"
	if next {
		text = "COMMIT; BEGIN"
	}
	s.began = next
	return s.exec(ctx, text)
}

func (s *postgres) run(ctx context.Context, st *statement, args []value, out *sink) (int64, error) {
	d, err := s.prepare(ctx, st)
	if err != nil {
		return 0, err
	}
	if len(d.ParamOIDs) != len(args) {
		return 0, fail.Errorf(fail.ReadFailed, "PostgreSQL sees %d parameters in a statement that has %d.", len(d.ParamOIDs), len(args))
	}
	s.values = s.values[:0]
	for i := range args {
		if args[i].kind == null {
			s.values = append(s.values, nil)
		} else {
			s.values = append(s.values, []byte(args[i].text))
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows := s.conn.ExecStatement(ctx, d, s.values, nil, nil)
	if st.rows && len(d.Fields) > 0 {
		out.Columns = s.types.columns(d.Fields)
		for rows.NextRow() {
			if err := s.row(d, rows.Values(), out); err != nil {
				cancel() // the rest is not wanted
				_, _ = rows.Close()
				return 0, err
			}
		}
	}
	tag, err := rows.Close()
	if err != nil {
		return 0, s.lost(ctx, err)
	}
	if tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "MERGE") {
		return tag.RowsAffected(), nil
	}
	return 0, nil
}

// lost makes an error of a statement one that says whether the call may be done over:
// when it has not begun to do anything, or when it asked with a plan that is outdated,
// which the server finds before it does anything.
func (s *postgres) lost(ctx context.Context, err error) error {
	outdated := false
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		outdated = e.Code == "0A000" && strings.Contains(e.Message, "cached plan") || e.Code == "26000"
	}
	if outdated || !s.began && s.conn.IsClosed() && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return s.fault(err)
}

func (s *postgres) row(d *pgconn.StatementDescription, cells [][]byte, out *sink) error {
	if err := out.row(); err != nil {
		return err
	}
	for i, cell := range cells {
		if cell == nil {
			out.null()
			continue
		}
		var err error
		if oid := d.Fields[i].DataTypeOID; oid == oidFloat8 || oid == oidFloat4 {
			from := len(out.cells)
			out.cells = point(append(out.cells, cell...), from)
			err = out.added(from)
		} else {
			err = out.text(cell)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare returns a prepared statement, kept from before or new.
func (s *postgres) prepare(ctx context.Context, st *statement) (*pgconn.StatementDescription, error) {
	if d := s.cache[st.text]; d != nil {
		return d, nil
	}
	if len(s.cache) == maxCompiled {
		for text, d := range s.cache {
			if err := s.conn.Deallocate(ctx, d.Name); err != nil {
				return nil, s.fault(err)
			}
			delete(s.cache, text)
		}
	}
	declared := make([]uint32, len(st.types))
	for i, t := range st.types {
		declared[i] = oids[t]
	}
	d, err := s.conn.Prepare(ctx, "q"+strconv.Itoa(len(s.cache)), st.text, declared)
	if err != nil {
		return nil, s.lost(ctx, err)
	}
	if err := s.name(ctx, d.Fields); err != nil {
		return nil, err
	}
	s.cache[st.text] = d
	return d, nil
}

// name learns the names of types that were not seen before.
func (s *postgres) name(ctx context.Context, fields []pgconn.FieldDescription) error {
	var unknown []string
	s.types.mu.Lock()
	for i := range fields {
		if s.types.m[fields[i].DataTypeOID] == "" {
			unknown = append(unknown, strconv.FormatUint(uint64(fields[i].DataTypeOID), 10))
		}
	}
	s.types.mu.Unlock()
	if unknown == nil {
		return nil
	}
	all, err := s.conn.Exec(ctx, "SELECT oid, typname FROM pg_catalog.pg_type WHERE oid IN ("+strings.Join(unknown, ",")+")").ReadAll()
	if err != nil {
		return s.fault(err)
	}
	s.types.mu.Lock()
	defer s.types.mu.Unlock()
	for _, row := range all[0].Rows {
		oid, err := strconv.ParseUint(string(row[0]), 10, 32)
		if err != nil {
			return fmt.Errorf("cannot read the number of a type: %w", err)
		}
		s.types.m[uint32(oid)] = string(row[1])
	}
	return nil
}

func (n *typeNames) columns(fields []pgconn.FieldDescription) []Column {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]Column, len(fields))
	for i := range fields {
		all[i] = Column{fields[i].Name, n.m[fields[i].DataTypeOID]}
	}
	return all
}

func (s *postgres) close() {
	// The server sees the connection end, whatever becomes of the farewell.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// fault makes an error of the server one for the caller. What a value caused is the
// caller's fault.
func (s *postgres) fault(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case err != nil && !ok && s.conn.IsClosed():
		return fmt.Errorf("%w: %w", errLost, err)
	case !ok || len(e.Code) != 5:
		return err
	}
	code := fail.ReadFailed
	switch e.Code[:2] {
	case "21", "22", "23", "44":
		code = fail.Malformed
	case "40", "53", "55", "57":
		code = fail.Overloaded
	}
	return fail.Errorf(code, "PostgreSQL: %s (SQLSTATE %s).", e.Message, e.Code)
}
