package auth

import (
	"encoding/hex"
	"strings"
	"time"

	"quiver/engine/fail"
)

// CreateOptions describe a key to make.
type CreateOptions struct {
	Name     string    // unique; letters, digits and . _ - @, at most 64
	Stores   []string  // feature stores it may read; {Every} is all, none is none
	Services []string  // services whose endpoints it may call; likewise
	Admin    bool      // may administer the server
	Expires  time.Time // zero is never
	// Import registers this existing key instead of making one. A key that is not of
	// the <16>.<secret> form is found by its hash; its strength is its owner's care.
	Import string
}

// check says what is wrong with the options.
func (o *CreateOptions) check() error {
	if o.Name == "" || len(o.Name) > 64 || strings.ContainsFunc(o.Name, func(r rune) bool {
		return !strings.ContainsRune("._-@", r) && (r > 'z' || r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	}) {
		return fail.Errorf(fail.Malformed, "a key's name has 1 to 64 letters, digits and . _ - @; %q does not fit", o.Name)
	}
	for _, names := range [][]string{o.Stores, o.Services} {
		for _, n := range names {
			if n == "" || len(n) > 256 || strings.ContainsFunc(n, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
				return fail.Errorf(fail.Malformed, "%q cannot be the name of a store or a service", n)
			}
		}
	}
	if len(o.Import) > maxToken {
		return fail.Errorf(fail.Malformed, "the key to import has more than %d bytes", maxToken)
	}
	if strings.ContainsFunc(o.Import, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fail.Errorf(fail.Malformed, "the key to import has characters that cannot be sent in a header")
	}
	if !o.Expires.IsZero() && !o.Expires.After(time.Now()) {
		return fail.Errorf(fail.Malformed, "the key would have expired already, at %s", o.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// add puts the key into the document. A name or a key that is there already is a
// conflict.
func (d *document) add(o CreateOptions, token string) error {
	r := record{
		Name: o.Name, Stores: cloneList(o.Stores), Services: cloneList(o.Services), Admin: o.Admin,
		Created: time.Now().UTC().Truncate(time.Second), Expires: o.Expires.UTC(),
	}
	if o.Expires.IsZero() {
		r.Expires = time.Time{}
	}
	prefix, secret, formed := split([]byte(token))
	salt := d.LookupSalt
	if formed {
		r.Prefix, r.Salt = string(prefix), newSalt()
		salt = r.Salt
	} else {
		secret = []byte(token)
	}
	sum := saltedSum(secret, salt)
	r.Hash = hex.EncodeToString(sum[:])
	for i := range d.Keys {
		switch have := &d.Keys[i]; {
		case have.Name == r.Name:
			return fail.Errorf(fail.Conflict, "there is a key named %q already; revoke it first or choose another name", r.Name)
		case formed && have.Prefix == r.Prefix, !formed && have.Hash == r.Hash:
			return fail.Errorf(fail.Conflict, "that key, or one with its prefix, is registered already as %q", have.Name)
		}
	}
	d.Keys = append(d.Keys, r)
	return nil
}

// cloneList copies names; none becomes an empty list, which the file shows as [].
func cloneList(names []string) []string { return append([]string{}, names...) }
