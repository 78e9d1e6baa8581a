package auth

import (
	"slices"
	"strings"
)

// Every, as the one element of a list of stores or services, means all of them, those
// of later included.
const Every = "*"

// Principal is who asks and what they may use. It is a small value, copied freely and
// read by any number of goroutines. The zero value is nobody: it may use nothing.
type Principal struct {
	KeyID    string // the key's prefix, public; "" for a key of free form and for All
	Name     string // the key's name, for logs and limits
	Client   string // the client that a JSON Web Token names; "" if it names none
	Admin    bool   // may administer the server
	stores   *grant
	services *grant
	ok       bool
	tokens   bool // may use services that ask for JSON Web Tokens
}

// All is the principal of a server without keys, and of operators: it may do everything.
func All() Principal {
	return Principal{Name: "anyone", Admin: true, stores: everything, services: everything, ok: true, tokens: true}
}

// Valid reports whether p stands for somebody.
func (p Principal) Valid() bool { return p.ok }

// MayReadStore reports whether p may read the feature store. Names compare
// case-insensitively; a lower-case name costs no allocation. Rights on a store cover
// its branches, which are named store@branch.
func (p Principal) MayReadStore(store string) bool {
	if !p.ok {
		return false
	}
	plain, _, branch := strings.Cut(store, "@")
	return p.stores.includes(plain, true) || branch && p.stores.includes(store, true)
}

// MayUseService reports whether p may call the endpoints of the service. Names compare
// exactly.
func (p Principal) MayUseService(service string) bool {
	return p.ok && p.services.includes(service, false)
}

// Holder is the principal of everybody who holds a JSON Web Token for a service; set
// Client of a copy. It may do nothing else.
func Holder(service string) Principal {
	return Principal{services: &grant{names: map[string]struct{}{service: {}}}, ok: true, tokens: true}
}

// MayUseTokenService is MayUseService for a service that asks for JSON Web Tokens: API
// keys do not count, whatever they may do.
func (p Principal) MayUseTokenService(service string) bool {
	return p.tokens && p.MayUseService(service)
}

// grant is an immutable set of names, or all names. A nil grant includes nothing.
type grant struct {
	all   bool
	names map[string]struct{}
}

var everything = &grant{all: true}

// newGrant makes the grant of a list as written in the key file.
func newGrant(names []string, fold bool) *grant {
	if slices.Contains(names, Every) {
		return everything
	}
	g := &grant{names: make(map[string]struct{}, len(names))}
	for _, n := range names {
		if fold {
			n = strings.ToLower(n)
		}
		g.names[n] = struct{}{}
	}
	return g
}

func (g *grant) includes(name string, fold bool) bool {
	if g == nil {
		return false
	}
	if g.all {
		return true
	}
	if fold {
		name = strings.ToLower(name) // returns its argument when there is nothing to do
	}
	_, ok := g.names[name]
	return ok
}
