package admin

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/engine/service"
)

// Options are what the admin API works on.
type Options struct {
	Engine *engine.Engine
	// Keys are the API keys, which the API lists and changes. Nil has none: key
	// calls are refused then.
	Keys *auth.Keys
	// Services are the services, which the API lists and changes. Nil has none.
	Services *service.Services
	// Version is what /api/version prints.
	Version Version
	// Metrics are shown by /metrics besides those of the engine, the keys and the
	// process; the main server's, for one.
	Metrics []prometheus.Collector
	Log     *slog.Logger // nil is slog.Default(); changes are logged, secrets never
}

// Version says what is running.
type Version struct {
	Version      string            `json:"version"`
	Commit       string            `json:"commit"`
	Go           string            `json:"go"`
	Dependencies map[string]string `json:"dependencies,omitempty"` // module -> version
	Formats      map[string]int    `json:"formats,omitempty"`      // name of a format on disk or wire -> version
}

// api is the state behind the handlers.
type api struct{ Options }

// Handler returns the admin API. It checks neither keys nor hosts: see Server.
func Handler(o Options) (http.Handler, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	metrics, err := metricsHandler(o)
	if err != nil {
		return nil, err
	}
	a := &api{o}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/plan", a.plan)
	mux.HandleFunc("POST /api/apply", a.apply)
	mux.HandleFunc("POST /api/rollback", a.rollback)
	mux.HandleFunc("POST /api/remove", a.remove)
	mux.HandleFunc("GET /api/definitions", a.definitions)
	mux.HandleFunc("GET /api/group", a.group)
	mux.HandleFunc("POST /api/load", a.load)
	mux.HandleFunc("POST /api/get", a.get)
	mux.HandleFunc("POST /api/put", a.put)
	mux.HandleFunc("POST /api/delete", a.deleteRow)
	mux.HandleFunc("GET /api/keys", a.listKeys)
	mux.HandleFunc("POST /api/keys", a.createKey)
	mux.HandleFunc("DELETE /api/keys/{name}", a.revokeKey)
	mux.HandleFunc("GET /api/branches", a.listBranches)
	mux.HandleFunc("POST /api/branches", a.makeBranch)
	mux.HandleFunc("DELETE /api/branches", a.deleteBranch)
	a.serviceRoutes(mux)
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.Version) })
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allow := allowed(mux, r); allow != nil {
			w.Header().Set("Allow", strings.Join(allow, ", "))
			a.fail(w, r, fail.Errorf(fail.BadMethod, "%s takes %s, not %s.", r.URL.Path, strings.Join(allow, " and "), r.Method))
			return
		}
		a.fail(w, r, fail.Errorf(fail.NotFound, "The admin API has no %s %s.", r.Method, r.URL.Path))
	})
	return mux, nil
}

// allowed lists the methods that the path of a request has, nil when it has none.
func allowed(mux *http.ServeMux, r *http.Request) (all []string) {
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != "/" {
			all = append(all, method)
		}
	}
	return all
}
