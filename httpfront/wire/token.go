package wire

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// BearerOrBasic returns the key in the Authorization header: the token of Bearer, or
// the user name of Basic (whose password is ignored); nil when there is neither.
func BearerOrBasic(x *Exchange) []byte {
	if token := Bearer(x); token != nil {
		return token
	}
	rest := authorization(x, "Basic")
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(rest)))
	n, err := base64.StdEncoding.Decode(plain, rest)
	if rest == nil || err != nil {
		return nil
	}
	user, _, _ := bytes.Cut(plain[:n], []byte(":"))
	return user
}

// Bearer returns the token of Bearer in the Authorization header, nil when there is none.
func Bearer(x *Exchange) []byte { return authorization(x, "Bearer") }

// authorization returns what the Authorization header has behind a scheme, nil when it
// has another.
func authorization(x *Exchange, scheme string) []byte {
	name, rest, ok := bytes.Cut(x.Header("Authorization"), []byte(" "))
	if !ok || !strings.EqualFold(string(name), scheme) {
		return nil
	}
	return bytes.TrimSpace(rest)
}
