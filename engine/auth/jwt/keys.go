package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxKeySet is the largest key set in bytes.
	MaxKeySet = 1 << 20
	// maxKeys is how many keys of a set are taken.
	maxKeys = 256
	// minRSA is the shortest RSA key in bits.
	minRSA = 2048
)

// keySet are the public keys of an issuer; immutable.
type keySet struct {
	byID map[string][]publicKey
	all  []publicKey
}

// publicKey is a key and the algorithms that it may be used with.
type publicKey struct {
	key  any
	algs []jose.SignatureAlgorithm
}

// algorithms are all that a token may have.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var (
	rsaAlgorithms = algorithms[:6]
	curves        = map[string]jose.SignatureAlgorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}
)

// parseKeys reads a JWKS (RFC 7517). Keys that are not for signatures, and such as this
// package does not use, are left out; a set with nothing left is an error.
func parseKeys(text []byte) (*keySet, error) {
	if len(text) > MaxKeySet {
		return nil, fmt.Errorf("a key set of more than %d bytes", MaxKeySet)
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	if len(raw.Keys) > maxKeys {
		return nil, fmt.Errorf("a key set of more than %d keys", maxKeys)
	}
	s := &keySet{byID: map[string][]publicKey{}}
	for _, text := range raw.Keys {
		var k jose.JSONWebKey
		// A set may hold kinds of keys that nobody here knows (RFC 7517, section 5).
		if err := json.Unmarshal(text, &k); err != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		p := publicKey{key: k.Public().Key}
		for _, a := range usable(p.key) {
			if k.Algorithm == "" || k.Algorithm == string(a) {
				p.algs = append(p.algs, a)
			}
		}
		if p.algs != nil {
			s.byID[k.KeyID] = append(s.byID[k.KeyID], p)
			s.all = append(s.all, p)
		}
	}
	if s.all == nil {
		return nil, errors.New("the key set holds no RSA (2048 bits or more), EC or Ed25519 key for signatures")
	}
	return s, nil
}

// usable lists the algorithms of a public key.
func usable(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return rsaAlgorithms
		}
	case *ecdsa.PublicKey:
		if a := curves[k.Curve.Params().Name]; a != "" {
			return []jose.SignatureAlgorithm{a}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// find returns the keys that a token may be signed with: those of its key id, all of
// them when it names none.
func (s *keySet) find(id, algorithm string) []any {
	from := s.all
	if id != "" {
		from = s.byID[id]
	}
	var keys []any
	for _, k := range from {
		for _, a := range k.algs {
			if string(a) == algorithm {
				keys = append(keys, k.key)
			}
		}
	}
	return keys
}
