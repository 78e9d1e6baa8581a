package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"quiver/codec"
	"quiver/engine"
)

// noLimit is a limit that no event time is below.
const noLimit = math.MinInt64

// newest is the newest event time that an endpoint saw for a group (Fennel contract,
// section 3.2), noLimit at first. A time that is still to come counts as the time of its
// call: one wrong clock must not make the rows of all others late.
type newest struct {
	time  atomic.Int64
	noted int64 // what is durable; of one goroutine at a time
}

func seenNote(group int64) string { return fmt.Sprintf("seen/%d", group) }

// openNewest reads what is known of a group.
func (h *Hooks) openNewest(ctx context.Context, table uint32, group int64, n *newest) error {
	note, err := h.engine.Note(ctx, table, seenNote(group))
	if err != nil {
		return err
	}
	n.noted = noLimit
	if len(note) == 8 {
		n.noted = int64(binary.BigEndian.Uint64(note))
	}
	n.time.Store(n.noted)
	return nil
}

// saw takes note of changes that were logged at some time.
func (n *newest) saw(changes []engine.Change, at int64) {
	latest := int64(noLimit)
	for _, c := range changes {
		latest = max(latest, min(eventTime(c), at))
	}
	for have := n.time.Load(); have < latest && !n.time.CompareAndSwap(have, latest); have = n.time.Load() {
	}
}

// limit is the event time before which rows are late now.
func (c *target) limit() int64 {
	seen := c.feed.newest.time.Load()
	if c.disorder == 0 || c.Ref.EventTimeColumn < 0 || seen < noLimit+c.disorder {
		return noLimit
	}
	return seen - c.disorder
}

// intime returns the changes that are not late; it reuses the memory.
func intime(changes []engine.Change, limit int64) []engine.Change {
	if limit == noLimit {
		return changes
	}
	kept := changes[:0]
	for _, c := range changes {
		if eventTime(c) >= limit {
			kept = append(kept, c)
		}
	}
	return kept
}

// eventTime is the time of a change, which was made here.
func eventTime(c engine.Change) int64 {
	row, _ := codec.ParseRow(c.Row)
	return row.Time()
}

// noteNewest makes the newest event times durable, if they have changed.
func (h *Hooks) noteNewest(ctx context.Context, e *endpoint) error {
	var errs []error
	for _, t := range e.targets {
		n := &t.feed.newest
		now := n.time.Load()
		if now == n.noted {
			continue
		}
		if err := h.engine.SetNote(ctx, e.table, seenNote(t.Ref.ID), binary.BigEndian.AppendUint64(nil, uint64(now))); err != nil {
			errs = append(errs, err)
			continue
		}
		n.noted = now
	}
	return errors.Join(errs...)
}
