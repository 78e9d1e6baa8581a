package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"quiver/engine/fail"
)

const (
	prefixLen = 16  // characters before the dot
	maxToken  = 512 // bytes of the longest key; a longer one is refused unread
	saltLen   = 16  // random bytes of a salt, written as twice as many hex digits
)

// record is one key as keys.json holds it.
type record struct {
	Name     string    `json:"name"`
	Prefix   string    `json:"prefix,omitempty"` // "" when the key is of free form, found by its hash
	Salt     string    `json:"salt,omitempty"`   // of keys with a prefix; the others use the file's lookup salt
	Hash     string    `json:"hash"`             // lower-case hex SHA-256
	Stores   []string  `json:"stores"`           // ["*"] is all, [] is none
	Services []string  `json:"services"`
	Admin    bool      `json:"admin,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero is never
}

// entry is a record made ready for checking; immutable.
type entry struct {
	principal Principal
	salt      string
	hash      [sha256.Size]byte
	expires   time.Time
}

func (r *record) entry() (*entry, error) {
	e := &entry{
		principal: Principal{
			KeyID: r.Prefix, Name: r.Name, Admin: r.Admin, ok: true,
			stores: newGrant(r.Stores, true), services: newGrant(r.Services, false),
		},
		salt: r.Salt, expires: r.Expires,
	}
	n, err := hex.Decode(e.hash[:], []byte(r.Hash))
	if err != nil || n != len(e.hash) || len(r.Hash) != hex.EncodedLen(len(e.hash)) {
		return nil, fmt.Errorf("key %q: its hash is not the hex form of a SHA-256", r.Name)
	}
	if r.Prefix != "" && len(r.Prefix) != prefixLen {
		return nil, fmt.Errorf("key %q: its prefix has %d characters, want %d", r.Name, len(r.Prefix), prefixLen)
	}
	return e, nil
}

// matches compares the hash of secret‖salt with e's in constant time.
func (e *entry) matches(secret []byte) bool {
	sum := saltedSum(secret, e.salt)
	return subtle.ConstantTimeCompare(sum[:], e.hash[:]) == 1
}

// valid returns whose key e is unless it has expired.
func (e *entry) valid() (Principal, error) {
	if !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return Principal{}, fail.Errorf(fail.Unauthenticated, "API key has expired")
	}
	return e.principal, nil
}

// saltedSum is SHA-256(secret‖salt). The bytes are joined on the stack, so that a check
// does not allocate; secret has at most maxToken bytes and salt is the file's.
func saltedSum(secret []byte, salt string) [sha256.Size]byte {
	var room [maxToken + 128]byte
	b := append(room[:0], secret...)
	b = append(b, salt...)
	return sha256.Sum256(b)
}

// split cuts a key of the <16>.<secret> form; ok is false for another form.
func split(token []byte) (prefix, secret []byte, ok bool) {
	if len(token) < prefixLen+2 || token[prefixLen] != '.' {
		return nil, nil, false
	}
	prefix = token[:prefixLen]
	return prefix, token[prefixLen+1:], bytes.IndexByte(prefix, '.') < 0
}

// generate makes a new random key.
func generate() string {
	var raw [12 + 32]byte
	rand.Read(raw[:]) // never fails: it ends the process when the system has no randomness
	return base64.RawURLEncoding.EncodeToString(raw[:12]) + "." + base64.RawURLEncoding.EncodeToString(raw[12:])
}

func newSalt() string {
	var raw [saltLen]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
