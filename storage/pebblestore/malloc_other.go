//go:build !linux || !cgo

package pebblestore

func oneArena() {}
