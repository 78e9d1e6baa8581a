package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"quiver/bench/workload"
	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/predict"
	"quiver/engine/predict/onnx"
	"quiver/engine/predict/trees"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// predictConfig says what a child that predicts is made of.
type predictConfig struct {
	PredictConfig
	Dir string `json:"dir"`
}

// servePredict serves predictions over rows in Pebble behind a row cache, as the product
// does by default.
func servePredict(c *predictConfig) (_ *server, err error) {
	ctx := context.Background()
	held, err := ReadHeld(c.Folder)
	if err != nil {
		return nil, err
	}
	rows, err := pebblestore.Open(filepath.Join(c.Dir, "rows"), pebblestore.Options{BallastBytes: -1})
	if err != nil {
		return nil, err
	}
	store, err := rowcache.New(rows, 256<<20)
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	definitions, err := catalog.Open(filepath.Join(c.Dir, "catalog"))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	e, err := engine.New(engine.Options{Store: store, Catalog: definitions, DropAfter: 24 * time.Hour})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close(ctx))
		}
	}()
	s := service.New(e)
	models := map[Target]func(data []byte) (predict.Model, error){
		TreesBare: func(data []byte) (predict.Model, error) { return trees.Read(data, trees.Limits{}) },
	}
	if c.Library != "" {
		runtime, err := onnx.Open(c.Library, "")
		if err != nil {
			return nil, err
		}
		s.ONNX = func(data []byte, task predict.Task) (predict.Model, error) {
			return runtime.Load(data, onnx.Options{Task: task})
		}
		models[ONNXBare] = func(data []byte) (predict.Model, error) { return s.ONNX(data, predict.Binary) }
	}
	if err := e.AddPart(s); err != nil {
		return nil, err
	}
	if err := held.define(e, c.PredictConfig); err != nil {
		return nil, err
	}
	if err := held.load(ctx, e, c.Rows); err != nil {
		return nil, err
	}
	f, err := serveDialects(httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{})})
	if err != nil {
		return nil, err
	}
	h := hello{Addresses: map[Target]string{Trees: f.server.Addr().String(), TreesShapley: f.server.Addr().String()}}
	if c.Library != "" {
		h.Addresses[ONNX], h.Addresses[ONNXShapley] = h.Addresses[Trees], h.Addresses[Trees]
	}
	var bare []*fasthttp.Server
	for t, read := range models {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("cannot listen: %w", err)
		}
		b, err := held.bare(c.Folder, t, read)
		if err != nil {
			return nil, err
		}
		bare = append(bare, b)
		h.Addresses[t] = ln.Addr().String()
		go func() { _ = b.Serve(ln) }() // it fails when it is shut down, if at all
	}
	return &server{hello: h, close: func() error {
		err := f.close()
		for _, b := range bare {
			err = errors.Join(err, b.Shutdown())
		}
		return errors.Join(err, e.Close(ctx))
	}}, nil
}

// bare returns a server that asks a model about one held-out row after another, and
// answers the same whatever it says.
func (h *Held) bare(folder string, t Target, read func([]byte) (predict.Model, error)) (*fasthttp.Server, error) {
	file := ModelFiles[ONNX]
	if t == TreesBare {
		file = ModelFiles[Trees]
	}
	data, err := ReadPacked(filepath.Join(folder, file+".gz"))
	if err != nil {
		return nil, err
	}
	m, err := read(data)
	if err != nil {
		return nil, err
	}
	var rows []float64
	for _, cells := range h.Cells {
		for _, cell := range cells {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				v = math.NaN()
			}
			rows = append(rows, v)
		}
	}
	body := bytes.Repeat([]byte{'0'}, size)
	var next atomic.Uint64
	return fixed(func([]byte) ([]byte, bool) {
		i := int(next.Add(1) % uint64(len(h.Cells)))
		dst := make([]float64, m.Output().Width)
		err := m.Predict(dst, predict.Rows{N: 1, Number: rows[i*features : (i+1)*features]})
		return body, err == nil
	}), nil
}

// define defines the group and the service.
func (h *Held) define(e *engine.Engine, c PredictConfig) error {
	var b strings.Builder
	b.WriteString("kind: FeatureGroup\nstore: bench\nname: held\nkey: [id]\nfeatures:\n  - {name: id, type: bigint}\n")
	for _, name := range h.Names[Given:] {
		fmt.Fprintf(&b, "  - {name: %s, type: double}\n", name)
	}
	b.WriteString("---\n{kind: FeatureView, store: bench, name: held, from: [{group: held}]}\n")
	b.WriteString("---\n{kind: Service, name: bench, auth: public, mapping: {v1: 1}}\n---\nkind: Generation\nservice: bench\nname: v1\nendpoints:\n")
	background, err := ReadPacked(filepath.Join(c.Folder, "background.csv.gz"))
	if err != nil {
		return err
	}
	files := []catalog.File{{Name: "background.csv", Text: background, Attached: true}}
	for _, t := range []Target{ONNX, Trees} {
		if t == ONNX && c.Library == "" {
			continue
		}
		data, err := ReadPacked(filepath.Join(c.Folder, ModelFiles[t]+".gz"))
		if err != nil {
			return err
		}
		files = append(files, catalog.File{Name: ModelFiles[t], Text: data, Attached: true})
		fmt.Fprintf(&b, "  - name: %s\n    type: prediction\n    model: %s\n    task: binary\n    explanations: {background: background.csv}\n", t, ModelFiles[t])
		fmt.Fprintf(&b, "    enrich: [{group: held, store: bench, keys: [id], columns: [%s]}]\n    features:\n", strings.Join(h.Names[Given:], ", "))
		for _, name := range h.Names {
			fmt.Fprintf(&b, "      - {name: %s, type: double}\n", name)
		}
	}
	_, err = e.Apply(append(files, catalog.File{Name: "bench.yaml", Text: []byte(b.String())}), false)
	return err
}

// load writes the rows: number i has what held-out row i has, and so on from the first.
func (h *Held) load(ctx context.Context, e *engine.Engine, rows uint32) error {
	l, err := e.Load(ctx, engine.Ref{Store: "bench", Name: "held"}, engine.LoadOptions{})
	if err != nil {
		return err
	}
	var w codec.RowWriter
	var row []byte
	for i := range rows {
		w.Reset(l.Group().Schema)
		err := w.Int(int64(i))
		for _, cell := range h.Cells[int(i)%len(h.Cells)][Given:] {
			switch {
			case err != nil:
			case cell == "":
				err = w.Null()
			default:
				err = w.Text(cell)
			}
		}
		if err == nil {
			row, err = w.Row(row[:0], 1)
		}
		if err == nil {
			err = l.Add(ctx, row)
		}
		if err != nil {
			_ = l.Abort() // the first error is the one to tell
			return err
		}
	}
	if _, err = l.Commit(ctx); err != nil {
		return err
	}
	t := workload.Table{View: "held", Rows: rows}
	return t.ReadAll(ctx, e) // into the row cache
}

// serveDialects starts the product's HTTP server on loopback.
func serveDialects(o httpfront.Options) (*front, error) {
	o.Listen, o.DrainDelay, o.Log = "127.0.0.1:0", time.Nanosecond, slog.New(slog.DiscardHandler)
	s, err := httpfront.New(o)
	if err != nil {
		return nil, err
	}
	if err := s.Listen(); err != nil {
		return nil, err
	}
	f := &front{server: s, ended: make(chan error, 1)}
	go func() { f.ended <- s.Serve() }()
	return f, nil
}
