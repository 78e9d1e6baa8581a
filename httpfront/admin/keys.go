package admin

import (
	"log/slog"
	"net/http"
	"time"

	"quiver/engine/auth"
	"quiver/engine/fail"
)

func noKeys() error {
	return fail.Errorf(fail.Conflict, "This server runs without keys; start it without --no-auth to use them.")
}

func (a *api) listKeys(w http.ResponseWriter, r *http.Request) {
	if a.Keys == nil {
		a.fail(w, r, noKeys())
		return
	}
	answer(w, a.Keys.List())
}

func (a *api) createKey(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name     string   `json:"name"`
		Stores   []string `json:"stores"`
		Services []string `json:"services"`
		Admin    bool     `json:"admin"`
		Expires  string   `json:"expires"` // a duration from now ("720h"), or RFC 3339
		Import   string   `json:"import"`
	}
	err := decode(w, r, maxSmallBody, &body)
	var expires time.Time
	if err == nil {
		expires, err = expiry(body.Expires, time.Now())
	}
	if err == nil && a.Keys == nil {
		err = noKeys()
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	key, err := a.Keys.Create(auth.CreateOptions{
		Name: body.Name, Stores: body.Stores, Services: body.Services,
		Admin: body.Admin, Expires: expires, Import: body.Import,
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Log.LogAttrs(r.Context(), slog.LevelInfo, "a key was created", slog.String("name", body.Name),
		slog.Bool("admin", body.Admin), slog.Bool("imported", body.Import != ""))
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusCreated, map[string]string{"name": body.Name, "key": key})
}

func (a *api) revokeKey(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if a.Keys == nil {
		a.fail(w, r, noKeys())
		return
	}
	if err := a.Keys.Revoke(name); err != nil {
		a.fail(w, r, err)
		return
	}
	a.Log.LogAttrs(r.Context(), slog.LevelInfo, "a key was revoked", slog.String("name", name))
	answer(w, map[string]string{"revoked": name})
}

// expiry reads when a key expires; "" is never.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fail.Errorf(fail.Malformed, "%q is neither a duration such as 720h nor a time such as 2030-01-31T00:00:00Z.", text)
	}
	return t, nil
}
