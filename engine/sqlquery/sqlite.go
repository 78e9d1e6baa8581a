package sqlquery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"quiver/engine/catalog"
)

// sqlite is a connection to a SQLite file. It calls the library itself and not its driver
// for database/sql: the driver makes times of texts in columns declared as such, so that
// the text that is stored is lost, and does not interrupt a query once it has given its
// first row.
type sqlite struct {
	tls   *libc.TLS
	db    uintptr
	cache map[string]*compiled // by text

	mu   sync.Mutex // guards busy
	busy bool       // a statement runs, which may be interrupted
}

// compiled is a statement that SQLite has prepared.
type compiled struct {
	handle  uintptr
	columns []Column // types as declared; "" for expressions
	version int32    // how often SQLite prepared it anew, since tables changed
}

// maxCompiled is how many statements a connection keeps prepared.
const maxCompiled = 128

// openSQLite returns what opens connections to a file. A file that stood beside the
// definition is written to dir under a name made of its content, once: what is changed in
// it later stays. Another relative path is one in dir.
func openSQLite(def *catalog.Connection, dsn, dir string) (func(context.Context) (session, error), error) {
	flags := int32(sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI)
	if def.ReadOnly {
		flags = sqlite3.SQLITE_OPEN_READONLY | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	}
	switch {
	case def.File != nil:
		path, err := place(def, dir)
		if err != nil {
			return nil, err
		}
		dsn = path
	case strings.HasPrefix(dsn, "file:"):
	case strings.HasPrefix(dsn, ":"):
		flags |= sqlite3.SQLITE_OPEN_MEMORY
	default:
		if !filepath.IsAbs(dsn) {
			if !filepath.IsLocal(dsn) {
				return nil, fmt.Errorf("a relative path stays inside the folder of SQLite files")
			}
			dsn = filepath.Join(dir, dsn)
		}
		if _, err := os.Stat(dsn); err != nil {
			return nil, fmt.Errorf("there is no such SQLite file; one that is named without its whole path stands beside the definition or in %s", dir)
		}
	}
	return func(context.Context) (session, error) { return dialSQLite(dsn, flags, def.ReadOnly) }, nil
}

// place writes the file of a definition, unless it is there.
func place(def *catalog.Connection, dir string) (string, error) {
	b, err := def.File.Bytes()
	if err != nil {
		return "", fmt.Errorf("cannot unpack the file: %w", err)
	}
	sum := sha256.Sum256(b)
	path := filepath.Join(dir, def.Name+"-"+hex.EncodeToString(sum[:8])+".db")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot make the folder of SQLite files: %w", err)
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return "", fmt.Errorf("cannot write the SQLite file: %w", err)
	}
	return path, os.Rename(path+".new", path)
}

func dialSQLite(name string, flags int32, readOnly bool) (_ session, err error) {
	s := &sqlite{tls: libc.NewTLS(), cache: map[string]*compiled{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	text, err := libc.CString(name)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(s.tls, text)
	handle := s.tls.Alloc(8)
	defer s.tls.Free(8)
	rc := sqlite3.Xsqlite3_open_v2(s.tls, text, handle, flags, 0)
	s.db = libc.AtomicLoadPUintptr(handle)
	if rc != sqlite3.SQLITE_OK {
		return nil, s.fault(rc)
	}
	sqlite3.Xsqlite3_extended_result_codes(s.tls, s.db, 1)
	sqlite3.Xsqlite3_busy_timeout(s.tls, s.db, 20)
	if readOnly {
		if err := s.exec(context.Background(), "PRAGMA query_only = 1"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// begin begins a transaction, but for a lone statement, which is one itself. Where
// something may change the lock is taken at once: two that begin by reading and change
// something later would each wait for the other.
func (s *sqlite) begin(ctx context.Context, p *Plan) error {
	switch {
	case p.writes:
		return s.exec(ctx, "BEGIN IMMEDIATE")
	case !p.single:
		return s.exec(ctx, "BEGIN")
	}
	return nil
}

func (s *sqlite) end(ctx context.Context, p *Plan, commit, next bool) error {
	if sqlite3.Xsqlite3_get_autocommit(s.tls, s.db) != 0 {
		return nil // none was begun, or an error ended it
	}
	how := "ROLLBACK"
	if commit {
		how = "COMMIT"
	}
	if err := s.exec(ctx, how); err != nil {
		return err
	}
	if next {
		return s.begin(ctx, p)
	}
	return nil
}

// exec runs a statement of ours. While another connection holds the lock it tries again.
func (s *sqlite) exec(ctx context.Context, text string) error {
	for {
		_, err := s.run(ctx, &statement{text: text}, nil, nil)
		if err == nil || !errors.Is(err, errLocked) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}
