package featureset

// MaxPlans is how many plans are kept, MaxPlanBytes about how long they may be together.
const (
	MaxPlans     = maxPlans
	MaxPlanBytes = maxPlanBytes
)

// Plans returns how many plans there are.
func (r *Resolver) Plans() int {
	s := r.state.Load()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.plans)
}
