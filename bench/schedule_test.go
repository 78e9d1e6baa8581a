package bench

import "testing"

func TestSchedule(t *testing.T) {
	f := func(s schedule, at int64, slot uint64, due int64) {
		t.Helper()
		if got := s.at(at); got != slot {
			t.Errorf("%+v: the slot at %d is %d, want %d", s, at, got, slot)
		}
		if got := s.due(slot); got != due {
			t.Errorf("%+v: slot %d is due at %d, want %d", s, slot, got, due)
		}
	}
	s := schedule{first: 1000, interval: 250}
	f(s, 0, 0, 1000)
	f(s, 1000, 0, 1000)
	f(s, 1001, 1, 1250)
	f(s, 1250, 1, 1250)
	f(s, 2000, 4, 2000)
	f(schedule{first: 0, interval: 333.5}, 1000, 3, 1000)
	if (&schedule{}).open() || !s.open() {
		t.Error("open is wrong")
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next, want := 0, 0
	for round := range 50 { // grows, wraps and drains
		for range round % 13 {
			q.push(next)
			next++
		}
		for range min(round%7, q.len()) {
			if got := q.pop(); got != want {
				t.Fatalf("popped %d, want %d", got, want)
			}
			want++
		}
		if q.len() != next-want {
			t.Fatalf("%d are queued, want %d", q.len(), next-want)
		}
	}
}
