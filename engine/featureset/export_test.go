package featureset

// MaxPlans is how many plans are kept.
const MaxPlans = maxPlans

// Plans returns how many plans there are.
func (r *Resolver) Plans() int {
	s := r.state.Load()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.plans)
}
