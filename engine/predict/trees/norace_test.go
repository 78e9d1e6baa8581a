//go:build !race

package trees

// attributed is how many rows of each model are explained.
const attributed = 1000
