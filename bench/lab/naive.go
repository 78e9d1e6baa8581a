package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bytedance/sonic"
	"github.com/valyala/fasthttp"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/storage"
)

// naive serves the same rows from the same store the way it is usually written: the
// request into a map, rows into []any, a map into the answer. It checks no key and no
// request, which flatters it.
type naive struct {
	store   storage.Store
	catalog *catalog.Catalog
	ln      net.Listener
	server  *fasthttp.Server
	ended   chan error
}

func openNaive(store storage.Store, c *catalog.Catalog) (*naive, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	n := &naive{store: store, catalog: c, ln: ln, ended: make(chan error, 1)}
	n.server = &fasthttp.Server{Handler: n.handle, WriteBufferSize: 32 << 10}
	go func() { n.ended <- n.server.Serve(ln) }()
	return n, nil
}

func (n *naive) addr() string { return n.ln.Addr().String() }

func (n *naive) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(n.server.ShutdownWithContext(ctx), <-n.ended)
}

func (n *naive) handle(ctx *fasthttp.RequestCtx) {
	answer, err := n.answer(ctx.PostBody())
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(answer)
}

func (n *naive) answer(body []byte) ([]byte, error) {
	var request map[string]any
	if err := sonic.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	name, _ := request["featureViewName"].(string)
	store, _ := request["featureStoreName"].(string)
	version, _ := request["featureViewVersion"].(float64)
	snap := n.catalog.Current()
	view := snap.View(store, name, int(version))
	if view == nil {
		return nil, fmt.Errorf("there is no view %s", name)
	}
	out := map[string]any{"metadata": nil, "detailedStatus": nil}
	switch entries := request["entries"].(type) {
	case map[string]any:
		vector, status, err := n.vector(snap, view, entries)
		if err != nil {
			return nil, err
		}
		out["features"], out["status"] = vector, status
	case []any:
		var vectors [][]any
		var statuses []string
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			vector, status, err := n.vector(snap, view, entry)
			if err != nil {
				return nil, err
			}
			vectors, statuses = append(vectors, vector), append(statuses, status)
		}
		out["features"], out["status"] = vectors, statuses
	}
	return sonic.Marshal(out)
}

// vector reads one vector.
func (n *naive) vector(snap *catalog.Snapshot, view *catalog.View, entry map[string]any) ([]any, string, error) {
	status := "COMPLETE"
	rows := make([]map[string]any, len(view.From))
	for i, join := range view.From {
		group := snap.Group(join.Store, join.Group, join.Version)
		var key []byte
		for k, column := range group.Key {
			number, _ := entry[column].(float64)
			var err error
			t := group.Schema.Columns[group.KeyColumns[k]].Type
			if key, err = codec.AppendKeyJSON(key, t, []byte(strconv.FormatInt(int64(number), 10))); err != nil {
				return nil, "", err
			}
		}
		row, err := n.row(group, key)
		if err != nil {
			return nil, "", err
		}
		if row == nil {
			status = "MISSING"
		}
		rows[i] = row
	}
	vector := make([]any, 0, len(view.Features))
	for _, f := range view.Features {
		vector = append(vector, rows[f.From][f.Name])
	}
	return vector, status, nil
}

// row reads one row as a map; nil when there is none.
func (n *naive) row(group *catalog.Group, key []byte) (map[string]any, error) {
	var b storage.Batch
	b.Add(storage.Key{Table: group.Table, Route: key})
	if err := n.store.Get(context.Background(), &b); err != nil {
		return nil, err
	}
	stored, _, err := b.Row(0)
	if err != nil || stored == nil {
		return nil, err
	}
	r, err := codec.ParseRow(stored)
	if err != nil {
		return nil, err
	}
	var cells []any
	if err := sonic.UnmarshalString("["+string(r.Run(0, r.Columns()))+"]", &cells); err != nil {
		return nil, err
	}
	row := make(map[string]any, len(cells))
	for i, c := range cells {
		row[group.Schema.Columns[i].Name] = c
	}
	return row, nil
}
