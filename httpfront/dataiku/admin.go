package dataiku

import (
	"bytes"
	"encoding/json"
	"errors"

	"quiver/engine/archive"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// adminRoutes are the calls of the official admin client (contract, section 13).
func (d *dialect) adminRoutes() []wire.Route {
	const service = "/admin/api/services/{service}"
	admin := func(method, pattern, label string, f func(*wire.Exchange) (any, error)) wire.Route {
		return wire.Route{Method: method, Pattern: pattern, Label: label, Auth: wire.NeedAdmin, Handle: func(x *wire.Exchange) { d.do(x, f) }}
	}
	return []wire.Route{
		admin("GET", "/admin/api/services", "services", func(*wire.Exchange) (any, error) { return d.services.List(), nil }),
		admin("POST", "/admin/api/services", "create-service", d.createService),
		admin("DELETE", service, "delete-service", func(x *wire.Exchange) (any, error) {
			return done, d.services.Delete(param(x, "service"))
		}),
		admin("GET", service+"/generations", "generations", func(x *wire.Exchange) (any, error) {
			all, err := d.services.Generations(param(x, "service"))
			return map[string]any{"generations": all}, err
		}),
		admin("POST", service+"/generations/actions/importFromArchive", "importFromArchive", d.importArchive),
		admin("POST", service+"/generations/{generation}/preload", "preload", func(x *wire.Exchange) (any, error) {
			return done, d.services.Preload(param(x, "service"), param(x, "generation"))
		}),
		admin("POST", service+"/actions/enable", "enable", func(x *wire.Exchange) (any, error) {
			return done, d.services.SetEnabled(param(x, "service"), true)
		}),
		admin("POST", service+"/actions/disable", "disable", func(x *wire.Exchange) (any, error) {
			return done, d.services.SetEnabled(param(x, "service"), false)
		}),
		admin("POST", service+"/actions/setMapping", "setMapping", d.setMapping),
		admin("POST", service+"/actions/switchToNewest", "switchToNewest", func(x *wire.Exchange) (any, error) {
			name, err := d.services.SwitchTo(param(x, "service"), "")
			return map[string]any{"ok": true, "generation": name}, err
		}),
		admin("POST", service+"/actions/switchTo/{generation}", "switchTo", func(x *wire.Exchange) (any, error) {
			_, err := d.services.SwitchTo(param(x, "service"), param(x, "generation"))
			return done, err
		}),
		admin("GET", "/admin/api/metrics", "metrics", func(*wire.Exchange) (any, error) {
			return map[string]any{"endpoints": d.services.Metrics()}, nil
		}),
		admin("DELETE", "/admin/api/services-clean-unused", "clean-unused", func(*wire.Exchange) (any, error) { return d.services.Clean() }),
		admin("DELETE", "/admin/api/model-cache", "model-cache", nothingCached),
		admin("POST", "/admin/api/model-cache", "model-cache", noCache),
		admin("DELETE", "/admin/api/cached-code-envs", "code-envs", nothingCached),
		admin("POST", "/admin/api/cached-code-envs", "code-envs", noCache),
		admin("POST", "/admin/api/register-global-code-env", "code-envs", noCache),
		admin("GET", "/admin/api/keys", "keys", d.listKeys),
		admin("POST", "/admin/api/keys", "add-key", d.addKey),
		admin("DELETE", "/admin/api/keys/{key}", "delete-key", d.deleteKey),
		admin("DELETE", "/admin/api/keys/{id}/key", "delete-key-by-id", d.deleteKeyByID),
	}
}

// done answers a change.
var done = map[string]bool{"ok": true}

func param(x *wire.Exchange, name string) string { return string(x.Param(name)) }

// do answers one admin call with what f returns.
func (d *dialect) do(x *wire.Exchange, f func(*wire.Exchange) (any, error)) {
	v, err := f(x)
	var out []byte
	if err == nil {
		out, err = json.Marshal(v)
	}
	if err != nil {
		d.fail(x, err)
		return
	}
	d.begin(x)
	x.Out = append(x.Out, out...)
}

// decode reads the body of an admin call; an empty one leaves v as it is.
func decode(x *wire.Exchange, v any) error {
	if len(bytes.TrimSpace(x.Body)) == 0 {
		return nil
	}
	err := json.Unmarshal(x.Body, v)
	switch e, ok := errors.AsType[*json.UnmarshalTypeError](err); {
	case !ok:
		return malformed(err)
	case e.Field == "":
		return fail.Errorf(fail.Malformed, "'body' should be an object.")
	default:
		return fail.Errorf(fail.Malformed, "'%s' cannot be a JSON %s.", e.Field, e.Value)
	}
}

func (d *dialect) createService(x *wire.Exchange) (any, error) {
	var body struct {
		Service string `json:"serviceId"`
	}
	err := decode(x, &body)
	if err == nil && body.Service == "" {
		err = fail.Errorf(fail.Malformed, "'serviceId' is missing.")
	}
	if err != nil {
		return nil, err
	}
	return done, d.services.Create(body.Service)
}

// importArchive adds a generation from a zip or tar.gz file on the server's machine,
// which must be in the folder for such files. The generation is ready, and not mapped.
func (d *dialect) importArchive(x *wire.Exchange) (any, error) {
	path := string(x.Query("filePath"))
	switch {
	case path == "":
		return nil, fail.Errorf(fail.Malformed, "'filePath' is missing.")
	case d.Imports == "":
		return nil, fail.Errorf(fail.Conflict, "This server imports no archives.")
	}
	files, err := archive.ReadIn(d.Imports, path)
	if err != nil {
		return nil, fail.Wrap(fail.Malformed, err, "Cannot import %s: %v. Archives are taken from %s on the server's machine.", path, err, d.Imports)
	}
	var all []catalog.File
	for _, f := range files {
		all = append(all, catalog.File{Name: f.Name, Text: f.Data})
	}
	name, err := d.services.Import(param(x, "service"), all)
	return map[string]any{"ok": true, "generation": name}, err
}

// nothingCached answers calls that empty caches: there are none, since models and code
// are in their generations.
func nothingCached(*wire.Exchange) (any, error) {
	return map[string]any{"ok": true, "removed": []string{}, "message": "Nothing to clean: models and code are kept in their generations, and interpreters are the machine's."}, nil
}

// noCache answers calls that fill caches.
func noCache(*wire.Exchange) (any, error) {
	return nil, fail.Errorf(fail.Malformed, "This server keeps no models or code environments beside its generations; import these, and name the interpreter of functions in the configuration.")
}

// setMapping takes the mapping of the admin client: entries, or a mode with one
// generation.
func (d *dialect) setMapping(x *wire.Exchange) (any, error) {
	var body struct {
		Generation string `json:"generation"`
		Entries    []struct {
			Generation string  `json:"generation"`
			Share      float64 `json:"proba"`
		} `json:"entries"`
	}
	if err := decode(x, &body); err != nil {
		return nil, err
	}
	var mapping []catalog.Share
	for _, e := range body.Entries {
		mapping = append(mapping, catalog.Share{Generation: e.Generation, Share: e.Share})
	}
	if body.Generation != "" && mapping == nil {
		mapping = []catalog.Share{{Generation: body.Generation, Share: 1}}
	}
	if mapping == nil {
		return nil, fail.Errorf(fail.Malformed, "'entries' is missing or empty.")
	}
	return done, d.services.SetMapping(param(x, "service"), mapping)
}
