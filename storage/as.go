package storage

// As finds an optional ability (Ranger, BulkLoader …) of a store or of a store that it
// wraps. A wrapper says what it wraps with an Unwrap method; it does so only if calls
// that pass it by do not break its promises.
func As[T any](s Store) (ability T, ok bool) {
	for s != nil {
		if ability, ok = s.(T); ok {
			return ability, true
		}
		w, wraps := s.(interface{ Unwrap() Store })
		if !wraps {
			break
		}
		s = w.Unwrap()
	}
	return ability, false
}
