package jwt

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"quiver/engine/fail"
)

const (
	// maxToken is the longest token in bytes.
	maxToken = 8 << 10
	// leeway is how far clocks may differ.
	leeway = 30 * time.Second
	// maxCached is how many genuine tokens are remembered.
	maxCached = 4096
	// maxTried is how many keys are tried on a token that names none.
	maxTried = 8
)

// Options say which tokens are taken.
type Options struct {
	Issuer   string   // "iss" must be this
	Audience []string // "aud" must name one of these; none: it is not looked at
	Scopes   []string // the scope claim must hold all of these; none: it is not looked at

	ScopeClaim  string // name of the scope claim, words between spaces or a list; "" = scope
	ClientClaim string // name of the claim that says who the client is; "" = client_id

	Now func() time.Time // nil = time.Now
}

// Verifier checks tokens. Its methods may be called from many goroutines.
type Verifier struct {
	Options
	source *Source

	mu    sync.Mutex
	keys  *fetched // that the tokens in known were checked with
	known map[[sha256.Size]byte]genuine
}

// genuine is what is remembered of a token.
type genuine struct {
	client string
	until  time.Time
	err    error // it lacks a scope
}

// New returns a Verifier of the tokens of one issuer.
func New(source *Source, o Options) *Verifier {
	if o.ScopeClaim == "" {
		o.ScopeClaim = "scope"
	}
	if o.ClientClaim == "" {
		o.ClientClaim = "client_id"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{Options: o, source: source, known: map[[sha256.Size]byte]genuine{}}
}

// Verify returns the client that a token names, "" when it names none. It does not keep
// token. Its errors are *fail.Error: Unauthenticated for a token that is not genuine,
// Forbidden for one without the scope, Overloaded while there are no keys to tell by.
func (v *Verifier) Verify(ctx context.Context, token []byte) (client string, err error) {
	if len(token) == 0 || len(token) > maxToken {
		return "", refused("it is empty or too long")
	}
	keys := v.source.current()
	sum := sha256.Sum256(token)
	if g, ok := v.recall(keys, sum); ok {
		return g.client, g.err
	}
	// The header decides nothing but which keys are tried, each with its own algorithms.
	t, err := josejwt.ParseSigned(string(token), algorithms)
	if err != nil || len(t.Headers) != 1 {
		return "", refused("it is no signed token of an algorithm that is taken")
	}
	h := t.Headers[0]
	var found []any
	if keys != nil {
		found = keys.set.find(h.KeyID, h.Algorithm)
	}
	if found == nil {
		if keys = v.source.newer(ctx, keys); keys == nil {
			return "", fail.Wrap(fail.Overloaded, v.source.err(), "The keys of the issuer cannot be read now.")
		}
		if found = keys.set.find(h.KeyID, h.Algorithm); found == nil {
			return "", refused("its key is not one of the issuer's")
		}
	}
	var standard josejwt.Claims
	var all map[string]json.RawMessage
	err = errors.New("no key")
	for _, key := range found[:min(len(found), maxTried)] {
		if err = t.Claims(key, &standard, &all); err == nil {
			break
		}
	}
	if err != nil {
		return "", refused("its signature or the form of its claims is wrong")
	}
	g, err := v.judge(&standard, all)
	if err != nil {
		return "", err
	}
	v.remember(keys, sum, g)
	return g.client, g.err
}

// judge checks the claims of a token whose signature is right.
func (v *Verifier) judge(c *josejwt.Claims, all map[string]json.RawMessage) (genuine, error) {
	if c.Expiry == nil {
		return genuine{}, refused("it never expires")
	}
	switch err := c.ValidateWithLeeway(josejwt.Expected{Issuer: v.Issuer, AnyAudience: v.Audience, Time: v.Now()}, leeway); {
	case errors.Is(err, josejwt.ErrInvalidIssuer):
		return genuine{}, refused("another issuer made it")
	case errors.Is(err, josejwt.ErrInvalidAudience):
		return genuine{}, refused("it is meant for somebody else")
	case errors.Is(err, josejwt.ErrExpired):
		return genuine{}, refused("it has expired")
	case err != nil:
		return genuine{}, refused("it is not valid yet")
	}
	g := genuine{until: c.Expiry.Time().Add(leeway)}
	// A client that is no text is none.
	_ = json.Unmarshal(all[v.ClientClaim], &g.client)
	has := words(all[v.ScopeClaim])
	for _, s := range v.Scopes {
		if !slices.Contains(has, s) {
			g.err = fail.Errorf(fail.Forbidden, "The token lacks the scope %q.", s)
		}
	}
	return g, nil
}

// words reads a claim that is a list of words, or words between spaces.
func words(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(claim, &text) == nil {
		return strings.Fields(text)
	}
	return nil
}

// recall returns what is remembered of a token, if that still counts.
func (v *Verifier) recall(keys *fetched, sum [sha256.Size]byte) (genuine, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if keys == nil || v.keys != keys {
		return genuine{}, false
	}
	g, ok := v.known[sum]
	return g, ok && v.Now().Before(g.until)
}

// remember keeps a token. When there are too many, all are forgotten: they cost one
// signature each to be known again.
func (v *Verifier) remember(keys *fetched, sum [sha256.Size]byte, g genuine) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != keys || len(v.known) >= maxCached {
		v.keys = keys
		clear(v.known)
	}
	v.known[sum] = g
}

func refused(why string) error {
	return fail.Errorf(fail.Unauthenticated, "The token is not accepted: %s.", why)
}
