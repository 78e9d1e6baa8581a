// Package predicttest reads the fixtures that tools/models writes, for the tests of
// engine/predict and the packages below it.
package predicttest

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/onnx/library"
)

// File returns the contents of a gzip file.
func File(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ONNXLibrary returns where ONNX Runtime is. tools/onnxruntime fetches it once per machine;
// the test fails where it cannot, and says what to install.
func ONNXLibrary(t testing.TB) string {
	t.Helper()
	path, err := onnxLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var onnxLibrary = sync.OnceValues(func() (string, error) {
	path, err := library.Default()
	if err != nil {
		return "", err
	}
	err = library.Verify(path, nil)
	if !errors.Is(err, library.ErrMissing) {
		return path, err
	}
	cmd := exec.Command("go", "run", "quiver/tools/onnxruntime")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("these tests need ONNX Runtime %s and tools/onnxruntime could not fetch it (%w): install npm (Debian: apt-get install npm) or pip, or put the library at %s", library.Version, err, path)
	}
	return strings.TrimSpace(string(out)), nil
})

// Sheet is a table of texts with a header.
type Sheet struct {
	Names []string
	Cells [][]string
}

// Read returns a compressed CSV file.
func Read(t testing.TB, path string) Sheet {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(File(t, path))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return Sheet{Names: all[0], Cells: all[1:]}
}

// Table is a table of numbers: Rows × Width of them, row after row.
type Table struct {
	Rows, Width int
	Number      []float64
}

// Row returns row i.
func (t Table) Row(i int) []float64 { return t.Number[i*t.Width : (i+1)*t.Width] }

// Numbers returns a compressed CSV file of numbers.
func Numbers(t testing.TB, path string) Table {
	t.Helper()
	s := Read(t, path)
	n := Table{Rows: len(s.Cells), Width: len(s.Names)}
	for _, row := range s.Cells {
		for _, c := range row {
			n.Number = append(n.Number, parse(t, c))
		}
	}
	return n
}

// parse reads a number; an empty cell is a missing one.
func parse(t testing.TB, cell string) float64 {
	t.Helper()
	if cell == "" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Background returns a compressed background sample.
func Background(t testing.TB, path string) *predict.Background {
	t.Helper()
	b, err := predict.ReadBackground(bytes.NewReader(File(t, path)), "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Rows returns the columns of a sheet that a model takes, as the model takes them. An
// input is found by its name, and by its position when it has none; words become their
// position in the input's categories.
func Rows(t testing.TB, s Sheet, inputs []predict.Input) predict.Rows {
	t.Helper()
	rows := predict.Rows{N: len(s.Cells)}
	for _, cells := range s.Cells {
		for i, in := range inputs {
			at := i
			if in.Name != "" {
				at = slices.Index(s.Names, in.Name)
			}
			if at < 0 {
				t.Fatalf("no column %q", in.Name)
			}
			switch {
			case in.Type == predict.Text:
				rows.Text = append(rows.Text, cells[at])
			case in.Categories != nil:
				code := math.NaN()
				if k := slices.Index(in.Categories, cells[at]); k >= 0 {
					code = float64(k)
				}
				rows.Number = append(rows.Number, code)
			default:
				rows.Number = append(rows.Number, parse(t, cells[at]))
			}
		}
	}
	return rows
}
