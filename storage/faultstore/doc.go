// Package faultstore puts errors and delays around any store, for tests of what lies
// above. What goes wrong is a set of predicates that may be swapped at any time:
//
//	s := faultstore.New(memstore.New())
//	s.Set(faultstore.Faults{Key: func(op faultstore.Op, k storage.Key) error {
//		if op == faultstore.Get && k.Table == 7 {
//			return storage.ErrCorrupt
//		}
//		return nil
//	}})
package faultstore
