package expr

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"quiver/codec"
	"quiver/engine/expr/chrono"
	"quiver/engine/expr/vec"
)

// testNow is the time of the request in tests: 2024-01-01 00:00 UTC.
const testNow = 1704067200 * chrono.Second

// table is columns for tests.
type table struct {
	schema map[string]*codec.Type
	cols   map[string]*vec.Column
	rows   int
}

func mustType(t testing.TB, text string) *codec.Type {
	t.Helper()
	typ, err := codec.ParseType(text, codec.SpellingFennel)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// newTable makes a table of columns given as "name type": "[json values]".
func newTable(t testing.TB, columns map[string]string) *table {
	t.Helper()
	tab := &table{schema: map[string]*codec.Type{}, cols: map[string]*vec.Column{}}
	l := vec.Loader{Now: testNow}
	for head, values := range columns {
		name, typ, _ := strings.Cut(head, " ")
		tab.schema[name] = mustType(t, typ)
		c := vec.New(tab.schema[name])
		var raw []json.RawMessage
		if err := json.Unmarshal([]byte(values), &raw); err != nil {
			t.Fatalf("%s: %v", head, err)
		}
		for _, r := range raw {
			if err := l.PushJSON(c, r); err != nil {
				t.Fatalf("%s: %v", head, err)
			}
		}
		tab.cols[name], tab.rows = c, c.Len
	}
	return tab
}

// eval runs an expression and returns its type and its values as the API answers them.
func (tab *table) eval(text string, want *codec.Type) (typ string, values []string, err error) {
	p, err := New(text, tab.schema, want)
	if err != nil {
		return "", nil, err
	}
	return tab.run(p)
}

func (tab *table) run(p *Program) (typ string, values []string, err error) {
	var in []*vec.Column
	for _, name := range p.Columns() {
		in = append(in, tab.cols[name])
	}
	out, err := p.NewScratch().Eval(in, tab.rows, testNow)
	if err != nil {
		return "", nil, err
	}
	if out.Len != tab.rows {
		return "", nil, fmt.Errorf("%d rows for %d", out.Len, tab.rows)
	}
	for i := range out.Len {
		values = append(values, string(out.AppendFennel(nil, i)))
	}
	return vec.TypeName(p.Type()), values, nil
}

var caseTypes = strings.NewReplacer("optional<", "Optional[", "list<", "List[", "map<", "Dict[str, ", ">", "]", "datetime micros", "datetime")

// caseColumn turns a column of the frames of the cases into one of a table.
func caseColumn(t *testing.T, name string, v any) (head, values string) {
	s, ok := v.(string)
	if !ok {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		typ := map[byte]string{'"': "str", 't': "bool", 'f': "bool"}[raw[1]]
		if typ == "" {
			typ = "int"
			if name == "c" || name == "h" { // 1.0 in the file
				typ = "float"
			}
		}
		return name + " " + typ, string(raw)
	}
	at := strings.Index(s, "[")
	typ := strings.TrimSpace(s[:at])
	if typ == "" {
		typ = "float" // nan_floats
	}
	values = s[at:]
	values = regexp.MustCompile(`[+-]?Inf|NaN`).ReplaceAllString(values, `"$0"`)
	values = regexp.MustCompile(`([{,])([a-z]):`).ReplaceAllString(values, `$1"$2":`)
	if strings.Contains(typ, "str") && !strings.Contains(values, `"`) {
		values = regexp.MustCompile(`[a-z]`).ReplaceAllString(values, `"$0"`)
	}
	if strings.HasPrefix(typ, "datetime") {
		var micros []int64
		if err := json.Unmarshal([]byte(values), &micros); err != nil {
			t.Fatal(err)
		}
		values = ""
		for _, m := range micros {
			values += fmt.Sprintf(",%q", chrono.AppendInstant(nil, m))
		}
		values = "[" + values[1:] + "]"
	}
	return name + " " + caseTypes.Replace(typ), values
}

// The cases that came with the contract.
func TestContractCases(t *testing.T) {
	raw, err := os.ReadFile("testdata/fennel.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		Given   json.RawMessage
		Request struct{ Expr string }
		Expect  struct {
			Outcome string
			Type    string
			Values  []json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	tables := map[string]*table{}
	run := 0
	for _, c := range cases {
		if c.Name == "expr frames" {
			var frames map[string]map[string]any
			if err := json.Unmarshal(c.Given, &frames); err != nil {
				t.Fatal(err)
			}
			for frame, columns := range frames {
				heads := map[string]string{}
				for name, v := range columns {
					head, values := caseColumn(t, name, v)
					heads[head] = values
				}
				tables[frame] = newTable(t, heads)
			}
			continue
		}
		if !strings.HasPrefix(c.Name, "expr ") {
			continue
		}
		run++
		var given struct{ Frame string }
		if err := json.Unmarshal(c.Given, &given); err != nil {
			t.Fatal(err)
		}
		text := c.Request.Expr
		if s, ok := strings.CutPrefix(text, `str_literal '`); ok { // a literal in the file's own notation
			value, rest, _ := strings.Cut(s, `' `)
			text = "lit('" + value + "').str" + rest
		}
		typ, values, err := tables[given.Frame].eval(text, nil)
		if c.Expect.Outcome == "invalid" {
			var e *Error
			if err == nil {
				t.Errorf("%s: gives %s %v, want it refused", c.Name, typ, values)
			} else if e, _ = err.(*Error); e == nil {
				t.Errorf("%s: %v, want it refused by the checker", c.Name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if want := caseTypes.Replace(c.Expect.Type); typ != want {
			t.Errorf("%s: type %s, want %s", c.Name, typ, want)
		}
		if len(values) != len(c.Expect.Values) {
			t.Errorf("%s: %d values, want %d", c.Name, len(values), len(c.Expect.Values))
			continue
		}
		for i, got := range values {
			// Through a column of the same type, so that notations do not matter.
			want := string(c.Expect.Values[i])
			if want == `"-Inf"` {
				want = `"-infinity"`
			}
			if strings.HasSuffix(typ, "datetime") {
				var micros int64
				if err := json.Unmarshal([]byte(want), &micros); err != nil {
					t.Fatal(err)
				}
				want = fmt.Sprintf("%q", chrono.AppendInstant(nil, micros))
			}
			if typ == "float" || typ == "Optional[float]" {
				want = strings.TrimSuffix(want, ".0")
				got = strings.TrimSuffix(got, ".0")
			}
			if strings.ReplaceAll(want, " ", "") != got {
				t.Errorf("%s: row %d is %s, want %s", c.Name, i, got, want)
			}
		}
	}
	if run != 45 {
		t.Errorf("%d expr cases, want 45", run)
	}
}

// columns returns columns by name.
func (tab *table) columns(names ...string) []*vec.Column {
	var in []*vec.Column
	for _, name := range names {
		in = append(in, tab.cols[name])
	}
	return in
}
