// Package storetest is what every storage.Store must pass. A store's test is five
// lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storage.Store { return memstore.New() })
//	}
//
// Run checks the contract case by case, including each optional ability the store
// has, and then plays random histories against memstore, comparing every answer.
// History plays longer ones, and closes and reopens the store in between if it can
// be reopened. A history that goes wrong prints its seed; set STORETEST_SEED to it
// to play that one alone.
//
// A change of the storage contract adds a case here.
package storetest
