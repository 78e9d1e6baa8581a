package storage

import (
	"cmp"
	"context"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Fence makes writes that are Together appear at once to readers of several keys. It
// belongs to a store whose shards publish one after the other. Writers say when rows
// begin to appear and when all have; a reader who was disturbed by that reads again,
// with writers held off. Reading costs two atomic loads a table if nobody writes. A
// reader does not wait long for writers: while the disk holds these up, it may see rows
// of which others have not appeared yet.
type Fence struct {
	// Wait is how long a reader waits at most; 0 is 50 ms. It needs microseconds
	// unless the disk or the scheduler holds a writer up.
	Wait time.Duration

	mu      sync.RWMutex // held shared while rows appear, whole by readers who read again
	stripes [fences]struct{ begun, ended atomic.Uint64 }
}

// fences is how many sets tables are told apart by; they are bits of a word.
const fences = 64

func fenceOf(table uint32) uint64 { return 1 << (table % fences) }

// Fencer is an optional Store ability: it honors Write.Together by this fence. A store
// in front of one that keeps rows itself reads by the same fence.
type Fencer interface{ Fence() *Fence }

// Begin says that the rows of ws begin to appear. It waits for readers that read again.
func (f *Fence) Begin(ws []Write) (tables uint64) {
	for i := range ws {
		tables |= fenceOf(ws[i].Table)
	}
	f.mu.RLock()
	for rest := tables; rest != 0; rest &= rest - 1 {
		f.stripes[bits.TrailingZeros64(rest)].begun.Add(1)
	}
	return tables
}

// End says that all rows have appeared. tables is what Begin returned.
func (f *Fence) End(tables uint64) {
	for rest := tables; rest != 0; rest &= rest - 1 {
		f.stripes[bits.TrailingZeros64(rest)].ended.Add(1)
	}
	f.mu.RUnlock()
}

// Get fills b, which has several keys, with get, a second time if rows appeared meanwhile.
func (f *Fence) Get(ctx context.Context, b *Batch, get func(context.Context, *Batch) error) error {
	// What had begun had ended before, and nothing has begun since: no count of a
	// stripe ever falls, so the sums are equal only if all their terms are.
	before := uint64(0)
	for rest := b.tables; rest != 0; rest &= rest - 1 {
		before += f.stripes[bits.TrailingZeros64(rest)].ended.Load()
	}
	err := get(ctx, b)
	if err != nil {
		return err
	}
	after := uint64(0)
	for rest := b.tables; rest != 0; rest &= rest - 1 {
		after += f.stripes[bits.TrailingZeros64(rest)].begun.Load()
	}
	if before == after {
		return nil
	}
	if !f.hold() {
		return nil
	}
	defer f.mu.Unlock()
	b.again()
	return get(ctx, b)
}

// hold takes mu whole unless that takes too long.
func (f *Fence) hold() bool {
	for range 20 { // mostly it is a matter of microseconds
		if f.mu.TryLock() {
			return true
		}
		runtime.Gosched()
	}
	for end := time.Now().Add(cmp.Or(f.Wait, 50*time.Millisecond)); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
		if f.mu.TryLock() {
			return true
		}
	}
	return false
}
