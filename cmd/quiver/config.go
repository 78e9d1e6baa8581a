package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"quiver/engine"
	"quiver/engine/featurelog"
	"quiver/engine/querylog"
	"quiver/httpfront"
	"quiver/httpfront/admin"
	"quiver/httpfront/fennel"
	"quiver/httpfront/hopsworks"
	"quiver/storage/pebblestore"
)

// config is everything a server can be told. A value comes from a flag, else an
// environment variable, else the file, else the default.
type config struct {
	Data   string // folder of rows, definitions and keys
	Listen string
	Admin  string
	NoAuth bool // keys are not asked for; loopback only

	TLS, AdminTLS certificate
	Storage       pebblestore.Options
	RowCache      int64 // bytes; 0 is none
	LoadRate      int64 // bytes per second; 0 is no limit
	Pool          engine.PoolOptions
	HTTP          httpfront.Options // the limits and times in it
	DrainTimeout  time.Duration
	Hopsworks     hopsworks.Options
	Fennel        fennel.Options
	LenientLog    bool // drop and count logged rows that do not fit
	MaxLogRows    int
	FeatureLog    featurelog.Options
	MaxItems      int    // of one multi request of the Dataiku API
	Imports       string // folder of archives that the Dataiku API may import
	QueryLog      queryLogConfig
	ONNX          onnxConfig
	Functions     functionsConfig
	Log           logConfig
}

// queryLogConfig says whether queries of services are logged, and how.
type queryLogConfig struct {
	Enabled bool
	querylog.Options
}

// onnxConfig says where ONNX Runtime is, which ONNX models need.
type onnxConfig struct{ Library, SHA256 string }

// certificate names the PEM files of one; both or none are set.
type certificate struct{ Cert, Key string }

type logConfig struct{ Level, Format string }

func defaultConfig() *config {
	return &config{
		Listen:       "0.0.0.0:4406",
		Admin:        admin.DefaultListen,
		DrainTimeout: 10 * time.Second,
		Storage: pebblestore.Options{
			CacheBytes: 256 << 20, MemTableBytes: 32 << 20, BulkBytes: 256 << 20, BallastBytes: 64 << 20, MaxOpenFiles: 4096,
		},
		RowCache: 128 << 20,
		// Reads at 8,000/s beside a load of 250,000 rows, 2 cores: p99 0.4 ms
		// without the load, 2.6 ms at 8 MiB/s, 160 ms at 16 MiB/s and more.
		LoadRate: 8 << 20,
		Pool:     engine.PoolOptions{Points: engine.PoolAuto, MaxWait: time.Second},
		HTTP: httpfront.Options{
			ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, DrainDelay: 500 * time.Millisecond,
			MaxHeaderBytes: 16 << 10, MaxBodyBytes: 4 << 20, MaxHeldBytes: 256 << 20, MaxConns: 4096,
		},
		Hopsworks: hopsworks.Options{MaxEntries: 10_000, MaxOperations: 512},
		Fennel:    fennel.Options{Store: "default", MaxKeys: 10_000}, MaxLogRows: 100_000,
		FeatureLog: featurelog.Options{QueueBytes: 64 << 20, FileBytes: 16 << 20, Interval: time.Minute},
		MaxItems:   10_000,
		Functions:  defaultFunctions(),
		QueryLog: queryLogConfig{Options: querylog.Options{
			QueueBytes: 16 << 20, LineBytes: 1 << 20, FileBytes: 64 << 20, KeepBytes: 1 << 30, KeepFiles: 1000,
		}},
		Log: logConfig{Level: "info", Format: "text"},
	}
}

// setting is one value of the configuration under its name in the file. Its
// environment variable is named after it: storage.maxOpenFiles is
// QUIVER_STORAGE_MAX_OPEN_FILES.
type setting struct {
	key    string
	help   string
	value  value
	origin string // where the value came from
}

// value reads and prints one field of a config.
type value interface {
	Set(text string) error
	String() string
}

func (s *setting) env() string {
	var b strings.Builder
	b.WriteString("QUIVER_")
	lower := false
	for _, r := range s.key {
		if lower && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		if r == '.' {
			r = '_'
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// plainEnv is env without underscores between the words of one name, which will do as
// well.
func (s *setting) plainEnv() string {
	return "QUIVER_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// settings lists all there is to set in c.
func (c *config) settings() []*setting {
	list := []*setting{
		{key: "data", help: "folder of rows, definitions and keys", value: (*text)(&c.Data)},
		{key: "listen", help: "address of the APIs", value: (*text)(&c.Listen)},
		{key: "admin.listen", help: "address of the admin API and metrics", value: (*text)(&c.Admin)},
		{key: "admin.tls.cert", help: "PEM file; beyond loopback the admin API needs it", value: (*text)(&c.AdminTLS.Cert)},
		{key: "admin.tls.key", help: "PEM file", value: (*text)(&c.AdminTLS.Key)},
		{key: "tls.cert", help: "PEM file; without it the APIs are plain HTTP", value: (*text)(&c.TLS.Cert)},
		{key: "tls.key", help: "PEM file", value: (*text)(&c.TLS.Key)},

		{key: "auth.none", help: "ask for no keys; loopback only", value: (*boolean)(&c.NoAuth)},
		{key: "auth.pingRequiresKey", help: "ping asks for a key as well", value: (*boolean)(&c.Hopsworks.PingRequiresKey)},
		{key: "auth.healthRequiresKey", help: "health asks for a key as well", value: (*boolean)(&c.Hopsworks.HealthRequiresKey)},

		{key: "storage.shards", help: "of a new folder; 0 is one per core", value: (*count)(&c.Storage.Shards)},
		{key: "storage.cache", help: "block cache, memtables included", value: (*size)(&c.Storage.CacheBytes)},
		{key: "storage.rowCache", help: "whole rows in memory, in front of everything; 0 is none", value: (*size)(&c.RowCache)},
		{key: "storage.memTable", help: "of one shard", value: (*size)(&c.Storage.MemTableBytes)},
		{key: "storage.bulk", help: "memory of one bulk load", value: (*size)(&c.Storage.BulkBytes)},
		{key: "storage.ballast", help: "disk space kept for a full disk", value: (*size)(&c.Storage.BallastBytes)},
		{key: "storage.fanOutKeys", help: "keys from which shards are read at once; 0 decides by cores, -1 never", value: (*signed)(&c.Storage.FanOutKeys)},
		{key: "storage.maxOpenFiles", help: "tables kept open, all shards together", value: (*count)(&c.Storage.MaxOpenFiles)},
		{key: "storage.acceptLoss", help: "open although acknowledged writes are missing", value: (*boolean)(&c.Storage.AcceptLoss)},

		{key: "load.rate", help: "bytes per second of loads onto rows that exist; 0 is no limit", value: (*size)(&c.LoadRate)},

		{key: "pool.points", help: "auto, inline or pooled", value: &choice{(*string)(&c.Pool.Points), []string{"auto", "inline", "pooled"}}},
		{key: "pool.workers", help: "reads at once; 0 is 4 per core", value: (*count)(&c.Pool.Workers)},
		{key: "pool.queue", help: "reads waiting; 0 is 32 per worker", value: (*count)(&c.Pool.Queue)},
		{key: "pool.maxWait", help: "a read that waited longer is refused", value: (*duration)(&c.Pool.MaxWait)},

		{key: "http.readTimeout", help: "for one whole request", value: (*duration)(&c.HTTP.ReadTimeout)},
		{key: "http.writeTimeout", help: "for one whole answer", value: (*duration)(&c.HTTP.WriteTimeout)},
		{key: "http.idleTimeout", help: "for the next request on a connection", value: (*duration)(&c.HTTP.IdleTimeout)},
		{key: "http.drainDelay", help: "between an unready /ready and a closed listener", value: (*duration)(&c.HTTP.DrainDelay)},
		{key: "http.drainTimeout", help: "for running requests when the server ends", value: (*duration)(&c.DrainTimeout)},
		{key: "http.maxHeader", help: "request line and headers", value: (*sizeInt)(&c.HTTP.MaxHeaderBytes)},
		{key: "http.maxBody", help: "one request's body", value: (*sizeInt)(&c.HTTP.MaxBodyBytes)},
		{key: "http.maxHeld", help: "large bodies at a time, together", value: (*size)(&c.HTTP.MaxHeldBytes)},
		{key: "http.maxConns", help: "connections at a time", value: (*count)(&c.HTTP.MaxConns)},
		{key: "http.maxConnsPerIP", help: "0 is no limit", value: (*count)(&c.HTTP.MaxConnsPerIP)},
		{key: "http.gzip", help: "compress answers above 2 KiB for clients that accept it", value: (*boolean)(&c.HTTP.Gzip)},

		{key: "hopsworks.nullErrorRows", help: "null, not N nulls, for entries that failed", value: (*boolean)(&c.Hopsworks.NullErrorRows)},
		{key: "hopsworks.maxEntries", help: "of one batch", value: (*count)(&c.Hopsworks.MaxEntries)},
		{key: "hopsworks.maxOperations", help: "of one raw batch", value: (*count)(&c.Hopsworks.MaxOperations)},

		{key: "fennel.store", help: "store that requests of the Fennel API are about", value: (*text)(&c.Fennel.Store)},
		{key: "fennel.lenientLog", help: "drop and count logged rows that do not fit; false refuses the call", value: (*boolean)(&c.LenientLog)},
		{key: "fennel.maxLogRows", help: "of one call", value: (*count)(&c.MaxLogRows)},
		{key: "fennel.maxKeys", help: "of one lookup or erase", value: (*count)(&c.Fennel.MaxKeys)},

		{key: "featurelog.queue", help: "memory of answered features on their way to files; more are dropped and counted", value: (*size)(&c.FeatureLog.QueueBytes)},
		{key: "featurelog.file", help: "features in memory that make one file", value: (*size)(&c.FeatureLog.FileBytes)},
		{key: "featurelog.interval", help: "a file is finished after this time at the latest", value: (*duration)(&c.FeatureLog.Interval)},
		{key: "featurelog.keep", help: "how long files stay; 0 is for ever", value: (*duration)(&c.FeatureLog.Keep)},

		{key: "dataiku.maxItems", help: "of one multi request", value: (*count)(&c.MaxItems)},
		{key: "dataiku.imports", help: "folder of archives that its admin API may import; empty: imports in the data folder", value: (*text)(&c.Imports)},
		{key: "dataiku.queryLog.enabled", help: "log every query of a service with its features and result", value: (*boolean)(&c.QueryLog.Enabled)},
		{key: "dataiku.queryLog.dir", help: "where to; empty: query-log in the data folder", value: (*text)(&c.QueryLog.Dir)},
		{key: "dataiku.queryLog.maxBytes", help: "of all files together; the oldest go", value: (*size)(&c.QueryLog.KeepBytes)},
		{key: "dataiku.queryLog.keep", help: "files at most", value: (*count)(&c.QueryLog.KeepFiles)},
		{key: "dataiku.queryLog.file", help: "one file, which is of one hour at most", value: (*size)(&c.QueryLog.FileBytes)},
		{key: "dataiku.queryLog.maxRecord", help: "one query; longer parts of it are cut", value: (*sizeInt)(&c.QueryLog.LineBytes)},
		{key: "dataiku.queryLog.queue", help: "memory of queries on their way to files; more are dropped and counted", value: (*size)(&c.QueryLog.QueueBytes)},

		{key: "onnx.runtime", help: "ONNX Runtime, which ONNX models need; empty: where tools/onnxruntime puts it", value: (*text)(&c.ONNX.Library)},
		{key: "onnx.sha256", help: "checksum of another release of it than the tested one", value: (*text)(&c.ONNX.SHA256)},

		{key: "log.level", help: "debug, info, warn or error", value: &choice{&c.Log.Level, []string{"debug", "info", "warn", "error"}}},
		{key: "log.format", help: "text or json", value: &choice{&c.Log.Format, []string{"text", "json"}}},
	}
	list = append(list, c.Functions.settings()...)
	for _, s := range list {
		s.origin = "default"
	}
	return list
}

// flagValue is a value given on the command line for a setting.
type flagValue struct{ key, flag, text string }

// loadConfig puts the configuration together. file may be "".
func loadConfig(file string, environ func(string) (string, bool), flags []flagValue) (*config, []*setting, error) {
	c := defaultConfig()
	all := c.settings()
	byKey := make(map[string]*setting, len(all))
	for _, s := range all {
		byKey[s.key] = s
	}
	if file != "" {
		if err := readConfigFile(file, byKey); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range all {
		for _, name := range []string{s.plainEnv(), s.env()} {
			if v, ok := environ(name); ok && v != "" {
				if err := s.value.Set(v); err != nil {
					return nil, nil, fmt.Errorf("%s: %w", name, err)
				}
				s.origin = "env " + name
			}
		}
	}
	for _, f := range flags {
		s := byKey[f.key]
		if err := s.value.Set(f.text); err != nil {
			return nil, nil, &usageError{fmt.Sprintf("%s: %v", f.flag, err)}
		}
		s.origin = "flag " + f.flag
	}
	return c, all, c.check()
}

// check finds what no single value shows.
func (c *config) check() error {
	for name, pair := range map[string]certificate{"tls": c.TLS, "admin.tls": c.AdminTLS} {
		if (pair.Cert == "") != (pair.Key == "") {
			return fmt.Errorf("configuration: %s.cert and %s.key belong together, one is missing", name, name)
		}
	}
	return c.Functions.check()
}

// printConfig prints every setting with its origin.
func printConfig(out *output, all []*setting) error {
	type row struct {
		Key    string `json:"key"`
		Value  string `json:"value"`
		Origin string `json:"origin"`
		Env    string `json:"env"`
		Help   string `json:"help,omitempty"`
	}
	rows := make([]row, len(all))
	t := newTable("KEY", "VALUE", "FROM", "MEANING")
	for i, s := range all {
		rows[i] = row{s.key, s.value.String(), s.origin, s.env(), s.help}
		t.add(s.key, cmp.Or(s.value.String(), "-"), s.origin, s.help)
	}
	return out.print(rows, t)
}

type text string

func (t *text) Set(s string) error { *t = text(s); return nil }
func (t *text) String() string     { return string(*t) }

type boolean bool

func (b *boolean) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q is not true or false", s)
	}
	*b = boolean(v)
	return nil
}
func (b *boolean) String() string { return strconv.FormatBool(bool(*b)) }

// count is a whole number from 0.
type count int

func (c *count) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a whole number from 0", s)
	}
	*c = count(v)
	return nil
}
func (c *count) String() string { return strconv.Itoa(int(*c)) }

// signed is a whole number.
type signed int

func (n *signed) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", s)
	}
	*n = signed(v)
	return nil
}
func (n *signed) String() string { return strconv.Itoa(int(*n)) }

type duration time.Duration

func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 500ms or 10s", s)
	}
	*d = duration(v)
	return nil
}
func (d *duration) String() string { return time.Duration(*d).String() }

// size is a number of bytes, with a unit or without.
type size int64

var units = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

func (z *size) Set(s string) error {
	number, factor := s, int64(1)
	for _, u := range units {
		if n := len(s) - len(u.name); n > 0 && strings.EqualFold(s[n:], u.name) {
			number, factor = strings.TrimSpace(s[:n]), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(number, 10, 64)
	if err != nil || v < -1 || v > (1<<62)/factor {
		return fmt.Errorf("%q is not a size such as 256MiB", s)
	}
	*z = size(v * factor)
	return nil
}

func (z *size) String() string {
	for _, u := range units[:4] {
		if v := int64(*z); v >= u.bytes && v%u.bytes == 0 {
			return fmt.Sprintf("%d%s", v/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(*z), 10)
}

// sizeInt is a size kept in an int.
type sizeInt int

func (z *sizeInt) Set(s string) error {
	var v size
	if err := v.Set(s); err != nil {
		return err
	}
	*z = sizeInt(v)
	return nil
}
func (z *sizeInt) String() string { v := size(*z); return v.String() }

// choice is one of several words.
type choice struct {
	p     *string
	words []string
}

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("%q is not one of %s", s, strings.Join(c.words, ", "))
	}
	*c.p = s
	return nil
}
func (c *choice) String() string { return *c.p }
