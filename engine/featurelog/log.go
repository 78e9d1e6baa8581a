package featurelog

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"quiver/codec"
	"quiver/engine/complain"
	"quiver/engine/expr/vec"
)

// Options are the settings of a Log.
type Options struct {
	Dir string // made with the first file

	// QueueBytes bounds the rows in memory, from Offer until their file is complete;
	// 0 = 64 MiB. What is beyond is dropped.
	QueueBytes int64
	// A file is finished when it has FileRows rows (0 = 1,000,000) or FileBytes bytes
	// in memory (0 = 16 MiB), or its first row is Interval old (0 = 1 minute).
	FileRows  int
	FileBytes int64
	Interval  time.Duration
	// Keep is for how long hours stay on disk; 0 is for ever.
	Keep time.Duration

	Random func() float64 // from [0, 1), for sampling; called from many goroutines; nil = math/rand
	Log    *slog.Logger   // nil = none
}

// MaxWorkflow is the longest name of a workflow in bytes: encoded, it is a folder's name.
const MaxWorkflow = 80

// Answer is what was answered: *featureset.Answer.
type Answer interface {
	Rows() int
	Now() int64 // microseconds
	Inputs() int
	InputName(i int) string
	Input(i int) (*vec.Column, error)
	Len() int
	Name(i int) string
	Column(i int) (*vec.Column, error)
}

// Log takes answers and writes their rows from one goroutine. Its methods may be called
// from many.
type Log struct {
	Options
	held    atomic.Int64 // bytes, all rows that are not in a complete file
	rows    atomic.Uint64
	dropped atomic.Uint64

	mu     sync.Mutex
	queue  []*batch
	closed bool
	wake   chan struct{}
	done   chan struct{}

	// Of the goroutine.
	parts      map[partKey]*part
	number     int64 // of the last file
	complaints *complain.Log
	create     func(path string) (file, error)
}

// batch is the sampled rows of one answer.
type batch struct {
	key     partKey
	now     int64
	rows    int
	bytes   int64
	names   []string
	columns []*vec.Column
}

// batchBytes is what a batch costs beside its columns, and columnBytes one of these.
const (
	batchBytes  = 512
	columnBytes = 256
)

// New returns a Log; Close ends its goroutine. It removes what a crash has left.
func New(o Options) (*Log, error) {
	l, err := prepare(o)
	if err != nil {
		return nil, err
	}
	go l.work()
	return l, nil
}

func prepare(o Options) (*Log, error) {
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.FileRows <= 0 {
		o.FileRows = 1_000_000
	}
	if o.FileBytes <= 0 {
		o.FileBytes = 16 << 20
	}
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if err := removeTemporary(o.Dir); err != nil {
		return nil, err
	}
	return &Log{
		Options: o, parts: map[partKey]*part{}, complaints: complain.New(o.Log), create: createFile,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
}

// Rows counts the rows in complete files.
func (l *Log) Rows() uint64 { return l.rows.Load() }

// Dropped counts the rows that were sampled and will be in no file: memory was full, or
// a file could not be written.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Offer takes each row of an answer with probability rate (0 to 1). It copies what it
// takes and never waits for the disk: rows for which there is no memory are dropped and
// counted. workflow is at most MaxWorkflow bytes; "" is default.
func (l *Log) Offer(workflow string, rate float64, a Answer) {
	rows := l.sample(a.Rows(), rate)
	if len(rows) == 0 {
		return
	}
	if workflow == "" {
		workflow = "default"
	}
	if !l.take(workflow, a, rows) {
		l.dropped.Add(uint64(len(rows)))
	}
}

func (l *Log) sample(n int, rate float64) []int32 {
	rows := make([]int32, 0, int(float64(n)*rate))
	for i := range n {
		if rate >= 1 || l.Random() < rate {
			rows = append(rows, int32(i))
		}
	}
	return rows
}

// take queues the rows, unless there is no memory.
func (l *Log) take(workflow string, a Answer, rows []int32) bool {
	if l.held.Load() >= l.QueueBytes || len(workflow) > MaxWorkflow {
		return false // before anything is decoded or copied
	}
	b := &batch{now: a.Now(), rows: len(rows), bytes: batchBytes}
	for i := range a.Inputs() {
		c, err := a.Input(i)
		if err != nil || !b.add(a.InputName(i), c, rows) {
			return false
		}
	}
	for i := range a.Len() {
		c, err := a.Column(i)
		if err != nil || !b.add(a.Name(i), c, rows) {
			return false
		}
	}
	b.key = newPartKey(workflow, b)
	if l.held.Add(b.bytes) > l.QueueBytes {
		l.held.Add(-b.bytes)
		return false
	}
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.queue = append(l.queue, b)
	}
	l.mu.Unlock()
	if closed {
		l.held.Add(-b.bytes)
		return false
	}
	l.signal()
	return true
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// add copies rows of a column, unless the batch has one of that name: an input that is
// also an output.
func (b *batch) add(name string, src *vec.Column, rows []int32) bool {
	for _, n := range b.names {
		if n == name {
			return true
		}
	}
	c := vec.New(src.Type)
	var err error
	if len(rows) == src.Len {
		err = c.PushRange(src, 0, src.Len)
	} else {
		err = c.Gather(src, rows)
	}
	if err != nil {
		return false
	}
	b.names, b.columns = append(b.names, name), append(b.columns, c)
	b.bytes += columnBytes + int64(len(name)+c.Size())
	return true
}

// work is the goroutine of the Log.
func (l *Log) work() {
	defer close(l.done)
	tick := time.NewTicker(max(min(l.Interval/4, time.Second), time.Millisecond))
	defer tick.Stop()
	forget := time.Now()
	for {
		select {
		case <-l.wake:
		case <-tick.C:
		}
		l.mu.Lock()
		queue, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		for _, b := range queue {
			l.put(b)
		}
		// With memory half full there is no time to wait for larger files.
		l.finish(closed || l.held.Load() > l.QueueBytes/2)
		if closed {
			return
		}
		if l.Keep > 0 && !time.Now().Before(forget) {
			forget = time.Now().Add(time.Minute)
			if err := forgetHours(l.Dir, time.Now().Add(-l.Keep)); err != nil {
				l.complaints.Add(context.Background(), "old features that were logged cannot be removed", err)
			}
		}
	}
}

// put adds a batch to its file to be.
func (l *Log) put(b *batch) {
	p := l.parts[b.key]
	if p == nil {
		p = &part{since: time.Now()}
		l.parts[b.key] = p
	}
	p.batches = append(p.batches, b)
	p.rows += b.rows
	p.bytes += b.bytes
	if p.rows >= l.FileRows || p.bytes >= l.FileBytes {
		l.write(b.key, p)
	}
}

// finish writes the files that are due.
func (l *Log) finish(all bool) {
	for key, p := range l.parts {
		if all || time.Since(p.since) >= l.Interval {
			l.write(key, p)
		}
	}
}

// write makes a complete file of a part, or drops it.
func (l *Log) write(key partKey, p *part) {
	delete(l.parts, key)
	l.number = max(l.number+1, time.Now().UnixMicro())
	if err := l.writeFile(key, p, l.number); err != nil {
		l.dropped.Add(uint64(p.rows))
		l.complaints.Add(context.Background(), "features were not logged", err)
	} else {
		l.rows.Add(uint64(p.rows))
	}
	l.held.Add(-p.bytes)
}

// Close writes what is in memory and ends the goroutine. What is offered afterwards is
// dropped. It may be called again.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.done
}

func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if isTemporary(e.Name()) {
			if err := os.Remove(join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// stored returns how values of a type are written.
func stored(t *codec.Type) form {
	if t == nil {
		return formJSON
	}
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt:
		return formInt
	case codec.KindFloat, codec.KindDouble:
		return formDouble
	case codec.KindString:
		return formString
	case codec.KindBoolean:
		return formBool
	case codec.KindTimestamp:
		return formTime
	case codec.KindDate:
		return formDate
	case codec.KindBinary:
		return formBinary
	}
	return formJSON
}
