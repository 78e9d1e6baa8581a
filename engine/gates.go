package engine

import "sync"

// groupGates holds what the engine remembers per group between requests, by the
// group's stable id.
type groupGates struct {
	mu sync.Mutex
	m  map[int64]*groupGate
}

// groupGate keeps writers and the swapping of a group's table apart: writers hold it
// shared from choosing the table until the store has answered, a swap holds it alone.
type groupGate struct{ sync.RWMutex }

func (g *groupGates) of(id int64) *groupGate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[int64]*groupGate{}
	}
	gate := g.m[id]
	if gate == nil {
		gate = &groupGate{}
		g.m[id] = gate
	}
	return gate
}
