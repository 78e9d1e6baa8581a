package main

import (
	"runtime"
	"runtime/debug"
	"strconv"

	"quiver/engine/ingest"
	"quiver/httpfront/admin"
)

// Set by the linker; see the Makefile.
var (
	version = "0.1.0"
	commit  = ""
)

type versionCmd struct{ format }

func (versionCmd) Help() string {
	return `Examples:
  quiver version
  quiver version --output json`
}

// Run prints what this program is made of.
func (c *versionCmd) Run(a *app) error {
	v := versions()
	t := newTable()
	t.add("quiver", v.Version)
	t.add("commit", v.Commit)
	t.add("go", v.Go)
	for _, m := range shownModules {
		if have := v.Dependencies[m]; have != "" {
			t.add(m, have)
		}
	}
	t.add("load stream format", strconv.Itoa(v.Formats["load stream"]))
	return a.results(c.Output).print(v, t)
}

// shownModules are the dependencies whose versions matter most to an operator; JSON
// lists all.
var shownModules = []string{
	"github.com/cockroachdb/pebble/v2", "github.com/valyala/fasthttp", "github.com/bytedance/sonic",
	"github.com/klauspost/compress", "github.com/parquet-go/parquet-go",
}

// versions says what is running.
func versions() admin.Version {
	v := admin.Version{
		Version: version, Commit: commit, Go: runtime.Version(),
		Dependencies: map[string]string{},
		Formats:      map[string]int{"load stream": ingest.StreamVersion},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range info.Deps {
		v.Dependencies[m.Path] = m.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v.Commit == "" {
			v.Commit = s.Value
		}
	}
	if v.Commit == "" {
		v.Commit = "unknown"
	}
	return v
}
