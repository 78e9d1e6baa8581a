package engine

import (
	"context"
	"time"

	"quiver/storage"
)

// janitor drops the tables that no definition uses any more. It waits a while after
// each change, since requests that began before it may still be reading.
type janitor struct {
	e     *Engine
	wait  time.Duration
	woken chan struct{}
	quit  chan struct{}
	done  chan struct{}
}

func startJanitor(e *Engine, wait time.Duration) *janitor {
	j := &janitor{e: e, wait: wait, woken: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go j.run()
	j.wake()
	return j
}

// wake tells the janitor that tables may have become free.
func (j *janitor) wake() {
	select {
	case j.woken <- struct{}{}:
	default:
	}
}

func (j *janitor) stop() {
	close(j.quit)
	<-j.done
}

func (j *janitor) run() {
	defer close(j.done)
	for {
		select {
		case <-j.quit:
			return
		case <-j.woken:
		}
		woken := time.Now() // what comes out of use later waits for its own time
		select {
		case <-j.quit:
			return // what is left is dropped after the next start
		case <-time.After(j.wait):
		}
		if tables := j.e.catalog.Droppable(woken); len(tables) > 0 {
			j.drop(tables)
		}
	}
}

func (j *janitor) drop(tables []uint32) {
	dropper, ok := storage.As[storage.TableDropper](j.e.store)
	if !ok {
		return
	}
	var dropped []uint32
	for _, t := range tables {
		if err := dropper.DropTable(context.Background(), t); err != nil {
			j.e.log.Error("cannot drop the rows of a removed table; trying again after the next change", "table", t, "error", err)
			continue
		}
		dropped = append(dropped, t)
	}
	if err := j.e.catalog.Dropped(dropped); err != nil {
		j.e.log.Error("cannot record dropped tables", "error", err)
	}
}
