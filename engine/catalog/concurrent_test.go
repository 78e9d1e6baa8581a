package catalog

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"quiver/engine/fail"
)

// TestConcurrentChanges lets several goroutines change definitions, load tables and
// drop them while others read; a change that comes too late is made again. The race
// detector looks on.
func TestConcurrentChanges(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	mustApply(t, c, groupText("a")+viewText("v", "a"))
	const workers, changes = 3, 8
	var all, changers sync.WaitGroup
	done := make(chan struct{})
	commit := func(prepare func() (*Snapshot, error)) error {
		for {
			next, err := prepare()
			if err == nil {
				err = c.Commit(next)
			}
			if err == nil || fail.AsError(err).Code != fail.Conflict {
				return err
			}
		}
	}
	for w := range workers {
		changers.Add(1)
		go func() {
			defer changers.Done()
			for i := range changes {
				err := commit(func() (*Snapshot, error) {
					text := groupText(fmt.Sprintf("g%d", w), columnsUpTo(i)...) + viewText(fmt.Sprintf("v%d", w), "a")
					next, _, err := c.Prepare([]File{{Text: []byte(text)}}, false)
					return next, err
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	changers.Add(1)
	go func() {
		defer changers.Done()
		for range changes {
			table, err := c.ReserveTable()
			if err == nil {
				err = commit(func() (*Snapshot, error) { return c.Retable(c.Current().Group("s", "a", 0), table) })
			}
			if err == nil {
				err = c.Dropped(c.Droppable(time.Now()))
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for range 2 {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				s := c.Current()
				v := s.ViewBytes([]byte("S"), []byte("v"), 0)
				if v == nil || v.Broken != "" || v.From[0].Ref != s.Group("s", "a", 1) {
					t.Error("the view does not fit its group")
					return
				}
				if rand.IntN(50) == 0 {
					if _, err := c.History(); err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	changers.Wait()
	close(done)
	all.Wait()
	s := c.Current()
	if s.Revision != 1+workers*changes || len(s.Groups()) != 1+workers {
		t.Errorf("revision %d with %d groups", s.Revision, len(s.Groups()))
	}
	if got, want := picture(mustOpen(t, dir).Current()), picture(s); got != want {
		t.Errorf("on disk\n%s\nwant\n%s", got, want)
	}
}

func columnsUpTo(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return names
}
