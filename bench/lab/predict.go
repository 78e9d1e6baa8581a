package lab

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"quiver/bench"
)

// The targets of predictions: the same service over a model of 100 trees as an ONNX
// file and over one as an XGBoost file, and with SHAPLEY explanations of both; and the
// ceiling, when the models themselves are called for each request.
const (
	ONNX         Target = "onnx"
	Trees        Target = "trees"
	ONNXShapley  Target = "onnx, explained"
	TreesShapley Target = "trees, explained"
	ONNXBare     Target = "ceiling + onnx"
	TreesBare    Target = "ceiling + trees"
)

// endpoints are what the targets are called in the service, and what a request says of
// explanations beside its features.
var endpoints = map[Target]struct{ name, explanations string }{
	ONNX:         {"onnx", ""},
	Trees:        {"trees", ""},
	ONNXShapley:  {"onnx", shapley},
	TreesShapley: {"trees", shapley},
}

const shapley = `,"explanations":{"enabled":true,"method":"SHAPLEY","nExplanations":4,"nMonteCarloSteps":100}`

// ModelFiles are the files of a model and of what it says about held-out rows.
var ModelFiles = map[Target]string{ONNX: "onnx_hundred.onnx", Trees: "xgb_binary.json"}

// Given is how many of a model's features a request gives; the others are looked up.
const Given = 10

// PredictConfig is what a lab of predictions has.
type PredictConfig struct {
	Folder  string // the fixtures of engine/predict
	Library string // ONNX Runtime; "" leaves its targets out
	Rows    uint32 // that are looked up
}

// Prediction is the one shape of a lab of predictions.
var Prediction = Shape{Name: "predict"}

// Predict is the product, serving predictions of 20 features of which 10 are looked up,
// beside the ceiling and whoever joins. Use it from one goroutine.
type Predict struct {
	*Lab
	Held *Held
}

// size is that of an answer without explanations.
const size = 330

// StartPredict starts the servers. Close the lab when it is no longer needed.
func StartPredict(ctx context.Context, c PredictConfig) (_ *Predict, err error) {
	p := &Predict{Lab: newLab()}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.Held, err = ReadHeld(c.Folder); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "quiver-bench-"); err != nil {
		return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
	}
	if p.store, err = startChild(ctx, childConfig{Predict: &predictConfig{PredictConfig: c, Dir: p.dir}}); err != nil {
		return nil, err
	}
	if p.ceiling, err = startChild(ctx, childConfig{Ceiling: &ceilingConfig{Sizes: []int{size}}}); err != nil {
		return nil, err
	}
	for t, e := range endpoints {
		if _, ok := p.store.hello.Addresses[t]; !ok {
			continue
		}
		r := p.Held.requests(t, c.Rows)
		r.head, r.tail = bench.AppendPostHead(nil, "127.0.0.1", "/public/api/v1/bench/"+e.name+"/predict", ""), e.explanations+"}"
		p.sources[sourceKey{Prediction.Name, t}] = r
	}
	for _, t := range []Target{Ceiling, ONNXBare, TreesBare} {
		r := p.Held.requests(Trees, c.Rows)
		r.head = bench.AppendPostHead(nil, "127.0.0.1", ceilingPath(size), "")
		p.sources[sourceKey{Prediction.Name, t}] = r
	}
	return p, nil
}

// Join takes in another server that answers at the product's path for the ONNX model.
func (p *Predict) Join(t Target, addr string, meter bench.Meter) {
	p.guests[t] = guest{addr, meter}
	p.sources[sourceKey{Prediction.Name, t}] = p.sources[sourceKey{Prediction.Name, ONNX}]
}

// Held are the held-out rows, as tokens, and what models say about them.
type Held struct {
	Names   []string
	Cells   [][]string // "" is missing
	Answers map[Target][]float64
}

// features is how many of the columns are features of the models: the numeric ones.
const features = 20

// ReadHeld reads the fixtures.
func ReadHeld(folder string) (*Held, error) {
	all, err := readTable(filepath.Join(folder, "rows.csv.gz"))
	if err != nil {
		return nil, err
	}
	h := &Held{Names: all[0][:features], Answers: map[Target][]float64{}}
	for _, row := range all[1:] {
		h.Cells = append(h.Cells, row[:features])
	}
	for t, file := range ModelFiles {
		name, _, _ := strings.Cut(file, ".")
		answers, err := readTable(filepath.Join(folder, name+".answers.csv.gz"))
		if err != nil {
			return nil, err
		}
		for _, row := range answers[1:] {
			v, err := strconv.ParseFloat(row[len(row)-1], 64) // of the second class
			if err != nil {
				return nil, fmt.Errorf("cannot read the answers of %s: %w", file, err)
			}
			h.Answers[t] = append(h.Answers[t], v)
		}
	}
	return h, nil
}

// ReadPacked returns what a gzip file holds.
func ReadPacked(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read a fixture: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return io.ReadAll(z)
}

func readTable(path string) ([][]string, error) {
	data, err := ReadPacked(path)
	if err != nil {
		return nil, err
	}
	all, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || len(all) < 2 {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return all, nil
}

// predictions is a bench.Source: request i is about row i, in some order.
type predictions struct {
	head  []byte
	given []string // by held-out row: the fields behind the key
	tail  string   // behind the features
	want  []float64
	rows  uint64
}

func (h *Held) requests(t Target, rows uint32) *predictions {
	want := h.Answers[ONNX]
	if t == Trees || t == TreesShapley {
		want = h.Answers[Trees]
	}
	p := &predictions{want: want, rows: uint64(rows), tail: "}"}
	for _, cells := range h.Cells {
		var b strings.Builder
		for k, cell := range cells[:Given] {
			if cell != "" {
				fmt.Fprintf(&b, `,"%s":%s`, h.Names[k], cell)
			}
		}
		p.given = append(p.given, b.String()+"}")
	}
	return p
}

// row is the key that request i asks for.
func (p *predictions) row(i uint64) uint64 { return i * 7919 % p.rows }

const features0 = `{"features":{"id":`

// Append appends request i.
func (p *predictions) Append(dst []byte, i uint64) []byte {
	var digits [20]byte
	row := p.row(i)
	id := strconv.AppendUint(digits[:0], row, 10)
	given := p.given[row%uint64(len(p.given))]
	dst = bench.AppendLength(append(dst, p.head...), len(features0)+len(id)+len(given)+len(p.tail))
	dst = append(append(dst, features0...), id...)
	return append(append(dst, given...), p.tail...)
}

// Check compares the probability with the library's own; single-precision sums may be
// taken in another order.
func (p *predictions) Check(i uint64, body []byte) error {
	var answer struct {
		Result struct {
			Probas       map[string]float64
			Explanations map[string]float64
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	want := p.want[p.row(i)%uint64(len(p.want))]
	if got, ok := answer.Result.Probas["1"]; !ok || math.Abs(got-want) > 1e-5 {
		return fmt.Errorf("the answer is %.200s, want a probability of %v", body, want)
	}
	if n := len(answer.Result.Explanations); n != 4 && p.tail != "}" {
		return fmt.Errorf("there are %d explanations in %.300s, want 4", n, body)
	}
	return nil
}
