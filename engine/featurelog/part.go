package featurelog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

const (
	hourLayout   = "2006-01-02T15"
	timestamp    = "timestamp"
	metaJSON     = "quiver.json" // names of the columns that hold JSON, as a JSON list
	metaWorkflow = "quiver.workflow"
)

// partKey tells which rows may be in one file.
type partKey struct {
	workflow, hour string
	schema         string // names and forms of the columns
}

func newPartKey(workflow string, b *batch) partKey {
	var s strings.Builder
	for i, name := range b.names {
		s.WriteByte(byte('a' + stored(b.columns[i].Type)))
		s.WriteString(name)
		s.WriteByte(0)
	}
	return partKey{workflow, time.UnixMicro(b.now).UTC().Format(hourLayout), s.String()}
}

// part is a file to be.
type part struct {
	batches []*batch
	rows    int
	bytes   int64
	since   time.Time
}

// form is how the values of a column are stored.
type form uint8

const (
	formInt form = iota
	formDouble
	formString
	formBool
	formTime
	formDate
	formBinary
	formJSON
)

func (f form) node() parquet.Node {
	switch f {
	case formInt:
		return parquet.Int(64)
	case formDouble:
		return parquet.Leaf(parquet.DoubleType)
	case formBool:
		return parquet.Leaf(parquet.BooleanType)
	case formTime:
		return parquet.Timestamp(parquet.Microsecond)
	case formDate:
		return parquet.Date()
	case formBinary:
		return parquet.Leaf(parquet.ByteArrayType)
	}
	return parquet.String()
}

// ordered is a group whose fields keep the order they were given in.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func (o *ordered) Fields() []parquet.Field { return o.fields }

func newRoot(b *batch) parquet.Node {
	g := parquet.Group{timestamp: parquet.Timestamp(parquet.Microsecond)}
	for i, name := range b.names {
		g[name] = parquet.Optional(stored(b.columns[i].Type).node())
	}
	byName := map[string]parquet.Field{}
	for _, f := range g.Fields() {
		byName[f.Name()] = f
	}
	o := &ordered{Group: g, fields: []parquet.Field{byName[timestamp]}}
	for _, name := range b.names {
		o.fields = append(o.fields, byName[name])
	}
	return o
}

// file is what a part is written to.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

func createFile(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
}

// writeFile writes a part under a temporary name and renames it.
func (l *Log) writeFile(key partKey, p *part, number int64) error {
	folder := filepath.Join(l.Dir, "workflow="+encode(key.workflow), "hour="+key.hour)
	final := filepath.Join(folder, fmt.Sprintf("part-%d.parquet", number))
	if err := makeFolder(l.Dir, folder); err != nil {
		return fmt.Errorf("cannot make the folder of a feature log: %w", err)
	}
	temporary := filepath.Join(l.Dir, fmt.Sprintf(".part-%d.tmp", number))
	if err := l.writeTemporary(temporary, key, p); err != nil {
		_ = os.Remove(temporary) // the next start would
		return fmt.Errorf("cannot write feature log %s: %w", final, err)
	}
	if err := os.Rename(temporary, final); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("cannot name feature log %s: %w", final, err)
	}
	return syncFolder(folder)
}

func (l *Log) writeTemporary(path string, key partKey, p *part) (err error) {
	f, err := l.create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 256<<10)
	if err := writeParquet(buffered, key.workflow, p.batches); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// writeParquet writes batches of one schema. The library's panics become errors: they
// would end the server.
func writeParquet(w io.Writer, workflow string, batches []*batch) (err error) {
	defer caught(&err)
	first := batches[0]
	texts := []string{}
	forms := make([]form, len(first.names))
	for i, c := range first.columns {
		if forms[i] = stored(c.Type); forms[i] == formJSON {
			texts = append(texts, first.names[i])
		}
	}
	list, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	out := parquet.NewWriter(w, parquet.NewSchema("features", newRoot(first)), parquet.Compression(&parquet.Snappy),
		parquet.KeyValueMetadata(metaWorkflow, workflow), parquet.KeyValueMetadata(metaJSON, string(list)))
	const most = 256
	rows := make([]parquet.Row, 0, most)
	var text []byte
	for _, b := range batches {
		for from := 0; from < b.rows; from += most {
			rows, text = rows[:0], text[:0]
			for i := from; i < min(from+most, b.rows); i++ {
				row := make(parquet.Row, 0, len(b.columns)+1)
				row = append(row, parquet.Int64Value(b.now).Level(0, 0, 0))
				for k, c := range b.columns {
					var v parquet.Value
					if v, text = value(forms[k], c, i, text); v.IsNull() {
						row = append(row, v.Level(0, 0, k+1))
					} else {
						row = append(row, v.Level(0, 1, k+1))
					}
				}
				rows = append(rows, row)
			}
			if _, err := out.WriteRows(rows); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet library failed: %v", p)
	}
}

// value is one value; JSON is made at the end of text, which it returns.
func value(f form, c *vec.Column, i int, text []byte) (parquet.Value, []byte) {
	if c.Type == nil || c.Null(i) {
		return parquet.NullValue(), text
	}
	switch f {
	case formInt, formTime:
		return parquet.Int64Value(c.Ints[i]), text
	case formDate:
		return parquet.Int32Value(int32(c.Ints[i])), text
	case formDouble:
		return parquet.DoubleValue(c.Floats[i]), text
	case formBool:
		return parquet.BooleanValue(c.Bits.Get(i)), text
	case formString, formBinary:
		return parquet.ByteArrayValue(c.Text(i)), text
	}
	from := len(text)
	if c.Type.Kind == codec.KindDecimal {
		text = append(text, c.Text(i)...)
	} else {
		text = c.AppendFennel(text, i)
	}
	return parquet.ByteArrayValue(text[from:len(text):len(text)]), text
}
