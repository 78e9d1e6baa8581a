package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"

	"quiver/engine/catalog"
	"quiver/engine/function"
)

// demoFiles are real data: see demo/README.md.
//
//go:embed demo/flights.yaml demo/delays.yaml demo/python.yaml demo/r.yaml demo/functions demo/airports.csv demo/routes.csv demo/models
var demoFiles embed.FS

// demoLoads are the embedded files that are loaded, by group.
var demoLoads = []struct{ group, file string }{{"airports", "airports.csv"}, {"routes", "routes.csv"}}

type demoCmd struct {
	Data   string `help:"Folder to keep the data in; a temporary one by default." placeholder:"DIR"`
	Listen string `help:"Address of the APIs (loopback only)." default:"127.0.0.1:4406" placeholder:"ADDR"`
	Admin  string `help:"Address of the admin API and metrics." default:"127.0.0.1:4407" placeholder:"ADDR"`
}

func (demoCmd) Help() string {
	return `US airports and statistics of the routes between them, from 3 million flights of 2001.
No key is needed, so it listens on loopback addresses only. Ctrl-C ends it.

Examples:
  quiver demo
  quiver demo --data ./demo --listen 127.0.0.1:8080`
}

// Run serves the demo until ctx ends.
func (c *demoCmd) Run(ctx context.Context, a *app) (err error) {
	conf := defaultConfig()
	conf.Data, conf.Listen, conf.Admin, conf.NoAuth = c.Data, c.Listen, c.Admin, true
	conf.Log.Level = "warn"
	if !loopback(c.Listen) || !loopback(c.Admin) {
		return withHint(&usageError{"the demo asks for no key and listens on loopback addresses only"}, "`quiver serve` is for the others")
	}
	if conf.Data == "" {
		if conf.Data, err = os.MkdirTemp("", "quiver-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(conf.Data)) }()
	}
	return serve(ctx, a, conf, demoLoad(a), func(front, admin net.Addr) {
		fmt.Fprintf(a.stdout, demoText, front, admin, a.program)
	})
}

// demoLoad defines the demo's groups and views and loads its rows, as a user would do
// with apply and load.
func demoLoad(a *app) func(context.Context, *folder) error {
	return func(ctx context.Context, f *folder) error {
		files, err := demoDefinitions("flights.yaml", "delays.yaml", "models/delay.txt", "models/background.csv", "models/percentiles.json")
		if err != nil {
			return err
		}
		if err := demoSQLite(ctx, f.services.SQLiteDir); err != nil {
			return err
		}
		if err := f.apply(files); err != nil {
			return err
		}
		if err := demoFunctions(a, f); err != nil {
			return err
		}
		cl, err := f.client()
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "quiver-demo-files-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		for _, d := range demoLoads {
			raw, err := fs.ReadFile(demoFiles, "demo/"+d.file)
			if err != nil {
				return err
			}
			name := filepath.Join(dir, d.file)
			if err := os.WriteFile(name, raw, 0o600); err != nil {
				return err
			}
			l := &loading{client: cl, stderr: a.stderr, store: "flights", group: d.group}
			res, err := l.run(ctx, []string{name})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "loaded %s rows into flights/%s\n", thousands(res.Rows), d.group)
		}
		return nil
	}
}

// demoDefinitions reads embedded definitions and what they name.
func demoDefinitions(names ...string) (files []catalog.File, err error) {
	for _, name := range names {
		name = "demo/" + name
		text, err := demoFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, catalog.File{Name: name, Text: text, Attached: path.Ext(name) != ".yaml"})
	}
	return files, nil
}

// demoFunctions defines the functions. One whose language is not installed is left out,
// and the rest goes on.
func demoFunctions(a *app, f *folder) error {
	for _, x := range []struct{ language, yaml, code string }{
		{"Python", "python.yaml", "functions/distance.py"}, {"R", "r.yaml", "functions/delays.R"},
	} {
		files, err := demoDefinitions(x.yaml, x.code)
		if err != nil {
			return err
		}
		err = f.apply(files)
		if e, ok := errors.AsType[*function.Error](err); ok && e.Kind == function.StartFailed {
			fmt.Fprintf(a.stderr, "the function in %s is left out: %s\n", x.language, e.Message)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// demoText is printed with the addresses of the APIs and of the admin API, and the
// name of the program.
const demoText = `
Try, in another terminal:

# One vector, from three rows: a route and both its airports.
curl -s http://%[1]s/0.1.0/feature_store -H 'Content-Type: application/json' -d '{"featureStoreName":"flights","featureViewName":"route","featureViewVersion":1,"entries":{"origin":"SFO","destination":"JFK"},"metadataOptions":{"featureName":true,"featureType":true}}'; echo

# A batch, with the status of each group; the last route does not exist.
curl -s http://%[1]s/0.1.0/batch_feature_store -H 'Content-Type: application/json' -d '{"featureStoreName":"flights","featureViewName":"route","featureViewVersion":1,"entries":[{"origin":"SFO","destination":"JFK"},{"origin":"LAX","destination":"LAS"},{"origin":"SFO","destination":"XXX"}],"options":{"includeDetailedStatus":true}}'; echo

# One airport.
curl -s http://%[1]s/0.1.0/feature_store -H 'Content-Type: application/json' -d '{"featureStoreName":"flights","featureViewName":"airport","featureViewVersion":1,"entries":{"iata":"SFO"}}'; echo

# One row of a group, by its key.
curl -s http://%[1]s/0.1.0/flights/routes_1/pk-read -H 'Content-Type: application/json' -d '{"filters":[{"column":"origin","value":"SFO"},{"column":"destination","value":"JFK"}]}'; echo

# The Fennel API: log two flights that have landed, then ask whether the last one was late.
curl -s http://%[1]s/api/v1/log -H 'Content-Type: application/json' -d '{"webhook":"airline","endpoint":"flights","data":{"origin":["SFO","ABE"],"destination":["JFK","ATL"],"delay":[42,-3],"landed":["2001-01-01 17:05:00",978369300]}}'; echo
curl -s http://%[1]s/api/v1/extract -H 'Content-Type: application/json' -d '{"inputs":["Delay.origin","Delay.destination"],"outputs":["Delay.minutes","Delay.late"],"data":[{"Delay.origin":"SFO","Delay.destination":"JFK"},{"Delay.origin":"ABE","Delay.destination":"ATL"}]}'; echo

# A lookup of the Dataiku API: an endpoint of the service flights.
curl -s http://%[1]s/public/api/v1/flights/airport/lookup -d '{"data":{"iata":"SFO"}}'; echo
curl -s "http://%[1]s/public/api/v1/flights/airport/lookup-simple?iata=JFK"; echo

# A prediction: will this flight be late, and why? The store knows the route and the airports.
curl -s http://%[1]s/public/api/v1/flights/delay/predict -d '{"features":{"origin":"SFO","destination":"JFK","hour":18,"weekday":4},"explanations":{"enabled":true}}'; echo

# An SQL query: airports in Alaska north of a latitude, from a SQLite file. Parameters are bound, never pasted into the text.
curl -s http://%[1]s/public/api/v1/flights/airports/query -d '{"state":"AK","north":70}'; echo
curl -s "http://%[1]s/public/api/v1/flights/airports/query?state=HI&north=22"; echo

# Functions, in Python and in R: values of the query become numbers where they read like some.
curl -s "http://%[1]s/public/api/v1/geography/distance/run?latitude1=37.619&longitude1=-122.375&latitude2=40.640&longitude2=-73.779"; echo
curl -s http://%[1]s/public/api/v1/statistics/delays/run -d '{"minutes":[42,-3,0,18]}'; echo

# Metrics, and what is defined.
curl -s http://%[2]s/metrics
curl -s http://%[2]s/api/definitions

# The same from the command line.
%[3]s get --server http://%[2]s --store flights --view route origin=SFO destination=JFK
%[3]s put --server http://%[2]s --store flights --group airports iata=QVR name='Quiver Field' latitude=46.9
%[3]s definitions --server http://%[2]s

Ctrl-C ends the demo.
`
