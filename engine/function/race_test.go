//go:build race

package function

const raceOn = true
