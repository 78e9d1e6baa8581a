package dataiku

import (
	"strings"
	"time"

	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// adminKey is a key as the admin client sees it. Its id is the key's name.
type adminKey struct {
	ID        string   `json:"id"`
	Label     string   `json:"label"`
	Admin     bool     `json:"admin"`
	Services  []string `json:"services"`
	CreatedOn string   `json:"createdOn"`
	Expiry    string   `json:"expiry,omitempty"`
	Key       string   `json:"key,omitempty"` // told once, when the key is made
}

func newAdminKey(k auth.Info) adminKey {
	out := adminKey{ID: k.Name, Label: k.Name, Admin: k.Admin, Services: k.Services, CreatedOn: k.Created.Format(time.RFC3339)}
	if !k.Expires.IsZero() {
		out.Expiry = k.Expires.Format(time.RFC3339)
	}
	return out
}

func noKeys() error {
	return fail.Errorf(fail.Conflict, "This server runs without keys.")
}

func (d *dialect) listKeys(*wire.Exchange) (any, error) {
	if d.Keys == nil {
		return nil, noKeys()
	}
	all := []adminKey{}
	for _, k := range d.Keys.List() {
		all = append(all, newAdminKey(k))
	}
	return all, nil
}

// addKey makes an admin key, the only kind that this API makes. The label, without what
// a key's name cannot have, becomes its name and id; description and createdBy are not
// kept. expiry is milliseconds since 1970 or ISO 8601, UTC if it does not say.
func (d *dialect) addKey(x *wire.Exchange) (any, error) {
	var body struct {
		Label  *string `json:"label"`
		Expiry any     `json:"expiry"`
	}
	if err := decode(x, &body); err != nil {
		return nil, err
	}
	if d.Keys == nil {
		return nil, noKeys()
	}
	o := auth.CreateOptions{Name: "admin-" + time.UnixMicro(d.engine.Now()).UTC().Format("20060102-150405.000000"), Admin: true}
	if body.Label != nil && *body.Label != "" {
		o.Name = strings.Map(keyRune, *body.Label)
	}
	switch v := body.Expiry.(type) {
	case nil:
	case float64:
		o.Expires = time.UnixMilli(int64(v))
	case string:
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				o.Expires = t
			}
		}
		if o.Expires.IsZero() {
			return nil, fail.Errorf(fail.Malformed, "'expiry' %q is not a time such as 2030-01-31T00:00:00Z.", v)
		}
	default:
		return nil, fail.Errorf(fail.Malformed, "'expiry' is neither a number of milliseconds nor a time.")
	}
	secret, err := d.Keys.Create(o)
	if err != nil {
		return nil, err
	}
	x.SetHeader("Cache-Control", "no-store")
	for _, k := range d.Keys.List() {
		if k.Name == o.Name {
			out := newAdminKey(k)
			out.Key = secret
			return out, nil
		}
	}
	return nil, fail.Errorf(fail.Conflict, "Key %q was deleted as it was made.", o.Name)
}

// keyRune replaces what the name of a key cannot have.
func keyRune(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._-@", r) {
		return r
	}
	return '-'
}

// deleteKey deletes the key whose whole text is in the path.
func (d *dialect) deleteKey(x *wire.Exchange) (any, error) {
	if d.Keys == nil {
		return nil, noKeys()
	}
	who, err := d.Keys.Verify(x.Param("key"))
	if err != nil {
		return nil, fail.Errorf(fail.NotFound, "There is no such key.")
	}
	return done, d.Keys.Revoke(who.Name)
}

// deleteKeyByID deletes the key of an id.
func (d *dialect) deleteKeyByID(x *wire.Exchange) (any, error) {
	if d.Keys == nil {
		return nil, noKeys()
	}
	return done, d.Keys.Revoke(param(x, "id"))
}
