//go:build race

package trees

// attributed is how many rows of each model are explained; the race detector makes that
// some twenty times slower.
const attributed = 60
