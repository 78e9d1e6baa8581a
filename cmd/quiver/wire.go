package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/featurelog"
	"quiver/engine/featureset"
	"quiver/engine/predict"
	"quiver/engine/predict/onnx"
	"quiver/engine/querylog"
	"quiver/engine/service"
	"quiver/engine/webhook"
	"quiver/httpfront"
	"quiver/httpfront/admin"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fennel"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
	"quiver/storage"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// folder is a data folder opened by this process, and the concrete parts made from it.
// All wiring is in this file.
type folder struct {
	store     *pebblestore.Store
	cache     *rowcache.Cache // nil: none
	engine    *engine.Engine
	hooks     *webhook.Hooks
	sets      *featureset.Resolver
	features  *featurelog.Log
	functions *functions // that users wrote
	services  *service.Services
	server    *httpfront.Server // of the public APIs; nil before there is one
	queries   *querylog.Log     // nil: none
	keys      *auth.Keys        // nil: everyone may do everything
	log       *slog.Logger
	counts    *featureCounts // of what extract answers
}

// notAliveFile, in the data folder, makes the probe of the Dataiku API say that the
// server is not alive, while traffic goes on (Dataiku contract, section 14).
const notAliveFile = "apinode-not-alive.txt"

// definitionsDir is where the catalog lives inside the data folder.
const definitionsDir = "definitions"

// featuresDir is where features that were answered are logged inside the data folder.
const featuresDir = "features-log"

// queriesDir is where queries of services are logged inside the data folder.
const queriesDir = "query-log"

// sqliteDir is where SQLite files of connections are inside the data folder.
const sqliteDir = "sqlite"

// importsDir is where archives of generations are imported from inside the data folder.
const importsDir = "imports"

// openFolder opens everything below the listeners, in the order of need.
func openFolder(c *config, log *slog.Logger) (_ *folder, err error) {
	f := &folder{log: log, counts: newFeatureCounts(), functions: newFunctions(c.Functions, log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close(context.Background()))
		}
	}()

	// The store first: it holds the lock of the data folder, which guards the
	// catalog's files as well.
	o := c.Storage
	o.Log = func(level slog.Level, text string) { log.Log(context.Background(), level, text) }
	if f.store, err = pebblestore.Open(c.Data, o); err != nil {
		return nil, err
	}

	// The row cache in front of it, unless it is switched off.
	var rows storage.Store = f.store
	if c.RowCache > 0 {
		if f.cache, err = rowcache.New(f.store, c.RowCache); err != nil {
			return nil, err
		}
		rows = f.cache
	}

	// Then the definitions, which say what the rows in the store mean, and the
	// engine over both. From then on the engine owns the store.
	definitions, err := catalog.Open(filepath.Join(c.Data, definitionsDir))
	if err != nil {
		return nil, err
	}
	if f.engine, err = engine.New(engine.Options{Store: rows, Catalog: definitions, Pool: c.Pool, Log: log, LoadRate: c.LoadRate}); err != nil {
		return nil, err
	}

	// What is compiled from definitions beside feature views: endpoints, which first
	// finish what a crash cut off, featuresets, and services.
	f.hooks = webhook.New(f.engine, webhook.Options{Lenient: c.LenientLog, MaxRows: c.MaxLogRows, Log: log})
	if err := f.engine.AddPart(f.hooks); err != nil {
		return nil, err
	}
	if err := f.hooks.Recover(context.Background()); err != nil {
		return nil, fmt.Errorf("cannot finish what was logged: %w", err)
	}
	f.sets = featureset.New(f.engine, &extractors{f.functions})
	if err := f.engine.AddPart(f.sets); err != nil {
		return nil, err
	}
	of := c.FeatureLog
	of.Dir, of.Log = filepath.Join(c.Data, featuresDir), log
	if f.features, err = featurelog.New(of); err != nil {
		return nil, fmt.Errorf("cannot open the feature log: %w", err)
	}
	f.services = service.New(f.engine)
	f.services.Functions, f.services.Log = endpoints{f.functions}, log
	f.services.Fetch = fetch
	f.services.ONNX = func(data []byte, task predict.Task) (predict.Model, error) {
		library, err := onnx.Open(c.ONNX.Library, c.ONNX.SHA256)
		if err != nil {
			return nil, err
		}
		return library.Load(data, onnx.Options{Task: task})
	}
	f.services.SQLiteDir = filepath.Join(c.Data, sqliteDir)
	if err := f.engine.AddPart(f.services); err != nil {
		return nil, err
	}

	if c.QueryLog.Enabled {
		of := c.QueryLog.Options
		of.Dir, of.Log = cmp.Or(of.Dir, filepath.Join(c.Data, queriesDir)), log
		if f.queries, err = querylog.New(of); err != nil {
			return nil, fmt.Errorf("cannot open the log of queries: %w", err)
		}
	}

	// Keys last: they watch their file, and nothing below asks them.
	if !c.NoAuth {
		if f.keys, err = auth.Open(c.Data); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// dialects are the public APIs. The first one also answers what fits no other's paths.
func (f *folder) dialects(c *config) ([]wire.Dialect, error) {
	h, err := hopsworks.New(f.engine, c.Hopsworks)
	if err != nil {
		return nil, fmt.Errorf("cannot make the Hopsworks API: %w", err)
	}
	of := c.Fennel
	of.LogFeatures = func(workflow string, rate float64, a *featureset.Answer) { f.features.Offer(workflow, rate, a) }
	of.Count = f.counts.count
	fe, err := fennel.New(f.engine, f.hooks, f.sets, of)
	if err != nil {
		return nil, fmt.Errorf("cannot make the Fennel API: %w", err)
	}
	du := dataiku.New(f.engine, f.services, dataiku.Options{
		Keys: f.keys, Version: version, MaxItems: c.MaxItems, QueryLog: f.queries, Imports: cmp.Or(c.Imports, filepath.Join(c.Data, importsDir)),
		Alive: func() bool {
			_, err := os.Stat(filepath.Join(c.Data, notAliveFile))
			return errors.Is(err, fs.ErrNotExist)
		},
		Address: func() string { return f.address(c) },
	})
	return append([]wire.Dialect{h, fe}, du...), nil
}

// front makes the server of the public APIs; it does not listen yet.
func (f *folder) front(c *config) (*httpfront.Server, error) {
	dialects, err := f.dialects(c)
	if err != nil {
		return nil, err
	}
	tls, err := c.TLS.load(f.log)
	if err != nil {
		return nil, err
	}
	o := c.HTTP
	o.Listen, o.Dialects, o.Keys, o.TLS, o.Log = c.Listen, dialects, f.keys, tls, f.log
	o.RDRSMetrics = dialects[0].Name // dashboards of the server that the first API is of
	o.FennelMetrics = dialects[1].Name
	o.Ready = func() error { return f.engine.Healthy(context.Background()) }
	f.server, err = httpfront.New(o)
	return f.server, err
}

// address is the URL of the public APIs on this machine, for functions that users wrote.
func (f *folder) address(c *config) string {
	addr, ok := f.server.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme(c.TLS) + "://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// admin are the options of the admin API, served on a listener or called in process.
func (f *folder) admin(metrics ...prometheus.Collector) admin.Options {
	return admin.Options{
		Engine: f.engine, Keys: f.keys, Services: f.services, Version: versions(), Log: f.log,
		Metrics: append(metrics, storeMetrics(f.store.Stats()), cacheMetrics(f.cache), poolMetrics(f.engine),
			featureLogMetrics(f.features), queryLogMetrics(f.queries), hookMetrics(f.hooks), f.counts, f.functions),
	}
}

// close closes what is open, the last first.
func (f *folder) close(ctx context.Context) error {
	if f.keys != nil {
		f.keys.Close()
	}
	var err error
	if f.features != nil {
		f.features.Close()
	}
	if f.services != nil {
		f.services.Close()
	}
	if f.queries != nil {
		f.queries.Close()
	}
	if f.sets != nil {
		f.sets.Close()
	}
	if f.hooks != nil {
		err = f.hooks.Close(ctx)
	}
	switch {
	case f.engine != nil:
		return errors.Join(err, f.engine.Close(ctx))
	case f.store != nil:
		return f.store.Close()
	}
	return nil
}

// newLog makes the log that goes to w.
func newLog(c logConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the configuration allows level names only
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
