//go:build !race

package function

const raceOn = false
