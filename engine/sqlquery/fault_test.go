package sqlquery

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/sqlquery/dbtest"
)

// slow is a query that takes much longer than any test.
func (w *world) slow() string {
	return w.pick(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s) SELECT count(*) FROM s`,
		`SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b`,
		`SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq = 0`)
}

// running counts the connections of a server that are at work, but for the one that asks.
func (w *world) running() string {
	w.t.Helper()
	p := w.plan(false, w.pick("", `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(%%generate_series(1, 100000)%' AND state = 'active' AND pid <> pg_backend_pid()`,
		`SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT count(*) FROM seq%'`))
	a, err := p.Query(context.Background(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	text, _ := a.Results[0].Cell(0, 0)
	return string(text)
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 1000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("after 10 seconds: %s", what)
}

// TestCancel ends calls at the connection's timeout and at the caller's wish, also inside
// the database.
func TestCancel(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		watch := w.again()
		short := w.again("timeout: 1s") // enough to connect on a busy machine
		for range 2 {
			short.refused(short.plan(false, w.slow()), nil, fail.Timeout, `connection "db" allows 1s`)
		}
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(100*time.Millisecond, cancel)
		defer timer.Stop()
		if _, err := w.plan(false, w.slow()).Query(ctx, nil); err == nil || fail.AsError(err).Code != fail.Timeout {
			t.Errorf("%v", err)
		}
		if w.driver != catalog.DriverSQLite { // which has no others at work
			eventually(t, "the database still works for calls that were given up", func() bool { return watch.running() == "0" })
		}
		// What was interrupted leaves nothing behind for the next call.
		for range 3 {
			short.ask(short.plan(false, `SELECT 1 a`), nil, `a:`+w.pick("INTEGER", "int4", "INT")+` |1 #0`)
		}
	})
}

// TestCancelRows ends a call between rows as well.
func TestCancelRows(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		endless := w.pick(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s) SELECT n FROM s`,
			`SELECT a FROM generate_series(1, 1000000000) a`, `SELECT seq FROM seq_1_to_1000000000`)
		w.refused(w.plan(false, endless), nil, fail.Timeout, `allows 1s`)
		w.ask(w.plan(false, `SELECT 1 a`), nil, `a:`+w.pick("INTEGER", "int4", "INT")+` |1 #0`)
	}, "timeout: 1s", "maxRows: 1000000000", "maxBytes: 1000000000")
}

// TestRestart restarts the servers under calls: none fails but those under way.
func TestRestart(t *testing.T) {
	f := func(w *world, s *dbtest.Server, stop func()) {
		t.Helper()
		p := w.plan(false, `SELECT 1 a`)
		var calls, failed atomic.Int64
		var wg sync.WaitGroup
		done := make(chan struct{})
		const callers = 4
		for range callers {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(time.Millisecond):
					}
					if _, err := p.Query(context.Background(), nil); err != nil {
						failed.Add(1)
						t.Logf("%s: %v", w.driver, err)
					}
					calls.Add(1)
				}
			})
		}
		more := func() {
			n := calls.Load()
			eventually(t, "no call is answered", func() bool { return calls.Load() > n+20 })
		}
		more()
		stop()
		err := s.Start()
		if err == nil {
			more()
		}
		close(done)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if n := failed.Load(); n > callers {
			t.Errorf("%s: %d of %d calls failed; %d were under way at most", w.driver, n, calls.Load(), callers)
		}
		// Once it is back, whatever the pool still holds, no call fails.
		before := failed.Load()
		for range 20 {
			w.ask(p, nil, `a:`+w.pick("", "int4", "INT")+` |1 #0`)
		}
		if failed.Load() != before {
			t.Errorf("%s: calls fail after the restart", w.driver)
		}
	}
	for _, settings := range [][]string{{"pool: {wait: 30s}"}, {"readOnly: true", "pool: {wait: 30s}"}} {
		pg, my := newPostgres(t, settings...), newMariaDB(t, settings...)
		f(pg, dbtest.Postgres(t), dbtest.Postgres(t).Stop)
		f(my, dbtest.MariaDB(t), dbtest.MariaDB(t).Stop)
		f(pg, dbtest.Postgres(t), dbtest.Postgres(t).Kill)
		f(my, dbtest.MariaDB(t), dbtest.MariaDB(t).Kill)
	}
}

// TestKill ends connections from outside: those that are idle unseen, those in use with
// an error that says to try again.
func TestKill(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		if w.driver == catalog.DriverSQLite {
			return // nobody else can
		}
		admin := w.again()
		kill := func() {
			t.Helper()
			if w.driver == catalog.DriverPostgres {
				admin.plan(false, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'quiver'`).Query(context.Background(), nil)
				return
			}
			a, err := admin.plan(false, `SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user = 'root'`).Query(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range a.Results[0].Rows() {
				id, _ := a.Results[0].Cell(i, 0)
				// It may have ended by itself.
				_, _ = admin.plan(false, "KILL "+string(id)).Query(context.Background(), nil)
			}
		}
		one, got := w.plan(false, `SELECT 1 a`), `a:`+w.pick("", "int4", "INT")+` |1 #0`
		for range 3 {
			var wg sync.WaitGroup
			for range 5 { // several that will be idle
				wg.Go(func() { w.ask(one, nil, got) })
			}
			wg.Wait()
			kill()
			w.ask(one, nil, got)
		}
		failed := make(chan error)
		go func() {
			_, err := w.plan(false, w.slow()).Query(context.Background(), nil)
			failed <- err
		}()
		eventually(t, "the query does not run", func() bool { return admin.running() == "1" })
		kill()
		if err := <-failed; err == nil || fail.AsError(err).Code != fail.Overloaded {
			t.Errorf("a call whose connection was killed: %v", err)
		}
		w.ask(one, nil, got)
	})
}

// TestOutdated changes tables under statements that connections keep prepared.
func TestOutdated(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		w.do(`CREATE TABLE t (a INTEGER)`)
		w.do(`INSERT INTO t VALUES (1)`)
		kind := w.pick("INTEGER", "int4", "INT")
		p := w.plan(false, `SELECT * FROM t`)
		w.ask(p, nil, `a:`+kind+` |1 #0`)
		w.do(`ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 2`)
		w.ask(p, nil, `a:`+kind+` b:`+kind+` |1,2 #0`)
		w.do(`DROP TABLE t`)
		w.refused(p, nil, fail.ReadFailed, "t")
		w.do(`CREATE TABLE t (c INTEGER)`)
		w.ask(p, nil, `c:`+kind+`  #0`)
	})
}

// TestSecrets shows nothing of a DSN, whatever goes wrong.
func TestSecrets(t *testing.T) {
	f := func(driver, dsn string, code fail.Code, want string) {
		t.Helper()
		w := open(t, driver, dsn, t.TempDir(), "pool: {wait: 50ms}")
		_, err := w.plan(false, `SELECT 1`).Query(context.Background(), nil)
		if err == nil || fail.AsError(err).Code != code || !strings.Contains(fail.AsError(err).Text, want) {
			t.Errorf("%s: %v", driver, err)
		}
		for _, secret := range []string{"hush", "127.0.0.1", "somebody"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error, with its private part, shows %q: %v", driver, secret, err)
			}
		}
	}
	pg, my := dbtest.Postgres(t).DSN, dbtest.MariaDB(t).DSN
	f(catalog.DriverPostgres, strings.Replace(pg, "postgres@", "somebody:hush@", 1), fail.ReadFailed, "refuses the connection (SQLSTATE 28000)")
	f(catalog.DriverMySQL, strings.Replace(my, "root@", "somebody:hush@", 1), fail.ReadFailed, "refuses the connection (error 1045)")
	f(catalog.DriverPostgres, "postgres://somebody:hush@127.0.0.1:1/x", fail.Overloaded, `The database of connection "db" cannot be reached.`)
	f(catalog.DriverMySQL, "mysql://somebody:hush@127.0.0.1:1/x", fail.Overloaded, `The database of connection "db" cannot be reached.`)
	for driver, dsn := range map[string]string{catalog.DriverPostgres: "postgres://somebody:hush@[/x?sslmode=hush", catalog.DriverMySQL: "somebody:hush@tcp(127.0.0.1/"} {
		if _, err := Open(&catalog.Connection{Name: "c", Driver: driver, DSN: dsn}, ""); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", driver, err)
		}
	}
}

// TestURL takes a URL for MariaDB.
func TestURL(t *testing.T) {
	dsn := dbtest.MariaDB(t).DSN // root@tcp(host:port)/test
	host := strings.TrimSuffix(strings.TrimPrefix(dsn, "root@tcp("), ")/test")
	w := open(t, catalog.DriverMySQL, "mysql://root@"+host+"/test?collation=utf8mb4_bin", "")
	w.ask(w.plan(false, `SELECT ? a | {name: a, type: text}`), tokens{"a": `"é"`}, `a:CHAR |é #0`)
}
