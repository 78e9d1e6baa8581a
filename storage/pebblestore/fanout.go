package pebblestore

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/panjf2000/ants/v2"

	"quiver/storage"
)

// fanPool reads parts of large Gets at the same time. It never blocks: a part it
// does not take at once is read by the caller.
type fanPool = ants.PoolWithFuncGeneric[*part]

// poolRelease bounds the wait for the pool's own goroutines; no part is running by
// then.
const poolRelease = time.Second

// newPool returns nil where Gets never fan out.
func (s *Store) newPool() (*fanPool, error) {
	if s.o.FanOutKeys < 0 || len(s.shards) == 1 {
		return nil, nil
	}
	return ants.NewPoolWithFuncGeneric(4*runtime.GOMAXPROCS(0), (*part).run,
		ants.WithNonblocking(true),
		ants.WithPanicHandler(func(r any) { s.o.Log(slog.LevelError, fmt.Sprintf("fan-out panicked: %v", r)) }))
}

// fanOut reads all parts but the first through the pool and the first itself.
func (g *getter) fanOut(b *storage.Batch, parts []part) {
	g.store.stats.FannedOut.Add(1)
	b.Part(len(parts) - 1) // all of them exist before the first is used
	for i := range parts {
		parts[i].arena = b.Part(i)
	}
	g.wait.Add(len(parts))
	for i := 1; i < len(parts); i++ {
		if g.store.pool.Invoke(&parts[i]) != nil {
			parts[i].run()
		}
	}
	parts[0].run()
	g.wait.Wait()
}

// run reads the part for fanOut. Whatever happens, every key has an answer: one
// without would look like a row that is missing.
func (p *part) run() {
	defer p.g.wait.Done()
	defer func() {
		if r := recover(); r != nil {
			p.sh.store.stats.Panics.Add(1)
			for i := range p.wants {
				p.b.SetError(int(p.wants[i].slot), fmt.Errorf("cannot read from %s: panic: %v", p.sh.name, r))
			}
		}
	}()
	p.read()
}
