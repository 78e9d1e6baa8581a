package sqlquery

import (
	"context"
	"errors"
	"slices"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"quiver/engine/fail"
)

func (s *sqlite) run(ctx context.Context, st *statement, args []value, out *sink) (changed int64, err error) {
	c, err := s.prepare(st.text)
	if err != nil {
		return 0, err
	}
	texts, err := s.bind(c, args)
	defer func() {
		sqlite3.Xsqlite3_reset(s.tls, c.handle)
		if len(args) > 0 {
			sqlite3.Xsqlite3_clear_bindings(s.tls, c.handle)
		}
		for _, p := range texts {
			libc.Xfree(s.tls, p)
		}
	}()
	if err != nil {
		return 0, err
	}
	s.running(true)
	defer s.running(false)
	defer context.AfterFunc(ctx, s.interrupt)()
	if err := ctx.Err(); err != nil {
		return 0, err // it may have been over before there was anything to interrupt
	}
	changed, err = s.steps(c, st, out)
	if e, ok := errors.AsType[*fail.Error](err); ok && len(args) > 0 && errors.Is(err, errStep) {
		// There is no telling, but what is wrong with the statement itself was found
		// when it was prepared: a value is no JSON, a pattern too long, a number too large.
		e.Code = fail.Malformed
	}
	return changed, err
}

// steps runs what is bound to its end.
func (s *sqlite) steps(c *compiled, st *statement, out *sink) (changed int64, err error) {
	before := sqlite3.Xsqlite3_total_changes(s.tls, s.db)
	rc := sqlite3.Xsqlite3_step(s.tls, c.handle)
	if n := sqlite3.Xsqlite3_stmt_status(s.tls, c.handle, sqlite3.SQLITE_STMTSTATUS_REPREPARE, 0); n != c.version {
		c.describe(s)
		c.version = n
	}
	wanted := st.rows && len(c.columns) > 0
	if wanted {
		out.Columns = slices.Clone(c.columns)
	}
	for ; rc == sqlite3.SQLITE_ROW; rc = sqlite3.Xsqlite3_step(s.tls, c.handle) {
		if !wanted {
			continue
		}
		if err := s.row(c, out); err != nil {
			return 0, err
		}
	}
	if rc != sqlite3.SQLITE_DONE {
		return 0, s.fault(rc)
	}
	if wanted {
		for i := range out.Columns {
			if out.Columns[i].Type == "" {
				out.Columns[i].Type = "NULL"
			}
		}
	}
	if sqlite3.Xsqlite3_total_changes(s.tls, s.db) != before {
		changed = int64(sqlite3.Xsqlite3_changes(s.tls, s.db)) // without those of triggers
	}
	return changed, nil
}

// row takes one row. A column of an expression has the type of its first value.
func (s *sqlite) row(c *compiled, out *sink) error {
	if err := out.row(); err != nil {
		return err
	}
	for i := range c.columns {
		n := int32(i)
		var err error
		name := ""
		switch kind := sqlite3.Xsqlite3_column_type(s.tls, c.handle, n); kind {
		case sqlite3.SQLITE_INTEGER:
			name, err = "INTEGER", out.integer(int64(sqlite3.Xsqlite3_column_int64(s.tls, c.handle, n)))
		case sqlite3.SQLITE_FLOAT:
			name, err = "REAL", out.float(sqlite3.Xsqlite3_column_double(s.tls, c.handle, n), 64)
		case sqlite3.SQLITE_NULL:
			out.null()
		default:
			p := sqlite3.Xsqlite3_column_text
			if name = "TEXT"; kind == sqlite3.SQLITE_BLOB {
				name, p = "BLOB", sqlite3.Xsqlite3_column_blob
			}
			at := p(s.tls, c.handle, n)
			size := int(sqlite3.Xsqlite3_column_bytes(s.tls, c.handle, n))
			if size > out.bytes {
				return out.room(size)
			}
			var b []byte
			if size > 0 {
				b = libc.GoBytes(at, size)
			}
			if kind == sqlite3.SQLITE_BLOB {
				err = out.binary(b)
			} else {
				err = out.text(b)
			}
		}
		if err != nil {
			return err
		}
		if out.Columns[i].Type == "" {
			out.Columns[i].Type = name
		}
	}
	return nil
}

// prepare returns a prepared statement, kept from before or new.
func (s *sqlite) prepare(text string) (*compiled, error) {
	if c := s.cache[text]; c != nil {
		return c, nil
	}
	if len(s.cache) == maxCompiled {
		s.finalize()
	}
	p, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(s.tls, p)
	out := s.tls.Alloc(16)
	defer s.tls.Free(16)
	if rc := sqlite3.Xsqlite3_prepare_v2(s.tls, s.db, p, -1, out, out+8); rc != sqlite3.SQLITE_OK {
		return nil, s.fault(rc)
	}
	c := &compiled{handle: libc.AtomicLoadPUintptr(out)}
	if rest := libc.AtomicLoadPUintptr(out+8) - p; c.handle == 0 || rest != uintptr(len(text)) {
		sqlite3.Xsqlite3_finalize(s.tls, c.handle)
		return nil, fail.Errorf(fail.ReadFailed, "SQLite reads a statement otherwise than Quiver: it ends at byte %d of %d.", rest, len(text))
	}
	c.describe(s)
	s.cache[text] = c
	return c, nil
}

// describe asks for the columns.
func (c *compiled) describe(s *sqlite) {
	c.columns = make([]Column, sqlite3.Xsqlite3_column_count(s.tls, c.handle))
	for i := range c.columns {
		c.columns[i] = Column{
			libc.GoString(sqlite3.Xsqlite3_column_name(s.tls, c.handle, int32(i))),
			libc.GoString(sqlite3.Xsqlite3_column_decltype(s.tls, c.handle, int32(i))),
		}
	}
}

// bind binds values; the texts it returns live until the statement is reset.
func (s *sqlite) bind(c *compiled, args []value) (texts []uintptr, err error) {
	if n := int(sqlite3.Xsqlite3_bind_parameter_count(s.tls, c.handle)); n != len(args) {
		return nil, fail.Errorf(fail.ReadFailed, "SQLite sees %d parameters in a statement that has %d.", n, len(args))
	}
	for i := range args {
		v, at := &args[i], int32(i+1)
		rc := int32(sqlite3.SQLITE_OK)
		switch v.kind {
		case null:
			rc = sqlite3.Xsqlite3_bind_null(s.tls, c.handle, at)
		case integer, boolean:
			rc = sqlite3.Xsqlite3_bind_int64(s.tls, c.handle, at, v.whole)
		case number:
			rc = sqlite3.Xsqlite3_bind_double(s.tls, c.handle, at, v.real)
		default:
			p, err := libc.CString(v.text)
			if err != nil {
				return texts, err
			}
			texts = append(texts, p)
			rc = sqlite3.Xsqlite3_bind_text(s.tls, c.handle, at, p, int32(len(v.text)), sqlite3.SQLITE_STATIC)
		}
		if rc != sqlite3.SQLITE_OK {
			return texts, s.fault(rc)
		}
	}
	return texts, nil
}

func (s *sqlite) running(yes bool) {
	s.mu.Lock()
	s.busy = yes
	s.mu.Unlock()
}

// interrupt ends the statement that runs. The library lets other threads do this.
func (s *sqlite) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		tls := libc.NewTLS()
		sqlite3.Xsqlite3_interrupt(tls, s.db)
		tls.Close()
	}
}

func (s *sqlite) finalize() {
	for _, c := range s.cache {
		sqlite3.Xsqlite3_finalize(s.tls, c.handle)
	}
	clear(s.cache)
}

func (s *sqlite) close() {
	s.finalize()
	sqlite3.Xsqlite3_close_v2(s.tls, s.db)
	s.tls.Close()
}

// errStep is the private cause of errors of no class of their own.
var errStep = errors.New("an error of the library")

// errLocked is why a statement may be tried again.
var errLocked = errors.New("the file is locked")

// fault is the error of a result code. What a value caused is the caller's fault.
func (s *sqlite) fault(rc int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errmsg(s.tls, s.db))
	switch rc & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return fail.Errorf(fail.Malformed, "SQLite: %s.", text)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fail.Wrap(fail.Overloaded, errLocked, "SQLite: %s.", text)
	case sqlite3.SQLITE_INTERRUPT:
		return errors.New("the statement was interrupted")
	case sqlite3.SQLITE_ERROR:
		return fail.Wrap(fail.ReadFailed, errStep, "SQLite: %s.", text)
	}
	return fail.Errorf(fail.ReadFailed, "SQLite: %s.", text)
}
