package querylog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	prefix, suffix = "queries-", ".jsonl"
	hourLayout     = "2006-01-02T15"
)

var newline = []byte{'\n'}

// file is what lines are written to.
type file interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

func createFile(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o640)
}

// files are the files of a folder, of which the newest may be open.
type files struct {
	dir       string
	fileBytes int64
	keepBytes int64
	keepFiles int
	create    func(path string) (file, error)

	open file // nil: none
	hour string
	size int64 // of the open one
}

// write writes as many whole lines as the file of the time takes, and says how many
// bytes that were. After an error there is no half line: the file is cut back, or left
// for good.
func (f *files) write(lines []byte, now time.Time) (int, error) {
	hour := now.UTC().Format(hourLayout)
	if f.open != nil && f.hour != hour {
		if err := f.finish(); err != nil {
			return 0, err
		}
	}
	n := f.fit(lines)
	if n == 0 {
		if err := f.finish(); err != nil {
			return 0, err
		}
		n = f.fit(lines)
	}
	if f.open == nil {
		if err := f.begin(hour); err != nil {
			return 0, err
		}
	}
	if _, err := f.open.Write(lines[:n]); err != nil {
		if cut := f.open.Truncate(f.size); cut != nil {
			err = errors.Join(err, cut, f.open.Close())
			f.open = nil
		}
		return 0, fmt.Errorf("cannot write the log of queries: %w", err)
	}
	f.size += int64(n)
	return n, nil
}

// fit returns the length of the lines that still fit into the file.
func (f *files) fit(lines []byte) int {
	room := f.fileBytes
	if f.open != nil {
		room -= f.size
	}
	if int64(len(lines)) <= room {
		return len(lines)
	}
	return bytes.LastIndexByte(lines[:max(room, 0)], '\n') + 1
}

// begin opens the next file of an hour, and removes the oldest ones to make room.
func (f *files) begin(hour string) error {
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return fmt.Errorf("cannot make the folder of the log of queries: %w", err)
	}
	all, err := list(f.dir)
	if err != nil {
		return err
	}
	if err := f.forget(all); err != nil {
		return err
	}
	number := 1
	for _, name := range all {
		var n int
		if rest, ok := strings.CutPrefix(name, prefix+hour+"-"); ok {
			if _, err := fmt.Sscanf(rest, "%d"+suffix, &n); err == nil && n >= number {
				number = n + 1
			}
		}
	}
	path := filepath.Join(f.dir, fmt.Sprintf("%s%s-%06d%s", prefix, hour, number, suffix))
	if f.open, err = f.create(path); err != nil {
		f.open = nil
		return fmt.Errorf("cannot make a file of the log of queries: %w", err)
	}
	f.hour, f.size = hour, 0
	return nil
}

// finish closes the open file.
func (f *files) finish() error {
	if f.open == nil {
		return nil
	}
	err := errors.Join(f.open.Sync(), f.open.Close())
	f.open = nil
	if err != nil {
		return fmt.Errorf("cannot finish a file of the log of queries: %w", err)
	}
	return nil
}

// forget removes the oldest files so that there is room for one more.
func (f *files) forget(all []string) error {
	total, kept := f.fileBytes, 1
	for _, name := range slices.Backward(all) {
		path := filepath.Join(f.dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // somebody took it away
		}
		if err != nil {
			return err
		}
		total, kept = total+info.Size(), kept+1
		if total <= f.keepBytes && kept <= f.keepFiles {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot remove an old log of queries: %w", err)
		}
	}
	return nil
}

// list returns the names of the files of a folder, the oldest first.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the folder of the log of queries: %w", err)
	}
	var all []string
	for _, e := range entries { // sorted by name, which is by time
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

// repair cuts half a line off the end of the newest file.
func repair(dir string) error {
	all, err := list(dir)
	if err != nil || len(all) == 0 {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, all[len(all)-1]), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot repair the log of queries: %w", err)
	}
	err = cutHalfLine(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot repair the log of queries: %w", err)
	}
	return nil
}

func cutHalfLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	block := make([]byte, 64<<10)
	for end > 0 {
		from := max(end-int64(len(block)), 0)
		n, err := f.ReadAt(block[:end-from], from)
		if err != nil {
			return err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if end == info.Size() {
		return nil
	}
	return f.Truncate(end)
}
