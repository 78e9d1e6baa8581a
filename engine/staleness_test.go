package engine_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quiver/codec"
)

// What TestStale knows of the rows, and how it judges a read.
//
// The states that one key goes through are in order: first by the table of its group
// (a load that replaces swaps it), then by what the writes of one table are ordered by,
// the event time or the arrival. So a finished call gives a lower bound of the state
// from then on, and a read may show nothing below what was known when it began. What
// cannot be known exactly, as into which of two tables a write went that ran beside a
// swap, is a range, and judged by its end that is kinder to the product.

// position is a state of one key, or a lower bound of it.
type position struct {
	swap  uint64 // how many times the group's table was replaced before
	order uint64 // of the write within the table; 0: what the table began with
}

func (p position) before(q position) bool {
	return p.swap < q.swap || p.swap == q.swap && p.order < q.order
}

// change is a write or removal of one key: the positions it may have.
type change struct {
	id          uint64 // of the row, which holds it; 0: a removal
	first, last uint64 // swaps; last counts when it is done
	low, high   uint64 // orders
	later       uint64 // what low is in a table after the first
	sure        bool   // when it is done, the key is at (first, low) or beyond
	done        bool
	past        time.Time // when it was first found to be below what is known
}

// least returns the lowest position not below floor that the change may have; begun is
// the last swap that began.
func (c *change) least(floor position, begun uint64) (p position, ok bool) {
	last := begun
	if c.done {
		last = min(last, c.last)
	}
	for s := max(c.first, floor.swap); s <= last; s++ {
		low := c.low
		if s > c.first {
			low = c.later
		}
		if s > floor.swap {
			return position{s, low}, true
		}
		if c.high >= floor.order {
			return position{s, max(low, floor.order)}, true
		}
	}
	return position{}, false
}

// patience is from when a read is too slow to be judged: the engine keeps replaced
// tables no longer, and this file forgets changes.
const patience = time.Second

// keyLog is what is known of one key.
type keyLog struct {
	writing sync.Mutex // held by the writer of a key whose order is that of arrival

	mu      sync.Mutex
	known   position
	last    uint64 // numbers given to changes
	changes []*change
	events  [32]event
	at      int // of the next event
}

// event is a line of the history that a failure prints.
type event struct {
	when time.Duration
	what string
	id   uint64
	p    position
}

// groupLog is what is known of one group.
type groupLog struct {
	name  string
	timed bool // ordered by event time
	start time.Time
	keys  []keyLog

	swap      atomic.Uint64 // the last swap that somebody has seen
	begun     atomic.Uint64 // the last swap that began
	replacing sync.Mutex    // one replacing load at a time
	mu        sync.RWMutex
	empty     []bool // by swap: whether the load had no rows

	raced, missing, slow atomic.Uint64
}

func newGroupLog(name string, timed bool, keys int) *groupLog {
	return &groupLog{name: name, timed: timed, start: time.Now(), keys: make([]keyLog, keys), empty: []bool{true}}
}

// loads reports whether the load of a swap had a row for key k.
func (g *groupLog) loads(swap uint64, k int) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return !g.empty[swap] && (uint64(k)*0x9e3779b97f4a7c15+swap*0xbf58476d1ce4e5b9)>>62 != 0
}

func (k *keyLog) note(g *groupLog, what string, id uint64, p position) {
	k.events[k.at%len(k.events)] = event{time.Since(g.start), what, id, p}
	k.at++
}

// floor is what is known of key k now.
func (g *groupLog) floor(k int) position {
	l := &g.keys[k]
	swap := g.swap.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.floor(swap)
}

func (k *keyLog) floor(swap uint64) position {
	if p := (position{swap: swap}); k.known.before(p) {
		return p
	}
	return k.known
}

// raise makes p known. The caller holds the key's mu.
func (g *groupLog) raise(k *keyLog, p position) {
	if k.known.before(p) {
		k.known = p
	}
	for old := g.swap.Load(); old < p.swap && !g.swap.CompareAndSwap(old, p.swap); old = g.swap.Load() {
	}
}

// eventTicks is how far apart the event times of a key are.
const eventTicks = 1024

// number gives out the next number of a key and, of a group with event times, a time
// that no other change of the key has, up to back numbers earlier.
func (k *keyLog) number(back uint64) (n, tick uint64) {
	k.last++
	n = k.last
	return n, (n-min(back, n))*eventTicks + n%eventTicks
}

// write begins a write of a row, whose order and tick are returned.
func (g *groupLog) write(key int, back uint64) (c *change, tick uint64) {
	return g.begin(key, func(k *keyLog, c *change) uint64 {
		n, tick := k.number(back)
		c.id, c.low = n, 2*n
		if g.timed {
			c.low = 2 * tick
		}
		return tick
	})
}

// remove begins a removal, as of a tick where there are event times.
func (g *groupLog) remove(key int, back uint64) (c *change, tick uint64) {
	return g.begin(key, func(k *keyLog, c *change) uint64 {
		n, tick := k.number(back)
		c.low = 2 * n
		if g.timed {
			c.low = 2*tick + 1
		}
		return tick
	})
}

// never is the order of a removal for good.
const never = math.MaxUint64

func (g *groupLog) erase(key int) *change {
	c, _ := g.begin(key, func(_ *keyLog, c *change) uint64 {
		c.low = never
		return 0
	})
	return c
}

// removeStored begins a removal of whatever row is there when the call looks.
func (g *groupLog) removeStored(key int) *change {
	c, _ := g.begin(key, func(k *keyLog, c *change) uint64 {
		floor := k.floor(c.first)
		c.sure = floor.order > 0 && floor.swap == c.first
		c.low, c.high, c.later = floor.order|1, never-1, 1
		return 0
	})
	return c
}

func (g *groupLog) begin(key int, set func(*keyLog, *change) uint64) (*change, uint64) {
	k := &g.keys[key]
	c := &change{first: g.swap.Load(), sure: true}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(g)
	tick := set(k, c)
	if c.high == 0 {
		c.high, c.later = c.low, c.low
	}
	k.changes = append(k.changes, c)
	k.note(g, "begin", c.id, position{c.first, c.low})
	return c, tick
}

// end says that the call returned; failed, that it may have done nothing.
func (g *groupLog) end(key int, c *change, failed bool) {
	k := &g.keys[key]
	k.mu.Lock()
	defer k.mu.Unlock()
	c.done, c.last = true, g.begun.Load()
	if c.high == never-1 {
		c.high = 2*eventTicks*(k.last+1) + 1
	}
	if failed {
		k.note(g, "failed", c.id, position{c.last, c.low})
		return
	}
	k.note(g, "end", c.id, position{c.last, c.low})
	if c.sure {
		g.raise(k, position{c.first, c.low})
	}
}

// forget lets go of changes that no read which is judged can show.
func (k *keyLog) forget(g *groupLog) {
	if len(k.changes) < 8 {
		return
	}
	now, floor := time.Now(), k.floor(g.swap.Load())
	kept := k.changes[:0]
	for _, c := range k.changes {
		if c.done && c.past.IsZero() && (position{c.last, c.high}).before(floor) {
			c.past = now
		}
		if c.past.IsZero() || now.Sub(c.past) < 2*patience {
			kept = append(kept, c)
		}
	}
	clear(k.changes[len(kept):])
	k.changes = kept
}

// shown is what a row says of itself.
type shown struct {
	key       int
	order, id uint64
	swap      uint64 // of the replacing load it came by; 0: by another way
	err       error
}

// The columns of every group.
const (
	columnID = iota
	columnAt
	columnOrder
	columnRow
	columnSwap
	columnPart
	columnPad
)

// padding is what a row is filled with, so that rows are of many sizes.
func padding(key int, id uint64) string {
	return strings.Repeat(string(rune('a'+id%26)), 40+int(uint64(key)*31+id*197)%1400)
}

func parseShown(r codec.Row) (s shown) {
	number := func(column int) uint64 {
		n, err := strconv.ParseUint(string(r.Cell(column)), 10, 64)
		if err != nil {
			s.err = err
		}
		return n
	}
	s.key, s.order, s.id, s.swap = int(number(columnID)), number(columnOrder), number(columnRow), number(columnSwap)
	pad, want := bytes.Trim(r.Cell(columnPad), `"`), padding(s.key, s.id)
	if s.err == nil && string(pad) != want {
		s.err = fmt.Errorf("row %d of key %d has %d bytes of padding, want %d", s.id, s.key, len(pad), len(want))
	}
	return s
}

// judge tells what is wrong with a read of a key that began when floor was known; row is
// nil when there was none.
func (g *groupLog) judge(key int, floor position, row *shown) (fault string) {
	begun := g.begun.Load()
	k := &g.keys[key]
	k.mu.Lock()
	defer k.mu.Unlock()
	var p position
	var ok bool
	var id uint64
	switch {
	case row == nil:
		p, ok = g.absent(k, key, floor, begun)
		g.missing.Add(1)
	case row.err != nil || row.key != key:
		return fmt.Sprintf("another row: %+v", *row)
	case row.swap > 0:
		c := change{first: row.swap, last: row.swap, low: row.order, high: row.order, later: row.order, done: true}
		p, ok = c.least(floor, begun)
	default:
		id = row.id
		for _, c := range k.changes {
			if c.id == id {
				p, ok = c.least(floor, begun)
			}
		}
	}
	if !ok {
		k.note(g, "STALE", id, floor)
		if row == nil {
			return fmt.Sprintf("no row, though %v was known", floor)
		}
		return fmt.Sprintf("row %+v, though %v was known", *row, floor)
	}
	if floor.before(k.floor(g.swap.Load())) {
		g.raced.Add(1)
	}
	if last := k.events[(k.at+len(k.events)-1)%len(k.events)]; last.what != "read" || last.id != id || last.p != p {
		k.note(g, "read", id, p)
	}
	g.raise(k, p)
	return ""
}

// absent returns the lowest position, not below floor, at which there is no row.
func (g *groupLog) absent(k *keyLog, key int, floor position, begun uint64) (p position, ok bool) {
	consider := func(q position) {
		if !ok || q.before(p) {
			p, ok = q, true
		}
	}
	for s := floor.swap; s <= begun; s++ {
		if (s > floor.swap || floor.order == 0) && !g.loads(s, key) {
			consider(position{swap: s})
			break
		}
	}
	for _, c := range k.changes {
		if c.id == 0 {
			if q, may := c.least(floor, begun); may {
				consider(q)
			}
		}
	}
	return p, ok
}

// history prints what is remembered of a key.
func (g *groupLog) history(key int) string {
	k := &g.keys[key]
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "group %s key %d; swaps begun %d, seen %d; time, what, row (0: none), swap and order:\n", g.name, key, g.begun.Load(), g.swap.Load())
	for i := max(0, k.at-len(k.events)); i < k.at; i++ {
		e := k.events[i%len(k.events)]
		fmt.Fprintf(&b, "  %12v %-6s %6d %v\n", e.when, e.what, e.id, e.p)
	}
	return b.String()
}
