package querylog

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"quiver/engine/complain"
)

// Options are the settings of a Log. Zero fields mean the defaults.
type Options struct {
	Dir string // made with the first file

	// QueueBytes and QueueLines bound what is in memory on its way to the disk; 0 =
	// 16 MiB and 65,536 lines. What is beyond is dropped.
	QueueBytes int64
	QueueLines int
	// LineBytes is the longest line; 0 = 1 MiB, the least is 4 KiB. A longer one is
	// dropped: whoever makes lines cuts what they hold.
	LineBytes int
	// A file is finished when FileBytes would be exceeded; 0 = 64 MiB. It takes a line
	// at least, and at most half of KeepBytes.
	FileBytes int64
	// KeepBytes and KeepFiles bound the files of the folder together, the one being
	// written included; 0 = 1 GiB and 1,000 files. The least is two lines and two files.
	KeepBytes int64
	KeepFiles int
	// Flush is how long a line stays in memory at most; 0 = 1 s.
	Flush time.Duration

	Now func() time.Time // nil = time.Now
	Log *slog.Logger     // nil = none
}

// Log takes lines and writes them from one goroutine. Its methods may be called from
// many.
type Log struct {
	Options
	written, dropped atomic.Uint64

	mu     sync.Mutex
	filled []byte // whole lines
	lines  int    // in filled
	closed bool

	wake chan struct{}
	done chan struct{}

	// Of the goroutine.
	spare      []byte // what filled was, written out
	files      files
	complaints *complain.Log
}

// New returns a Log; Close ends its goroutine. Half a line that a crash has left is cut
// off.
func New(o Options) (*Log, error) {
	if o.QueueBytes <= 0 {
		o.QueueBytes = 16 << 20
	}
	if o.QueueLines <= 0 {
		o.QueueLines = 1 << 16
	}
	if o.LineBytes <= 0 {
		o.LineBytes = 1 << 20
	}
	if o.FileBytes <= 0 {
		o.FileBytes = 64 << 20
	}
	if o.KeepBytes <= 0 {
		o.KeepBytes = 1 << 30
	}
	if o.KeepFiles <= 0 {
		o.KeepFiles = 1000
	}
	o.LineBytes = max(o.LineBytes, 4<<10)
	o.KeepBytes, o.KeepFiles = max(o.KeepBytes, 2*int64(o.LineBytes)), max(o.KeepFiles, 2)
	o.FileBytes = min(max(o.FileBytes, int64(o.LineBytes)), o.KeepBytes/2)
	if o.Flush <= 0 {
		o.Flush = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := repair(o.Dir); err != nil {
		return nil, err
	}
	l := &Log{
		Options: o, wake: make(chan struct{}, 1), done: make(chan struct{}), complaints: complain.New(o.Log),
		files: files{dir: o.Dir, fileBytes: o.FileBytes, keepBytes: o.KeepBytes, keepFiles: o.KeepFiles, create: createFile},
	}
	go l.work()
	return l, nil
}

// Written counts the lines in files.
func (l *Log) Written() uint64 { return l.written.Load() }

// Dropped counts the lines that are in no file: memory was full, or the disk was, or
// they were too long.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Add adds a line: line appends it, without its end, to dst and returns that. It must
// hold no line break. It is called at once, holding a lock, or not at all when there is
// no memory for a line.
func (l *Log) Add(line func(dst []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Half of the memory is being written while the other half is filled.
	if l.closed || l.lines >= l.QueueLines || int64(len(l.filled)+l.LineBytes) > max(l.QueueBytes/2, int64(l.LineBytes)) {
		l.dropped.Add(1)
		return
	}
	out := line(l.filled)
	if len(out)-len(l.filled) >= l.LineBytes {
		l.dropped.Add(1)
		return
	}
	l.filled = append(out, '\n')
	l.lines++
	// A busy server is written out before its memory is full.
	if int64(len(l.filled)) > l.QueueBytes/8 {
		l.signal()
	}
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work is the goroutine of the Log.
func (l *Log) work() {
	defer close(l.done)
	tick := time.NewTicker(l.Flush)
	defer tick.Stop()
	for {
		select {
		case <-l.wake:
		case <-tick.C:
		}
		l.mu.Lock()
		lines, count, closed := l.filled, l.lines, l.closed
		l.filled, l.lines = l.spare[:0], 0
		l.mu.Unlock()
		l.write(lines, count)
		if l.spare = lines; int64(cap(lines)) > l.QueueBytes {
			l.spare = nil
		}
		if closed {
			l.complaints.Add(context.Background(), "the log of queries cannot be finished", l.files.finish())
			return
		}
	}
}

// write writes lines, count of them. What cannot be written is dropped.
func (l *Log) write(lines []byte, count int) {
	for len(lines) > 0 {
		n, err := l.files.write(lines, l.Now())
		written := bytes.Count(lines[:n], newline)
		l.written.Add(uint64(written))
		lines, count = lines[n:], count-written
		if err != nil {
			l.dropped.Add(uint64(count))
			l.complaints.Add(context.Background(), "queries were not logged", err)
			return
		}
	}
}

// Close writes what is in memory and ends the goroutine. What is added afterwards is
// dropped. It may be called again.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.done
}
