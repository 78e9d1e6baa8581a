package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quiver/engine/catalog"
	"quiver/engine/sqlquery"
)

// demoSQLite makes the SQLite file that the demo's connection names, of the airports. One
// that is there stays.
func demoSQLite(ctx context.Context, dir string) (err error) {
	path := filepath.Join(dir, "airports.db")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	raw, err := demoFiles.ReadFile("demo/airports.csv")
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return fmt.Errorf("cannot read the airports: %w", err)
	}
	list, err := json.Marshal(rows[1:])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	const making = "airports.db.new"
	if err := os.WriteFile(filepath.Join(dir, making), nil, 0o600); err != nil { // SQLite takes it for an empty database
		return err
	}
	db, err := sqlquery.Open(catalog.NewConnection("demo", catalog.DriverSQLite, making), dir)
	if err != nil {
		return err
	}
	script, err := db.Script(`
		CREATE TABLE airports (iata TEXT PRIMARY KEY, name TEXT, city TEXT, state TEXT, country TEXT, latitude REAL, longitude REAL);
		INSERT INTO airports
		SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 FROM json_each(?)`, "rows")
	if err == nil {
		_, err = script.Query(ctx, func(string) ([]byte, bool) { return list, true })
	}
	db.Close()
	if err != nil {
		return fmt.Errorf("cannot make the demo's SQLite file: %w", err)
	}
	return os.Rename(filepath.Join(dir, making), path)
}
