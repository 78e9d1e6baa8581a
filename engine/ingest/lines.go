package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"quiver/codec"
)

// lines reads a text file line by line, in bounded memory.
type lines struct {
	r    *bufio.Reader
	long []byte // a line that did not fit the buffer
	n    int64  // number of the line last returned, or found too long
}

// readBuffer is how much of a file is read at once, in bytes.
const readBuffer = 256 << 10

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, readBuffer)} }

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next line without its end (LF or CR LF), io.EOF behind the last
// one. The bytes live until the next call. A last line without an end counts; a file
// that ends with a line end has no empty line behind it.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.r.ReadSlice('\n')
			if len(l.long)+len(line) > codec.MaxRowBytes {
				l.n++
				return nil, fmt.Errorf("the line is longer than %d MiB", codec.MaxRowBytes>>20)
			}
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if err != nil && !(errors.Is(err, io.EOF) && len(line) > 0) {
		return nil, err
	}
	l.n++
	if l.n == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
	}
	return line, nil
}
