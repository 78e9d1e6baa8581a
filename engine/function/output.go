package function

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"
)

// What a worker may print: lines up to maxLine bytes, and maxPrinted bytes a second;
// the rest is counted. The last maxTail bytes are kept to explain a death.
const (
	maxLine    = 4 << 10
	maxPrinted = 64 << 10
	maxTail    = 2 << 10
)

// output takes what a worker prints.
type output struct {
	log     func(string)
	drained chan struct{} // closed when all is read

	mu   sync.Mutex
	tail []byte

	line    []byte
	second  time.Time
	printed int // bytes in this second
	dropped int
}

// follow reads until the worker's end.
func (o *output) follow(f *os.File) {
	defer close(o.drained)
	buf := make([]byte, 8<<10)
	for {
		n, err := f.Read(buf)
		o.add(buf[:n], time.Now())
		if err != nil {
			o.flush()
			o.tellDropped()
			return
		}
	}
}

func (o *output) add(b []byte, now time.Time) {
	o.mu.Lock()
	o.tail = append(o.tail, b...)
	if over := len(o.tail) - maxTail; over > 0 {
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
	o.mu.Unlock()

	if now.Sub(o.second) >= time.Second {
		o.tellDropped()
		o.second, o.printed = now, 0
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		part = part[:min(len(part), maxLine-len(o.line))]
		o.line = append(o.line, part...)
		switch {
		case len(part) == end:
			o.flush()
			b = b[end+1:]
		case len(o.line) == maxLine:
			o.flush()
			b = b[len(part):]
		default:
			b = b[len(part):]
		}
	}
}

func (o *output) flush() {
	if len(o.line) == 0 {
		return
	}
	if o.printed += len(o.line); o.printed > maxPrinted {
		o.dropped += len(o.line)
	} else {
		o.log(string(o.line))
	}
	o.line = o.line[:0]
}

func (o *output) tellDropped() {
	if o.dropped > 0 {
		o.log(fmt.Sprintf("(%d bytes more were printed and dropped)", o.dropped))
		o.dropped = 0
	}
}

// last returns the end of what was printed.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.ToValidUTF8(o.tail, []byte("?")))
}
