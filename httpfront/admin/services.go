package admin

import (
	"log/slog"
	"net/http"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// onService makes a handler of a change of services, which is logged.
func (a *api) onService(what string, f func(w http.ResponseWriter, r *http.Request, service string) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.Services == nil {
			a.fail(w, r, fail.Errorf(fail.NotFound, "This server has no services."))
			return
		}
		service := r.PathValue("service")
		v, err := f(w, r, service)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if r.Method != http.MethodGet {
			a.Log.LogAttrs(r.Context(), slog.LevelInfo, "services changed", slog.String("by", what), slog.String("service", service))
		}
		answer(w, v)
	}
}

// done answers a change of a service.
func done(service string) map[string]string { return map[string]string{"service": service} }

func (a *api) serviceRoutes(mux *http.ServeMux) {
	type (
		writer  = http.ResponseWriter
		request = http.Request
	)
	const one = "/api/services/{service}"
	mux.HandleFunc("GET /api/services", a.onService("list", func(writer, *request, string) (any, error) { return a.Services.List(), nil }))
	mux.HandleFunc("POST /api/services", a.onService("create", func(w writer, r *request, _ string) (any, error) {
		var body struct {
			Service string `json:"service"`
		}
		if err := decode(w, r, maxSmallBody, &body); err != nil {
			return nil, err
		}
		return done(body.Service), a.Services.Create(body.Service)
	}))
	mux.HandleFunc("POST /api/services-clean", a.onService("clean", func(writer, *request, string) (any, error) { return a.Services.Clean() }))
	mux.HandleFunc("DELETE "+one, a.onService("delete", func(_ writer, _ *request, service string) (any, error) {
		return done(service), a.Services.Delete(service)
	}))
	mux.HandleFunc("GET "+one+"/generations", a.onService("generations", func(_ writer, _ *request, service string) (any, error) {
		return a.Services.Generations(service)
	}))
	mux.HandleFunc("POST "+one+"/generations", a.onService("import", func(w writer, r *request, service string) (any, error) {
		list, _, err := readFiles(w, r)
		if err != nil {
			return nil, err
		}
		name, err := a.Services.Import(service, list)
		return map[string]string{"service": service, "generation": name}, err
	}))
	mux.HandleFunc("POST "+one+"/preload", a.onService("preload", func(w writer, r *request, service string) (any, error) {
		name, err := readGeneration(w, r)
		if err != nil {
			return nil, err
		}
		return map[string]string{"service": service, "generation": name}, a.Services.Preload(service, name)
	}))
	mux.HandleFunc("POST "+one+"/switch", a.onService("switch", func(w writer, r *request, service string) (any, error) {
		name, err := readGeneration(w, r)
		if err == nil {
			name, err = a.Services.SwitchTo(service, name)
		}
		return map[string]string{"service": service, "generation": name}, err
	}))
	mux.HandleFunc("POST "+one+"/mapping", a.onService("mapping", func(w writer, r *request, service string) (any, error) {
		var body struct {
			Mapping []catalog.Share `json:"mapping"`
		}
		if err := decode(w, r, maxSmallBody, &body); err != nil {
			return nil, err
		}
		if len(body.Mapping) == 0 {
			return nil, fail.Errorf(fail.Malformed, "'mapping' is missing or empty.")
		}
		return done(service), a.Services.SetMapping(service, body.Mapping)
	}))
	for path, enabled := range map[string]bool{"enable": true, "disable": false} {
		mux.HandleFunc("POST "+one+"/"+path, a.onService(path, func(_ writer, _ *request, service string) (any, error) {
			return done(service), a.Services.SetEnabled(service, enabled)
		}))
	}
}

// readGeneration reads the name of a generation; "" is the newest.
func readGeneration(w http.ResponseWriter, r *http.Request) (string, error) {
	var body struct {
		Generation string `json:"generation"`
	}
	err := decode(w, r, maxSmallBody, &body)
	return body.Generation, err
}
