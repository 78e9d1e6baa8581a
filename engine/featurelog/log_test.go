package featurelog

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"go.uber.org/goleak"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is an Answer of columns.
type answer struct {
	now           int64
	names         []string // inputs first
	inputs        int
	columns       []*vec.Column
	columnFailure error
}

func (a *answer) Rows() int                         { return a.columns[0].Len }
func (a *answer) Now() int64                        { return a.now }
func (a *answer) Inputs() int                       { return a.inputs }
func (a *answer) InputName(i int) string            { return a.names[i] }
func (a *answer) Input(i int) (*vec.Column, error)  { return a.columns[i], nil }
func (a *answer) Len() int                          { return len(a.names) - a.inputs }
func (a *answer) Name(i int) string                 { return a.names[a.inputs+i] }
func (a *answer) Column(i int) (*vec.Column, error) { return a.columns[a.inputs+i], a.columnFailure }

// now is 2026-11-21T05:30:00.000001Z.
var now = time.Date(2026, 11, 21, 5, 30, 0, 1000, time.UTC).UnixMicro()

// column makes a column of a type, in Fennel's spelling, from JSON values.
func column(t *testing.T, text string, values ...string) *vec.Column {
	t.Helper()
	typ, err := codec.ParseType(text, codec.SpellingFennel)
	if err != nil {
		t.Fatal(err)
	}
	c := vec.New(typ)
	var l vec.Loader
	for _, v := range values {
		if v == "null" {
			c.PushNull()
			continue
		}
		if err := l.PushJSON(c, []byte(v)); err != nil {
			t.Fatalf("%s %s: %v", text, v, err)
		}
	}
	return c
}

// ids is an answer of n rows that are numbered.
func ids(n int) *answer {
	c := vec.New(&codec.Type{Kind: codec.KindBigInt})
	for i := range n {
		c.PushInt(int64(i))
	}
	return &answer{now: now, names: []string{"F.id"}, inputs: 1, columns: []*vec.Column{c}}
}

func open1(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// rows reads everything in a folder.
func rows(t *testing.T, dir string, f Filter) []string {
	t.Helper()
	files, err := List(dir, f)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, one := range files {
		if err := Read(one, func(row []byte) error { all = append(all, string(row)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestTypes(t *testing.T) {
	f := func(typ, in, out string) {
		t.Helper()
		dir := t.TempDir()
		l := open1(t, Options{Dir: dir})
		// Columns must keep their order whatever their names.
		a := &answer{now: now, names: []string{"Z.in", "A.v"}, inputs: 1, columns: []*vec.Column{
			column(t, "int", "1", "2", "3"), column(t, typ, in, "null", in),
		}}
		l.Offer("", 1, a)
		l.Close()
		var want []string
		for i, v := range []string{out, "null", out} {
			want = append(want, fmt.Sprintf(`{"workflow":"default","timestamp":"2026-11-21T05:30:00.000001Z","Z.in":%d,"A.v":%s}`, i+1, v))
		}
		if got := rows(t, dir, Filter{}); !slices.Equal(got, want) {
			t.Errorf("%s\n got %s\nwant %s", typ, got, want)
		}
		if l.Rows() != 3 || l.Dropped() != 0 || l.held.Load() != 0 {
			t.Errorf("%s: %d rows, %d dropped, %d bytes held", typ, l.Rows(), l.Dropped(), l.held.Load())
		}
	}
	f("int", "-9223372036854775808", "-9223372036854775808")
	f("int", "9223372036854775807", "9223372036854775807")
	f("float", "0.1", "0.1")
	f("float", "-2", "-2")
	f("float", `"NaN"`, `"NaN"`)
	f("str", `"caf\u00e9 \"\n"`, `"café \"\n"`)
	f("str", `""`, `""`)
	f("bool", "true", "true")
	f("bool", "false", "false")
	f("bytes", `"AP8="`, `"AP8="`)
	f("date", `"1969-12-31"`, `"1969-12-31"`)
	f("datetime", `"2020-01-01T00:00:00.123456Z"`, `"2020-01-01T00:00:00.123456Z"`)
	f("datetime", `"1900-01-01T00:00:00Z"`, `"1900-01-01T00:00:00.000000Z"`)
	f("Decimal[2]", "1.5", "1.50")
	f("List[int]", "[1,2]", "[1,2]")
	f("List[float]", "[]", "[]")
	f("Dict[str, str]", `{"a":"b"}`, `{"a":"b"}`)
	f("Embedding[2]", "[0.5,1]", "[0.5,1.0]")
}

func TestInfinity(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir})
	c := vec.New(&codec.Type{Kind: codec.KindDouble})
	c.PushFloat(math.Inf(1))
	c.PushFloat(math.Inf(-1))
	l.Offer("w", 1, &answer{now: now, names: []string{"F.x"}, inputs: 1, columns: []*vec.Column{c}})
	l.Close()
	got := strings.Join(rows(t, dir, Filter{Workflow: "w"}), "")
	if !strings.Contains(got, `"F.x":"+infinity"`) || !strings.Contains(got, `"F.x":"-infinity"`) {
		t.Error(got)
	}
}

// TestNatural looks at the file's own types, with nothing of ours in between.
func TestNatural(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir})
	names := []string{"F.int", "F.float", "F.str", "F.bool", "F.time", "F.date", "F.bytes", "F.dec", "F.list"}
	types := []string{"int", "float", "str", "bool", "datetime", "date", "bytes", "Decimal[2]", "List[int]"}
	values := []string{"1", "1.5", `"x"`, "true", `"2020-01-01T00:00:00Z"`, `"2020-01-01"`, `"AA=="`, "1.25", "[1]"}
	a := &answer{now: now, names: names, inputs: 1}
	for i := range types {
		a.columns = append(a.columns, column(t, types[i], values[i]))
	}
	// An input that is asked for again is one column.
	a.names, a.columns = append(a.names, "F.int"), append(a.columns, a.columns[0])
	l.Offer("w", 1, a)
	l.Close()
	files, err := List(dir, Filter{})
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	r, err := open(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.disk.Close()
	var got []string
	for _, c := range r.file.Root().Columns() {
		got = append(got, fmt.Sprintf("%s %s optional=%v", c.Name(), c.Type(), c.Optional()))
	}
	want := []string{
		"timestamp TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=false", "F.int INT(64,true) optional=true", "F.float DOUBLE optional=true",
		"F.str STRING optional=true", "F.bool BOOLEAN optional=true", "F.time TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=true",
		"F.date DATE optional=true", "F.bytes BYTE_ARRAY optional=true", "F.dec STRING optional=true", "F.list STRING optional=true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	var _ *parquet.File = r.file
}

// TestNames: columns may have any names, also such as differ in case only.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir})
	a := &answer{now: now, inputs: 1}
	want := `{"workflow":"w","timestamp":"2026-11-21T05:30:00.000001Z"`
	for i, name := range []string{"F.a", "F.A", "f.a", "F._x", "F.é ü", "F.1", "_.x", "F.a.b", "F_a", "TIMESTAMP", "F." + strings.Repeat("n", 1000)} {
		a.names = append(a.names, name)
		a.columns = append(a.columns, column(t, "int", fmt.Sprint(i)))
		want += fmt.Sprintf(`,"%s":%d`, name, i)
	}
	l.Offer("w", 1, a)
	l.Close()
	if got := rows(t, dir, Filter{}); len(got) != 1 || got[0] != want+"}" {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// TestPlaces: workflows, hours and schemas are kept apart.
func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir})
	later, other := ids(3), ids(4)
	later.now += time.Hour.Microseconds()
	other.names = []string{"G.id"}
	for _, a := range []*answer{ids(1), ids(2), later, other} {
		l.Offer("../a b/ü", 1, a)
	}
	l.Offer("x", 1, ids(5))
	l.Close()
	files, err := List(dir, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		rel, err := filepath.Rel(dir, filepath.Dir(f.Path))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d", f.Workflow, f.Hour, rel, f.Rows))
	}
	slices.Sort(got)
	const w = "../a b/ü"
	const p = "workflow=%2E.%2Fa%20b%2F%C3%BC"
	want := []string{
		w + " 2026-11-21T05 " + p + "/hour=2026-11-21T05 3",
		w + " 2026-11-21T05 " + p + "/hour=2026-11-21T05 4",
		w + " 2026-11-21T06 " + p + "/hour=2026-11-21T06 3",
		"x 2026-11-21T05 workflow=x/hour=2026-11-21T05 5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if n := len(rows(t, dir, Filter{Workflow: w, From: "2026-11-21T06"})); n != 3 {
		t.Error(n)
	}
	if n := len(rows(t, dir, Filter{Until: "2026-11-21T05"})); n != 12 {
		t.Error(n)
	}
}

func TestSampling(t *testing.T) {
	dir := t.TempDir()
	var n int
	l := open1(t, Options{Dir: dir, Random: func() float64 { n++; return float64(n%4) / 4 }})
	l.Offer("w", 0.5, ids(8)) // draws .25 .5 .75 0 and again
	l.Offer("none", 0, ids(8))
	l.Close()
	got := rows(t, dir, Filter{})
	if len(got) != 4 || !strings.HasSuffix(got[0], `"F.id":0}`) || !strings.HasSuffix(got[1], `"F.id":3}`) ||
		!strings.HasSuffix(got[2], `"F.id":4}`) || !strings.HasSuffix(got[3], `"F.id":7}`) {
		t.Error(got)
	}
}

// stuck is a file whose writes wait.
type stuck struct {
	file
	gate chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	<-s.gate
	return s.file.Write(b)
}

// TestFull: while the disk hangs, rows are taken up to the bound, then dropped, and Offer
// does not wait (the test would never end). What was taken is written when the disk is
// back.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	l, err := prepare(Options{Dir: dir, QueueBytes: 100_000, FileRows: 1, Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	l.create = func(path string) (file, error) {
		f, err := createFile(path)
		return stuck{f, gate}, err
	}
	go l.work()
	const calls, each = 2000, 10
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range calls / 4 {
				l.Offer("w", 1, ids(each))
			}
		})
	}
	wg.Wait()
	dropped := l.Dropped()
	if dropped == 0 || dropped >= calls*each || l.Rows() != 0 || l.held.Load() > l.QueueBytes {
		t.Errorf("%d dropped, %d written, %d bytes held", dropped, l.Rows(), l.held.Load())
	}
	close(gate)
	l.Close()
	l.Offer("w", 1, ids(7)) // too late
	if got := len(rows(t, dir, Filter{})); uint64(got) != l.Rows() || l.Rows()+dropped != calls*each || l.Dropped() != dropped+7 {
		t.Errorf("%d in files, %d counted, %d and then %d dropped of %d", got, l.Rows(), dropped, l.Dropped(), calls*each)
	}
	if l.held.Load() != 0 {
		t.Errorf("%d bytes held", l.held.Load())
	}
}

// TestBroken: a file that cannot be written is no file, and its rows are counted.
func TestBroken(t *testing.T) {
	testBroken(t, func(f file) file { return broken{f} })
	testBroken(t, func(f file) file { return panicking{f} })
}

func testBroken(t *testing.T, breaks func(file) file) {
	t.Helper()
	dir := t.TempDir()
	l, err := prepare(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	l.create = func(path string) (file, error) {
		f, err := createFile(path)
		return breaks(f), err
	}
	go l.work()
	l.Offer("w", 1, ids(9))
	failing := ids(2)
	failing.names, failing.columns = append(failing.names, "F.x"), append(failing.columns, failing.columns[0])
	failing.columnFailure = errors.New("no")
	l.Offer("w", 1, failing)
	l.Close()
	if l.Rows() != 0 || l.Dropped() != 11 || l.held.Load() != 0 {
		t.Errorf("%d written, %d dropped, %d bytes held", l.Rows(), l.Dropped(), l.held.Load())
	}
	if all := filesIn(t, dir); len(all) != 0 {
		t.Error(all)
	}
}

type broken struct{ file }

func (broken) Sync() error { return errors.New("disk failed") }

type panicking struct{ file }

func (panicking) Write([]byte) (int, error) { panic("as a library might") }

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCrash: half a file of a process that was killed is not read, and goes.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir})
	l.Offer("w", 1, ids(3))
	l.Close()
	for _, name := range []string{".part-17.tmp", "mine.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("PAR1 half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, dir, Filter{}); len(got) != 3 {
		t.Error(got)
	}
	l = open1(t, Options{Dir: dir})
	l.Offer("w", 1, ids(2))
	l.Close()
	if got := rows(t, dir, Filter{}); len(got) != 5 {
		t.Error(got)
	}
	if got := filesIn(t, dir); len(got) != 3 || !slices.Contains(got, "mine.tmp") {
		t.Error(got)
	}
}

// TestAge: a file is finished without further rows, and hours are forgotten.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	l := open1(t, Options{Dir: dir, Interval: 20 * time.Millisecond})
	l.Offer("w", 1, ids(3))
	for end := time.Now().Add(10 * time.Second); l.Rows() != 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no file was finished")
		}
	}
	at := time.UnixMicro(now).UTC().Truncate(time.Hour)
	for _, step := range []struct {
		limit time.Time
		rows  int
	}{{at.Add(time.Hour), 3}, {at.Add(time.Hour + 1), 0}} {
		if err := forgetHours(dir, step.limit); err != nil {
			t.Fatal(err)
		}
		if got := rows(t, dir, Filter{}); len(got) != step.rows {
			t.Errorf("until %v: %s", step.limit, got)
		}
	}
}
