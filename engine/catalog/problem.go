package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quiver/engine/fail"
)

// Problem is one fault in the definitions and where it stands.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0: the definition is not from a file
	Column  int    `json:"column"` // in characters, from 1
	Text    string `json:"text"`
	Excerpt string `json:"excerpt,omitempty"` // the line and a caret below it; ends with a line break

	file  *File // nil: the definition is not from a file
	order int   // of the file among all files
}

// Place returns file:line:column.
func (p *Problem) Place() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problems is the error for definitions that cannot be accepted: all their faults,
// sorted by position. Nothing was changed. errors.As also finds it as a *fail.Error
// of code Malformed.
type Problems struct {
	List []Problem `json:"problems"` // at most maxProblems
	More int       `json:"more"`     // found beyond those
}

// maxProblems bounds what is shown at once, manyProblems what is collected.
const (
	maxProblems  = 50
	manyProblems = 1000
)

// Error prints one line per problem, each followed by its excerpt.
func (e *Problems) Error() string {
	var b strings.Builder
	for i := range e.List {
		p := &e.List[i]
		fmt.Fprintf(&b, "%s: %s\n%s", p.Place(), p.Text, p.Excerpt)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "and %d more problems", e.More)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// As lets errors.As take the problems for what the caller sees of any engine error.
func (e *Problems) As(target any) bool {
	f, ok := target.(**fail.Error)
	if ok {
		*f = &fail.Error{Code: fail.Malformed, Text: e.Error()}
	}
	return ok
}

// collector gathers problems while definitions are read and checked.
type collector struct {
	list []Problem
	more int
}

func (c *collector) add(p Problem) { c.list = append(c.list, p) }

// full reports whether there are enough problems; then another one is only counted,
// without the work of finding its place.
func (c *collector) full() bool {
	if len(c.list) < manyProblems {
		return false
	}
	c.more++
	return true
}

func (c *collector) count() int { return len(c.list) + c.more }

// err returns what was gathered, nil when there is nothing.
func (c *collector) err() error {
	if c.count() == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	list := slices.CompactFunc(c.list, func(a, b Problem) bool { return a.Place() == b.Place() && a.Text == b.Text })
	n := min(len(list), maxProblems)
	for i := range list[:n] {
		list[i].excerpt()
	}
	return &Problems{List: list[:n:n], More: len(list) - n + c.more}
}

// excerpt draws the problem's line with a caret below its column, cut to a window
// around it when the line is long.
func (p *Problem) excerpt() {
	if p.file == nil {
		return
	}
	n := 0
	for row := range strings.Lines(p.file.plain()) {
		if n++; n == p.Line {
			if strings.Contains(row, "dsn") {
				return // it may hold a secret
			}
			p.Excerpt = draw(n, strings.TrimRight(row, "\r\n"), p.Column)
			return
		}
	}
}

func draw(line int, text string, column int) string {
	const before, width = 60, 110
	runes := []rune(text)
	at := min(max(column-1, 0), len(runes))
	from := 0
	if len(runes) > width {
		from = max(at-before, 0)
		runes = runes[from:min(from+width, len(runes))]
	}
	for i, r := range runes {
		switch {
		case r == '\t':
			runes[i] = ' '
		case unicode.IsControl(r) || r == utf8.RuneError:
			runes[i] = '?'
		}
	}
	lead, cut := fmt.Sprintf("%5d | ", line), ""
	if from > 0 {
		cut = "..."
	}
	return fmt.Sprintf("%s%s%s\n%s| %s^\n", lead, cut, string(runes), strings.Repeat(" ", len(lead)-2),
		strings.Repeat(" ", len(cut)+at-from))
}

// quote prints a name or value for a message, shortened when it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

// suggest returns `; did you mean "x"?` for the known word nearest to word, or the
// list of known words when none is near and they are few.
func suggest(word string, known []string) string {
	best, near := "", 3
	if len(word) <= 4 {
		near = 2
	}
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < near && d < len(k) {
			best, near = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) > 0 && len(known) <= 16 && !slices.ContainsFunc(known, func(s string) bool { return checkName(s) != "" }):
		return "; there are: " + strings.Join(known, ", ")
	}
	return ""
}

// distance counts the letters to insert, remove or replace between two words; words
// that are far longer than any of ours are simply far.
func distance(a, b string) int {
	if len(a) > maxName || len(b) > maxName {
		return maxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
