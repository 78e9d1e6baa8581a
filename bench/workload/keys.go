package workload

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"quiver/codec"
)

// Keys are the entries that requests ask for, by number: either a range of integers of
// one key column, or a list. Make them with Range, ReadCSV or ReadJSONL.
type Keys struct {
	// A range: prefix and the number first+i, then '}'.
	prefix []byte
	first  int64
	count  uint32

	// A list: entry i is text[ends[i-1]:ends[i]].
	text []byte
	ends []uint32
}

// maxList bounds the text of a list of keys.
const maxList = 1 << 30

// Range returns the keys first to last of an integer column.
func Range(column string, first, last int64) (*Keys, error) {
	if last < first || uint64(last)-uint64(first) >= 1<<31 || last > math.MaxInt64-1<<32 {
		return nil, fmt.Errorf("a range of keys from %d to %d is empty or too long", first, last)
	}
	prefix := append([]byte{'{'}, codec.AppendQuoted(nil, []byte(column))...)
	return &Keys{prefix: append(prefix, ':'), first: first, count: uint32(last-first) + 1}, nil
}

// ParseRange reads a range in the form column=first..last.
func ParseRange(text string) (*Keys, error) {
	column, numbers, ok1 := strings.Cut(text, "=")
	from, to, ok2 := strings.Cut(numbers, "..")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if !ok1 || !ok2 || column == "" || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("%q is not a range of keys; write for example id=1..1000000", text)
	}
	return Range(column, first, last)
}

// ReadJSONL reads one entry per line: {"column":value,...}.
func ReadJSONL(r io.Reader) (*Keys, error) {
	k := &Keys{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		s := codec.NewScanner(line)
		entry, kind := s.Value()
		if err := s.End(); err != nil {
			return nil, fmt.Errorf("line %d of the keys: %w", n, err)
		}
		if kind != codec.JSONObject {
			return nil, fmt.Errorf("line %d of the keys is a %s, want an object of key columns", n, kind)
		}
		if err := k.add(entry); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the keys: %w", err)
	}
	return k.checked()
}

// ReadCSV reads a header line with the names of key columns, then one entry per line.
// Plain integers are sent as JSON numbers, everything else as strings.
func ReadCSV(r io.Reader) (*Keys, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read the header line of the keys: %w", err)
	}
	var names []string
	for _, h := range header {
		names = append(names, string(codec.AppendQuoted(nil, []byte(h))))
	}
	k := &Keys{}
	var entry []byte
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return k.checked()
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the keys: %w", err)
		}
		entry = append(entry[:0], '{')
		for i, v := range record {
			if i > 0 {
				entry = append(entry, ',')
			}
			entry = append(append(entry, names[i]...), ':')
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v {
				entry = append(entry, v...)
			} else {
				entry = codec.AppendQuoted(entry, []byte(v))
			}
		}
		if err := k.add(append(entry, '}')); err != nil {
			return nil, err
		}
	}
}

func (k *Keys) add(entry []byte) error {
	if len(k.text)+len(entry) > maxList {
		return fmt.Errorf("the list of keys is longer than %d bytes", maxList)
	}
	k.text = append(k.text, entry...)
	k.ends = append(k.ends, uint32(len(k.text)))
	k.count++
	return nil
}

func (k *Keys) checked() (*Keys, error) {
	if k.count == 0 {
		return nil, errors.New("the list of keys is empty")
	}
	return k, nil
}

// Len is the number of keys.
func (k *Keys) Len() uint32 { return k.count }

// List reports whether the keys are a list, which has no keys beyond its end.
func (k *Keys) List() bool { return k.ends != nil }

// Append appends entry i as a JSON object. A range goes on beyond Len.
func (k *Keys) Append(dst []byte, i uint32) []byte {
	if k.ends != nil {
		start := uint32(0)
		if i > 0 {
			start = k.ends[i-1]
		}
		return append(dst, k.text[start:k.ends[i]]...)
	}
	dst = append(dst, k.prefix...)
	dst = strconv.AppendInt(dst, k.first+int64(i), 10)
	return append(dst, '}')
}

// size is the length of what Append appends.
func (k *Keys) size(i uint32) int {
	if k.ends != nil {
		if i == 0 {
			return int(k.ends[0])
		}
		return int(k.ends[i] - k.ends[i-1])
	}
	return len(k.prefix) + digits(k.first+int64(i)) + 1
}

// digits is the length of v in decimal.
func digits(v int64) int {
	n := 0
	u := uint64(v)
	if v < 0 {
		n, u = 1, -u
	}
	for ; u >= 10_000; u /= 10_000 {
		n += 4
	}
	switch {
	case u >= 1000:
		return n + 4
	case u >= 100:
		return n + 3
	case u >= 10:
		return n + 2
	default:
		return n + 1
	}
}
