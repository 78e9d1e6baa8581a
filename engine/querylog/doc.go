// Package querylog writes one JSON line for every query that was answered (Dataiku
// contract, section 14).
//
//	DIR/queries-2026-11-21T05-000001.jsonl
//
// A file is of one hour, UTC, and never longer than a limit; the last number grows
// within the hour. Lines are added to the newest file only, and a new one is begun
// whenever a server starts. The oldest files are removed when there are too many, or
// too many bytes of them.
//
// A caller's line is copied once, into memory that a goroutine writes out every second.
// What does not fit into that memory is dropped and counted: no query waits for a disk.
// A crash of the process loses the lines of the last second; one of the machine may
// lose more and leave half a line, which the next start cuts off.
package querylog
