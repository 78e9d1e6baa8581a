//go:build race

package trees

// The race detector makes attributions some twenty times slower.
func init() { attributed = 60 }
