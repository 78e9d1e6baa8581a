package storetest

import (
	"context"
	"testing"

	"quiver/storage"
)

// Open returns a new empty store. The test closes it; what lies under it (a folder,
// a server) is for Open's own t.Cleanup.
type Open func(t *testing.T) storage.Store

// Run checks everything the storage contract says of open's stores.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, storage.Store)
	}{
		{"get and apply", testGetApply},
		{"versions", testVersions},
		{"tombstones", testTombstones},
		{"next version", testNextVersion},
		{"one call, one key, many writes", testSameKey},
		{"keys do not mix", testKeysApart},
		{"large batches", testLargeBatch},
		{"memory", testMemory},
		{"invalid writes", testInvalid},
		{"cancelled", testCancelled},
		{"closed", testClosed},
		{"concurrent writers", testConcurrent},
		{"a route is atomic", testRouteAtomic},
		{"range", testRange},
		{"range of a route", testRangeRoute},
		{"list", testList},
		{"floor", testFloor},
		{"drop table", testDropTable},
		{"bulk load", testBulkLoad},
		{"bulk load refused", testBulkRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			c.test(t, s)
			closeStore(t, s)
		})
	}
	t.Run("histories", func(t *testing.T) {
		History(t, HistoryOptions{Open: open, Ops: 400, Histories: 3})
	})
}

// closeStore closes s unless the test did.
func closeStore(t *testing.T, s storage.Store) {
	t.Helper()
	b := &storage.Batch{}
	if s.Get(context.Background(), b) != nil {
		return
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// ability returns s as an optional ability or skips the test.
func ability[T any](t *testing.T, s storage.Store) T {
	t.Helper()
	a, ok := s.(T)
	if !ok {
		closeStore(t, s)
		t.Skipf("%T has no %T", s, *new(T))
	}
	return a
}
