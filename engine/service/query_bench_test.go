package service_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"

	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/service"
)

// cpu is the processor time of the process so far, in nanoseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkSQLitePoint asks for one row of a SQLite file by its key: through the service,
// and by the driver for database/sql alone, in turns. It reports the processor time of
// both, and what the service costs over the driver.
func BenchmarkSQLitePoint(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const rows = 10_000
	for _, text := range []string{
		`CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, age REAL, city TEXT)`,
		fmt.Sprintf(`WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n+1 FROM s WHERE n < %d) INSERT INTO t SELECT n, 'name ' || n, n*0.5, 'Springfield' FROM s`, rows-1),
	} {
		if _, err := db.Exec(text); err != nil {
			b.Fatal(err)
		}
	}
	const query = `SELECT id, name, age, city FROM t WHERE id = ?`
	stmt, err := db.Prepare(query)
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	e := enginetest.New(b)
	enginetest.Apply(b, e, fmt.Sprintf(`
{kind: Connection, name: db, driver: sqlite, dsn: %q}
---
{kind: Service, name: s, auth: public, mapping: {v1: 1}}
---
{kind: Generation, service: s, name: v1, endpoints: [{name: e, type: sql, connection: db, queries: [{sql: %q, parameters: [id]}]}]}
`, path, query))
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	driver := func(i int) {
		var id, name, city string
		var age float64
		if err := stmt.QueryRowContext(ctx, i%rows).Scan(&id, &name, &age, &city); err != nil {
			b.Fatal(err)
		}
	}
	name := []byte("id")
	ours := func(i int) {
		a, err := s.Query(ctx, auth.All(), nil, "s", "e", []service.Field{{Name: name, Token: fmt.Append(nil, i%rows)}})
		if err != nil || a.Results[0].Rows() != 1 {
			b.Fatal(err)
		}
	}
	var spent [2]int64
	runtime.GC()
	const turn = 100 // calls of one, then of the other
	for at := 0; b.Loop(); at += turn {
		for which, call := range []func(int){driver, ours} {
			before := cpu(b)
			for i := range turn {
				call(at + i)
			}
			spent[which] += cpu(b) - before
		}
	}
	per := func(n int64) float64 { return float64(n) / 1000 / turn / float64(b.N) }
	b.ReportMetric(per(spent[0]), "driver-cpu-µs")
	b.ReportMetric(per(spent[1]), "service-cpu-µs")
	b.ReportMetric(per(spent[1]-spent[0]), "over-cpu-µs")
	b.ReportMetric(0, "ns/op") // of both together it says nothing
}
