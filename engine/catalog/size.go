package catalog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// byteSize is a number of bytes as definitions write it, such as 512MiB.
type byteSize int64

var byteUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// parseSize reads a number of bytes above zero.
func parseSize(text string) (byteSize, error) {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n <= 0 || n > (1<<50)/u.size {
			break
		}
		return byteSize(n * u.size), nil
	}
	return 0, fmt.Errorf("%s is no size; write one such as 512MiB or 2GB", quote(text))
}

// size reads a number of bytes.
func (r *reader) size(dst *byteSize) func(ast.Node) {
	return measured(r, dst, "a size such as 512MiB", parseSize)
}

// String prints the size in the largest unit that it is a multiple of.
func (b byteSize) String() string {
	for _, u := range byteUnits {
		if int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalText writes the normalised form.
func (b byteSize) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (b *byteSize) UnmarshalText(text []byte) (err error) {
	*b, err = parseSize(string(text))
	return err
}
