package sqltext

import (
	"strconv"
	"strings"
)

// Statement is one statement of a text.
type Statement struct {
	Text   string // without the semicolon, and white space and comments around it
	Offset int    // in the whole text
	Word   string // the first keyword, in capitals
	Select bool   // it asks for rows and changes nothing
	Marks  []int  // where in Text the parameters are

	operators []int // where in Text ?? stands for ?
}

// Split takes a text apart. Pieces without anything but comments are left out.
func Split(text string, d Dialect) ([]Statement, error) {
	tokens, err := Scan(text, d)
	if err != nil {
		return nil, err
	}
	var all []Statement
	for len(tokens) > 0 {
		n := 0
		for n < len(tokens) && tokens[n].Kind != End {
			n++
		}
		if s, ok := statement(text, tokens[:n]); ok {
			all = append(all, s)
		}
		tokens = tokens[min(n+1, len(tokens)):]
	}
	return all, nil
}

func statement(text string, tokens []Token) (s Statement, ok bool) {
	for len(tokens) > 0 && tokens[0].Kind == Space {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].Kind == Space {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return s, false
	}
	s.Offset = tokens[0].From
	s.Text = text[s.Offset:tokens[len(tokens)-1].To]
	changes := false // there is an INSERT, UPDATE or DELETE behind the first word
	before := ""
	for i, t := range tokens {
		switch t.Kind {
		case Mark:
			s.Marks = append(s.Marks, t.From-s.Offset)
		case Operator:
			s.operators = append(s.operators, t.From-s.Offset)
		case Word:
			word := strings.ToUpper(text[t.From:t.To])
			if s.Word == "" {
				s.Word = word
			}
			switch word {
			case "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE":
				// Some are functions as well, and SELECT may end with FOR UPDATE.
				call := i+1 < len(tokens) && text[tokens[i+1].From] == '('
				changes = changes || !call && before != "FOR"
			}
			before = word
		}
	}
	switch s.Word {
	case "SELECT", "VALUES", "TABLE":
		s.Select = true
	case "WITH":
		s.Select = !changes
	}
	return s, true
}

// Numbered returns the text with $1, $2 and so on in place of the parameters, as
// PostgreSQL wants them, and with operators as they are.
func (s *Statement) Numbered() string {
	var b strings.Builder
	at := 0
	marks, operators := s.Marks, s.operators
	for len(marks)+len(operators) > 0 {
		if len(marks) == 0 || len(operators) > 0 && operators[0] < marks[0] {
			b.WriteString(s.Text[at : operators[0]+1])
			at, operators = operators[0]+2, operators[1:]
			continue
		}
		b.WriteString(s.Text[at:marks[0]])
		b.WriteString(" $" + strconv.Itoa(len(s.Marks)-len(marks)+1) + " ")
		at, marks = marks[0]+1, marks[1:]
	}
	b.WriteString(s.Text[at:])
	return b.String()
}

// Receiver returns which of the statements of one query gets the parameters, and gives
// the answer: the last that selects, else the last (Dataiku contract, section 10).
func Receiver(all []Statement) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Select {
			return i
		}
	}
	return len(all) - 1
}

// Keeps reports whether a statement leaves its connection as it was once its
// transaction is over, so that others can use it.
func (s *Statement) Keeps() bool {
	switch s.Word {
	case "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "EXPLAIN", "SHOW":
		return true
	}
	return false
}

// Changes reports whether a statement changes rows, so that there is a number of these.
func (s *Statement) Changes() bool {
	switch s.Word {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE":
		return true
	}
	return s.Word == "WITH" && !s.Select
}

// EndsTransaction reports whether a statement begins or ends a transaction, which is not
// its business.
func (s *Statement) EndsTransaction() bool {
	switch s.Word {
	case "BEGIN", "START", "COMMIT", "ROLLBACK", "END", "ABORT", "XA", "PREPARE":
		return true
	}
	return false
}

// Resets reports whether a statement could switch off that a connection only reads.
func (s *Statement) Resets() bool {
	switch s.Word {
	case "SET", "RESET", "DISCARD", "PRAGMA", "ATTACH":
		return true
	}
	return false
}
