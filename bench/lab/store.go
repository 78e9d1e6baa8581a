package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"quiver/bench/workload"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/httpfront"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
	"quiver/storage"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// storeConfig says what data to make and how to keep it.
type storeConfig struct {
	Dir        string            `json:"dir"`
	Tables     []*workload.Table `json:"tables"`
	BlockCache int64             `json:"blockCache"` // bytes
	RowCache   int64             `json:"rowCache"`   // bytes; 0 leaves the cached server out
	Others     int               `json:"others"`     // further views that nobody asks for
}

// Stack is the product over one Pebble folder: an engine that reads every row from
// Pebble and, with a row cache, a second one over the same store that finds every row
// in it.
type Stack struct {
	Store   storage.Store // Pebble
	Cache   storage.Store // the row cache in front of it; nil without one
	Catalog *catalog.Catalog
	Plain   *engine.Engine
	Cached  *engine.Engine // nil without a row cache
}

// shared is a store that two engines use; the first closes it.
type shared struct{ storage.Store }

// Unwrap shows the store's optional abilities.
func (s shared) Unwrap() storage.Store { return s.Store }

// Close leaves the store open.
func (s shared) Close() error { return nil }

// OpenStack makes the tables in a new folder and reads every row once, so that both
// caches hold what they can.
func OpenStack(ctx context.Context, dir string, tables []*workload.Table, blockCache, rowCache int64) (*Stack, error) {
	return openStack(ctx, &storeConfig{Dir: dir, Tables: tables, BlockCache: blockCache, RowCache: rowCache})
}

func openStack(ctx context.Context, c *storeConfig) (_ *Stack, err error) {
	s := &Stack{}
	if s.Store, err = pebblestore.Open(filepath.Join(c.Dir, "rows"), pebblestore.Options{CacheBytes: c.BlockCache, BallastBytes: -1}); err != nil {
		return nil, err
	}
	if s.Catalog, err = catalog.Open(filepath.Join(c.Dir, "catalog")); err != nil {
		return nil, errors.Join(err, s.Store.Close())
	}
	if s.Plain, err = s.engine(s.Store); err != nil {
		return nil, errors.Join(err, s.Store.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	if err := workload.Apply(s.Plain, c.Tables); err != nil {
		return nil, err
	}
	if c.Others > 0 {
		if _, err := s.Plain.Apply([]catalog.File{{Name: "others.yaml", Text: workload.Others(c.Others)}}, false); err != nil {
			return nil, err
		}
	}
	for _, t := range c.Tables {
		if err := t.Load(ctx, s.Plain); err != nil {
			return nil, err
		}
	}
	if c.RowCache > 0 {
		cache, err := rowcache.New(shared{s.Store}, c.RowCache)
		if err != nil {
			return nil, err
		}
		s.Cache = cache
		if s.Cached, err = s.engine(cache); err != nil {
			return nil, errors.Join(err, cache.Close())
		}
	}
	for _, t := range c.Tables {
		for _, e := range []*engine.Engine{s.Plain, s.Cached} {
			if e == nil {
				continue
			}
			if err := t.ReadAll(ctx, e); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// engine opens an engine that drops no tables, since two of them share a catalog.
func (s *Stack) engine(store storage.Store) (*engine.Engine, error) {
	return engine.New(engine.Options{Store: store, Catalog: s.Catalog, DropAfter: 24 * time.Hour})
}

// Close closes the engines and the store.
func (s *Stack) Close(ctx context.Context) error {
	var err error
	if s.Cached != nil {
		err = s.Cached.Close(ctx)
	}
	return errors.Join(err, s.Plain.Close(ctx))
}

// serveStore serves the product and the naive server over the same rows.
func serveStore(c *storeConfig) (*server, error) {
	ctx := context.Background()
	stack, err := openStack(ctx, c)
	if err != nil {
		return nil, err
	}
	keys, err := auth.Open(c.Dir)
	if err != nil {
		return nil, errors.Join(err, stack.Close(ctx))
	}
	secret, err := keys.Create(auth.CreateOptions{Name: "bench", Stores: []string{workload.Store}})
	if err != nil {
		return nil, errors.Join(err, stack.Close(ctx))
	}
	h := hello{Addresses: map[Target]string{}, APIKey: secret}
	var fronts []*front
	closeAll := func() error {
		var err error
		for _, f := range fronts {
			err = errors.Join(err, f.close())
		}
		keys.Close()
		return errors.Join(err, stack.Close(ctx))
	}
	for target, e := range map[Target]*engine.Engine{Plain: stack.Plain, Cached: stack.Cached} {
		if e == nil {
			continue
		}
		f, err := openFront(e, keys)
		if err != nil {
			return nil, errors.Join(err, closeAll())
		}
		fronts = append(fronts, f)
		h.Addresses[target] = f.server.Addr().String()
	}
	n, err := openNaive(stack.Store, stack.Catalog)
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	h.Addresses[Naive] = n.addr()
	return &server{hello: h, close: func() error { return errors.Join(n.close(), closeAll()) }}, nil
}

// front is the product's HTTP server over one engine.
type front struct {
	server *httpfront.Server
	ended  chan error
}

func openFront(e *engine.Engine, keys *auth.Keys) (*front, error) {
	dialect, err := hopsworks.New(e, hopsworks.Options{})
	if err != nil {
		return nil, err
	}
	return serveDialects(httpfront.Options{Dialects: []wire.Dialect{dialect}, Keys: keys})
}

func (f *front) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := f.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("cannot stop a server: %w", err)
	}
	return <-f.ended
}
