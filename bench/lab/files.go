package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"

	"quiver/bench/workload"
)

// The forms of files that are loaded.
const (
	formParquet = "parquet"
	formCSV     = "csv"
)

// writeRows writes all rows of a table to a new file.
func writeRows(path, form string, t *workload.Table) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot make a file to load: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 1<<20)
	if form == formCSV {
		err = writeCSV(out, t)
	} else {
		err = writeParquet(out, t)
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Sync() // else it is written out while loads are measured
	}
	if err != nil {
		return fmt.Errorf("cannot write a file to load: %w", err)
	}
	return nil
}

func writeCSV(w io.Writer, t *workload.Table) error {
	line := t.AppendCSVHeader(nil)
	for i := range t.Rows {
		if _, err := w.Write(line); err != nil {
			return err
		}
		line = t.AppendCSV(line[:0], i)
	}
	_, err := w.Write(line)
	return err
}

// writeParquet writes as pandas does: Snappy, every column optional.
func writeParquet(w io.Writer, t *workload.Table) error {
	root := parquet.Group{workload.Key: parquet.Optional(parquet.Int(64))}
	for f, name := range t.Columns() {
		root[name] = parquet.Optional(nodeOf(t.Cell(0, f)))
	}
	schema := parquet.NewSchema("rows", root)
	place := map[string]int{}
	for i, c := range schema.Columns() {
		place[c[0]] = i
	}
	out := parquet.NewWriter(w, schema, parquet.Compression(&parquet.Snappy))
	row := make(parquet.Row, len(place))
	for i := range t.Rows {
		row[place[workload.Key]] = parquet.Int64Value(int64(i)).Level(0, 1, place[workload.Key])
		for f, name := range t.Columns() {
			row[place[name]] = valueOf(t.Cell(i, f)).Level(0, 1, place[name])
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return out.Close()
}

func nodeOf(cell any) parquet.Node {
	switch cell.(type) {
	case int64:
		return parquet.Int(64)
	case float64:
		return parquet.Leaf(parquet.DoubleType)
	case bool:
		return parquet.Leaf(parquet.BooleanType)
	case time.Time:
		return parquet.Timestamp(parquet.Microsecond)
	default:
		return parquet.String()
	}
}

func valueOf(cell any) parquet.Value {
	if t, ok := cell.(time.Time); ok {
		return parquet.Int64Value(t.UnixMicro())
	}
	return parquet.ValueOf(cell)
}
