package expr

import (
	"fmt"
	"slices"

	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// Limits of one expression.
const (
	MaxText  = 64 << 10 // bytes of text
	MaxNodes = 2000     // operations, columns and literals
	MaxDepth = 400      // operations within each other
)

// Node is one operation of an expression with its operands. Which of the fields beside
// Op and Args count is said with the Op.
type Node struct {
	Op     Op
	Args   []*Node
	Name   string
	Zone   string // "": UTC
	Unit   Unit
	Int    int64
	Num    float64
	Type   *codec.Type
	Lit    []byte   // JSON
	Fields []string // names of Args

	// Where the node is in the text of its tree, in bytes: what a caret points at.
	Pos, End int
	// Where its Name and its Zone are, 0 where they are not in the text.
	NamePos, ZonePos int
}

// Tree is an expression: the one form that the text front end and the wire form (the
// messages of fennel.proto.expression) both come to. A tree is not changed after it was
// made, and may be shared.
type Tree struct {
	Text string
	Root *Node
}

// String returns the text of the expression.
func (t *Tree) String() string { return t.Text }

// NewTree makes a tree of nodes that were not parsed from text. It writes the text, so
// that errors can point into it, and sets the positions of the nodes. A node may stand
// in one place only.
func NewTree(root *Node) (*Tree, error) {
	if err := checkShape(root); err != nil {
		return nil, err
	}
	p := printer{}
	p.node(root)
	if len(p.b) > MaxText {
		return nil, fmt.Errorf("expression of %d bytes; at most %d are allowed", len(p.b), MaxText)
	}
	return &Tree{Text: string(p.b), Root: root}, nil
}

// checkShape checks the limits and that every node has the operands its operation takes.
func checkShape(root *Node) error {
	nodes := 0
	var walk func(n *Node, depth int) error
	walk = func(n *Node, depth int) error {
		if nodes++; nodes > MaxNodes {
			return fmt.Errorf("more than %d operations in one expression", MaxNodes)
		}
		if depth > MaxDepth {
			return fmt.Errorf("more than %d operations within each other", MaxDepth)
		}
		if n == nil {
			return fmt.Errorf("an operand is missing")
		}
		if err := n.shape(); err != nil {
			return err
		}
		for _, a := range n.Args {
			if err := walk(a, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root, 1)
}

// shape checks what an operation needs of its node.
func (n *Node) shape() error {
	low, high := 0, 0
	switch n.Op {
	case OpCol, OpVar, OpNow:
	case OpDatetime:
		if !chrono.InRange(n.Int) {
			return fmt.Errorf("datetime: %w", chrono.ErrRange)
		}
	case OpLit:
		if len(n.Lit) == 0 {
			return fmt.Errorf("a literal without a value")
		}
	case OpNeg, OpNot, OpFromEpoch:
		low, high = 1, 1
	case OpRepeat:
		low, high = 2, 2
	case OpCase:
		low, high = 2, MaxNodes
	case OpZip, OpStruct:
		low, high = 1, MaxNodes
		if len(n.Fields) != len(n.Args) {
			return fmt.Errorf("%s with %d names for %d fields", n.Op, len(n.Fields), len(n.Args))
		}
	default:
		if n.Op.sign() != "" {
			low, high = 2, 2
			break
		}
		m := n.Op.method()
		if m == nil {
			return fmt.Errorf("unknown operation %d", n.Op)
		}
		low, high = 1, 1
		for _, p := range m.params {
			if p.kind == paramExpr {
				high++
				if !p.optional {
					low++
				}
			}
			if p.kind == paramType && n.Type == nil {
				return fmt.Errorf("%s without a type", n.Op)
			}
		}
	}
	if len(n.Args) < low || len(n.Args) > high {
		return fmt.Errorf("%s with %d operands", n.Op, len(n.Args))
	}
	if n.Op == OpRound && (n.Int < 0 || n.Int > 400) {
		return fmt.Errorf("round to %d digits; 0 to 400 are possible", n.Int)
	}
	return nil
}

// Columns returns the names of the columns that the expression reads, each once, in the
// order of their first mention.
func (t *Tree) Columns() []string {
	var names []string
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Op == OpCol && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
		for _, a := range n.Args {
			walk(a)
		}
	}
	walk(t.Root)
	return names
}

// datetimeParts are the parameters of datetime().
var datetimeParts = [...]struct {
	name     string
	min, max int
}{
	{"year", 1, 9999},
	{"month", 1, 12},
	{"day", 1, 31},
	{"hour", 0, 23},
	{"minute", 0, 59},
	{"second", 0, 59},
	{"millisecond", 0, 999},
	{"microsecond", 0, 999_999},
}

// DatetimeParts are the arguments of datetime(): year, month, day, hour, minute, second,
// millisecond and microsecond.
type DatetimeParts [8]int

// NewDatetime makes the node of a datetime literal from the local time of a zone ("" is
// UTC). part is the index of the part that is wrong if there is an error, -1 if it is
// not one alone.
func NewDatetime(parts DatetimeParts, zone string) (n *Node, part int, err error) {
	for i, p := range datetimeParts {
		if parts[i] < p.min || parts[i] > p.max {
			return nil, i, fmt.Errorf("%s must be between %d and %d", p.name, p.min, p.max)
		}
	}
	if !chrono.ValidDate(parts[0], parts[1], parts[2]) {
		return nil, 2, fmt.Errorf("%d-%02d has no day %d", parts[0], parts[1], parts[2])
	}
	z, err := loadZone(zone)
	if err != nil {
		return nil, -1, err
	}
	local := chrono.Days(parts[0], parts[1], parts[2])*chrono.Day + int64(parts[3])*chrono.Hour + int64(parts[4])*chrono.Minute +
		int64(parts[5])*chrono.Second + int64(parts[6])*chrono.Millisecond + int64(parts[7])
	micros, err := z.Instant(local)
	if err != nil {
		return nil, -1, err
	}
	return &Node{Op: OpDatetime, Int: micros}, -1, nil
}

// loadZone returns the zone of a node.
func loadZone(name string) (*chrono.Zone, error) {
	if name == "" {
		return chrono.UTC, nil
	}
	return chrono.LoadZone(name)
}
