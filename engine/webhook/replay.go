package webhook

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"quiver/codec"
	"quiver/engine"
)

const markNote = "applied"

// feedKey names a group at an endpoint.
type feedKey struct {
	table uint32
	group int64
}

// feed says from which record on a group gets an endpoint's rows as they are logged; the
// ones before are replayed into it.
type feed struct {
	from    uint64
	placed  bool // from is known; guarded by Hooks.gate
	resumed bool // a replay may have been cut off
	done    atomic.Bool
	newest  newest
}

func feedNote(group int64) string { return fmt.Sprintf("into/%d", group) }

// openFeed reads what is known of a feed. booting: the process has just started.
func (h *Hooks) openFeed(ctx context.Context, table uint32, group int64, booting bool) (*feed, error) {
	note, err := h.engine.Note(ctx, table, feedNote(group))
	if err != nil {
		return nil, err
	}
	f := &feed{resumed: booting}
	if err := h.openNewest(ctx, table, group, &f.newest); err != nil {
		return nil, err
	}
	if len(note) == 9 {
		f.from, f.placed, f.resumed = binary.BigEndian.Uint64(note[1:]), true, true
		f.done.Store(note[0] == 1)
	}
	return f, nil
}

func (h *Hooks) noteFeed(ctx context.Context, table uint32, group int64, f *feed, done byte) error {
	return h.engine.SetNote(ctx, table, feedNote(group), binary.BigEndian.AppendUint64([]byte{done}, f.from))
}

// progress knows which records of an endpoint are in all groups.
type progress struct {
	mu      sync.Mutex
	tokens  uint64
	running map[uint64]uint64 // token -> a record number not above its own
	failed  map[uint64]uint64 // token -> record to be tried again
	next    uint64            // after the last record that is done
	marked  uint64
}

func (h *Hooks) progressOf(table uint32) *progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.progress[table]
	if p == nil {
		p = &progress{running: map[uint64]uint64{}, failed: map[uint64]uint64{}}
		h.progress[table] = p
	}
	return p
}

func (p *progress) begin(floor uint64) (token uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens++
	p.running[p.tokens] = floor
	return p.tokens
}

func (p *progress) end(token, next uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, token)
	delete(p.failed, token)
	p.next = max(p.next, next)
}

func (p *progress) retry(token, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[token] = seq
	p.failed[token] = seq
}

// mark is the first record that may not be in all groups.
func (p *progress) mark() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.next
	for _, seq := range p.running {
		m = min(m, seq)
	}
	return m
}

func (p *progress) retries() map[uint64]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[uint64]uint64, len(p.failed))
	for token, seq := range p.failed {
		out[token] = seq
	}
	return out
}

// Recover applies what was logged but not known to be in all groups when the last process
// ended. Call it after Engine.AddPart and before Log.
func (h *Hooks) Recover(ctx context.Context) error {
	for _, e := range h.state.Load().endpoints {
		note, err := h.engine.Note(ctx, e.table, markNote)
		if err != nil {
			return err
		}
		var from uint64
		if len(note) == 8 {
			from = binary.BigEndian.Uint64(note)
		}
		to, err := h.engine.NextRecord(ctx, e.table)
		if err != nil {
			return err
		}
		if from < to {
			if err := h.replay(ctx, e.targets, e.table, from, to, true); err != nil {
				return err
			}
		}
		e.progress.end(0, to)
	}
	return h.mark(ctx)
}

// replay applies the records from (inclusive) to to (exclusive) to targets. With compare
// events that a group without a key has already are left out.
func (h *Hooks) replay(ctx context.Context, targets []*target, table uint32, from, to uint64, compare bool) error {
	if from >= to {
		return nil
	}
	have := make([]map[uint64]int, len(targets))
	if compare {
		for i, t := range targets {
			if len(t.Ref.Key) > 0 {
				continue
			}
			have[i] = map[uint64]int{}
			err := h.records(ctx, table, from, to, func(r record) error {
				all, _, err := h.convert(targets[i:i+1], r.at, r.data, true)
				if err != nil {
					return nil // not for this group as it is now
				}
				for _, c := range all[0] {
					have[i][changeSum(c)] = 0
				}
				return nil
			})
			if err == nil {
				err = h.engine.Events(ctx, t.ref(), func(row codec.Row) bool {
					sum := rowSum(row)
					if n, ok := have[i][sum]; ok {
						have[i][sum] = n + 1
					}
					return ctx.Err() == nil
				})
			}
			if err != nil {
				return err
			}
		}
	}
	return h.records(ctx, table, from, to, func(r record) error {
		for i, t := range targets {
			// A record that fitted when it was logged may not fit a group defined
			// later: what does not fit is left out.
			all, dropped, err := h.convert(targets[i:i+1], r.at, r.data, true)
			if err != nil {
				h.dropped.Add(1)
				continue
			}
			h.dropped.Add(uint64(dropped))
			changes := intime(all[0], r.limit(t.Ref.ID))
			t.feed.newest.saw(changes, r.at)
			if have[i] != nil {
				changes = missing(changes, have[i])
			}
			if err := h.write(ctx, []*target{t}, [][]engine.Change{changes}); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowSum tells rows apart by their cells and time.
func rowSum(r codec.Row) uint64 {
	return xxhash.Sum64(r.Run(0, r.Columns())) ^ uint64(r.Time())*0x9e3779b97f4a7c15
}

func changeSum(c engine.Change) uint64 {
	r, err := codec.ParseRow(c.Row)
	if err != nil {
		return 0 // cannot be: the row was made here
	}
	return rowSum(r)
}

// missing returns the changes that are not among those there, taking each once.
func missing(changes []engine.Change, have map[uint64]int) []engine.Change {
	out := changes[:0:0]
	for _, c := range changes {
		if sum := changeSum(c); have[sum] > 0 {
			have[sum]--
			continue
		}
		out = append(out, c)
	}
	return out
}

// records calls f for the records of a range until it fails. f runs outside of the
// store's iteration.
func (h *Hooks) records(ctx context.Context, table uint32, from, to uint64, f func(record) error) error {
	const most = 4 << 20
	for from < to {
		var some [][]byte
		size := 0
		next := to
		err := h.engine.Records(ctx, table, from, func(seq uint64, b []byte) bool {
			if seq >= to {
				return false
			}
			some = append(some, bytes.Clone(b))
			size += len(b)
			if size >= most {
				next = seq + 1
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, b := range some {
			r, err := parseRecord(b)
			if err != nil {
				return fmt.Errorf("endpoint table %d: %w", table, err)
			}
			if err := f(r); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// mark notes how far each endpoint is. The newest event times come first: of every
// record below the mark they must be known, those above are replayed.
func (h *Hooks) mark(ctx context.Context) error {
	var errs []error
	for _, e := range h.state.Load().endpoints {
		m := e.progress.mark()
		e.progress.mu.Lock()
		same := m == e.progress.marked
		e.progress.mu.Unlock()
		if err := h.noteNewest(ctx, e); err != nil {
			errs = append(errs, err)
			continue
		}
		if same {
			continue
		}
		if err := h.engine.SetNote(ctx, e.table, markNote, binary.BigEndian.AppendUint64(nil, m)); err != nil {
			errs = append(errs, err)
			continue
		}
		e.progress.mu.Lock()
		e.progress.marked = m
		e.progress.mu.Unlock()
	}
	return errors.Join(errs...)
}

// work is the one goroutine of Hooks: marks every second, replays into new groups, tries
// again what failed, and ends retention every minute. What fails is tried again at the
// next round.
func (h *Hooks) work(ctx context.Context) {
	defer close(h.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-tick.C:
		}
		h.fill(ctx)
		h.again(ctx)
		h.complaints.Add(ctx, "cannot note how far logged rows are written; it will be tried again", h.mark(ctx))
		if n%60 == 0 {
			h.complaints.Add(ctx, "cannot delete logged rows whose retention is over; it will be tried again", h.Forget(ctx))
		}
	}
}

// fill replays into groups that are new to an endpoint.
func (h *Hooks) fill(ctx context.Context) {
	for _, e := range h.state.Load().endpoints {
		for _, t := range e.targets {
			f := t.feed
			if f.done.Load() || ctx.Err() != nil {
				continue
			}
			if err := h.fillOne(ctx, e, t); err != nil {
				h.complaints.Add(ctx, "cannot fill a group with rows that were logged before; it will be tried again", fmt.Errorf("webhook %s, group %s: %w", e.webhook.Name, t.Ref.Name, err))
				continue
			}
			f.done.Store(true)
		}
	}
}

func (h *Hooks) fillOne(ctx context.Context, e *endpoint, t *target) error {
	f := t.feed
	if err := h.noteFeed(ctx, e.table, t.Ref.ID, f, 0); err != nil {
		return err
	}
	if err := h.replay(ctx, []*target{t}, e.table, 0, f.from, f.resumed); err != nil {
		f.resumed = true
		return err
	}
	return h.noteFeed(ctx, e.table, t.Ref.ID, f, 1)
}

// again applies records whose writing failed.
func (h *Hooks) again(ctx context.Context) {
	for _, e := range h.state.Load().endpoints {
		for token, seq := range e.progress.retries() {
			if err := h.replay(ctx, e.targets, e.table, seq, seq+1, true); err != nil {
				h.complaints.Add(ctx, "cannot write logged rows to their groups; it will be tried again", fmt.Errorf("webhook %s: %w", e.webhook.Name, err))
				continue
			}
			e.progress.end(token, seq+1)
		}
	}
}

// Forget deletes the records whose retention is over. It runs by itself every minute.
func (h *Hooks) Forget(ctx context.Context) error {
	now := h.engine.Now()
	for _, e := range h.state.Load().endpoints {
		limit := now - e.webhook.Retention.Microseconds()
		mark := e.progress.mark()
		for {
			var old []uint64
			err := h.engine.Records(ctx, e.table, 0, func(seq uint64, b []byte) bool {
				if len(b) < recordHead || int64(binary.BigEndian.Uint64(b[1:])) >= limit || seq >= mark {
					return false
				}
				old = append(old, seq)
				return len(old) < 1000
			})
			if err != nil {
				return err
			}
			if len(old) == 0 {
				break
			}
			if err := h.engine.ForgetRecords(ctx, e.table, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the goroutine and notes how far every endpoint is. Log must not be called
// any more; the engine must still be open.
func (h *Hooks) Close(ctx context.Context) error {
	h.cancel()
	<-h.done
	return h.mark(ctx)
}
