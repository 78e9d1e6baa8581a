package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "q.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func environ(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

// TestConfigOrder checks that flag > env > file > default, and that each value says
// where it came from.
func TestConfigOrder(t *testing.T) {
	file := configFile(t, "listen: file:1\nadmin.listen: file:2\nstorage: {shards: 3, cache: 2GiB}\nhttp:\n  readTimeout: 7s\n  maxBody: 1000\nauth:\n  pingRequiresKey: true\ndataiku: {queryLog: {enabled: true, maxBytes: 2MiB}}\n")
	c, all, err := loadConfig(file,
		environ("QUIVER_ADMIN_LISTEN=env:2", "QUIVER_STORAGE_SHARDS=4", "QUIVER_STORAGE_MAX_OPEN_FILES=9", "QUIVER_HOPSWORKS_NULLERRORROWS=true"),
		[]flagValue{{"storage.shards", "--shards", "5"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "file:1" || c.Admin != "env:2" || c.Storage.Shards != 5 || c.Storage.CacheBytes != 2<<30 || c.Storage.MaxOpenFiles != 9 ||
		c.HTTP.ReadTimeout != 7*time.Second || c.HTTP.MaxBodyBytes != 1000 || !c.Hopsworks.PingRequiresKey || !c.QueryLog.Enabled || c.QueryLog.KeepBytes != 2<<20 || !c.Hopsworks.NullErrorRows {
		t.Errorf("config %+v", c)
	}
	origins := map[string]string{}
	for _, s := range all {
		origins[s.key] = s.origin
	}
	for key, want := range map[string]string{
		"listen": file + ":1", "admin.listen": "env QUIVER_ADMIN_LISTEN", "storage.shards": "flag --shards", "storage.cache": file + ":3",
		"http.readTimeout": file + ":5", "pool.workers": "default", "hopsworks.nullErrorRows": "env QUIVER_HOPSWORKS_NULLERRORROWS",
	} {
		if origins[key] != want {
			t.Errorf("%s comes from %q, want %q", key, origins[key], want)
		}
	}
	var b bytes.Buffer
	if err := printConfig(&output{w: &b}, all); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), " storage.cache 2GiB ") {
		t.Errorf("printed:\n%s", b.String())
	}
}

func TestConfigErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		file := configFile(t, text)
		_, _, err := loadConfig(file, environ(), nil)
		if err == nil || strings.ReplaceAll(err.Error(), file, "q.yaml") != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	f("storage:\n  shard: 4\n", `q.yaml:2:3: unknown setting "storage.shard"; did you mean "storage.shards"?`)
	f("Listen: x\n", `q.yaml:1:1: unknown setting "Listen"; did you mean "listen"?`)
	f("cache: 1GiB\n", `q.yaml:1:1: unknown setting "cache"; did you mean "storage.cache"?`)
	f("fennec: {store: x}\n", "q.yaml:1:1: unknown setting \"fennec\"; `quiver serve --print-config` lists all")
	f("storage:\n  shards: many\n", `q.yaml:2:11: storage.shards: "many" is not a whole number from 0`)
	f("storage:\n  shards: -1\n", `q.yaml:2:11: storage.shards: "-1" is not a whole number from 0`)
	f("storage: {shards: [1]}\n", `q.yaml:1:19: storage.shards wants one value`)
	f("storage: {shards: }\n", `q.yaml:1:18: storage.shards wants one value`)
	f("pool:\n  points: maybe\n", `q.yaml:2:11: pool.points: "maybe" is not one of auto, inline, pooled`)
	f("http:\n  readTimeout: 5\n", `q.yaml:2:16: http.readTimeout: "5" is not a duration such as 500ms or 10s`)
	f("auth:\n  none: perhaps\n", `q.yaml:2:9: auth.none: "perhaps" is not true or false`)
	f("storage: 5\n", "q.yaml:1:10: want settings such as `listen: 127.0.0.1:4406` here")
	f("- a\n", "q.yaml:1:1: want settings such as `listen: 127.0.0.1:4406` here")
	f("listen: a\n---\nlisten: b\n", `q.yaml:3:7: a configuration is one document, this is the second`)
	f("listen: a\nlisten: b\n", `q.yaml:2:1: mapping key "listen" already defined at [1:1]`)
	f("tls: {cert: a.pem}\n", "configuration: tls.cert and tls.key belong together, one is missing")
	f("functions: {ceil: 1}\n", "configuration: functions.floor, cruise and ceil are 1, 2 and 1; they must not descend and begin at 1 or more")
	f("functions: {floor: 0}\n", "configuration: functions.floor, cruise and ceil are 0, 2 and 8; they must not descend and begin at 1 or more")
	f("functions: {runTimeout: 0s}\n", "configuration: functions.timeout, runTimeout and startTimeout must be above 0")
	f("functions: {uid: 1000}\n", "configuration: functions.uid and functions.gid belong together, one is missing")
	for _, text := range []string{"", "# nothing\n", "storage:\n", "storage: # later\n"} {
		if _, _, err := loadConfig(configFile(t, text), environ(), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := loadConfig("", environ("QUIVER_POOL_QUEUE=x"), nil); err == nil || err.Error() != `QUIVER_POOL_QUEUE: "x" is not a whole number from 0` {
		t.Errorf("bad environment: %v", err)
	}
}

func TestSize(t *testing.T) {
	f := func(s string, want int64, print string) {
		t.Helper()
		var z size
		if err := z.Set(s); err != nil || int64(z) != want || z.String() != print {
			t.Errorf("%s: %d printed %s (%v), want %d printed %s", s, z, z.String(), err, want, print)
		}
	}
	f("0", 0, "0")
	f("1000", 1000, "1000")
	f("4096", 4096, "4KiB")
	f("256MiB", 256<<20, "256MiB")
	f("256 mib", 256<<20, "256MiB")
	f("2GB", 2e9, "1953125KiB")
	f("1536KiB", 1536<<10, "1536KiB")
	f("-1", -1, "-1")
	for _, s := range []string{"", "x", "MiB", "1.5GiB", "-2", "99999999TiB", "5q"} {
		var z size
		if err := z.Set(s); err == nil {
			t.Errorf("%q is taken as %d", s, z)
		}
	}
}
