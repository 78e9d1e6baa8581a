package wire

import (
	"bytes"
	"encoding/base64"
)

// BearerOrBasic returns the key in the Authorization header: the token of Bearer, or
// the user name of Basic (whose password is ignored); nil when there is neither.
func BearerOrBasic(x *Exchange) []byte {
	scheme, rest, ok := bytes.Cut(x.Header("Authorization"), []byte(" "))
	if !ok {
		return nil
	}
	rest = bytes.TrimSpace(rest)
	switch {
	case bytes.EqualFold(scheme, []byte("Bearer")):
		return rest
	case bytes.EqualFold(scheme, []byte("Basic")):
		plain := make([]byte, base64.StdEncoding.DecodedLen(len(rest)))
		n, err := base64.StdEncoding.Decode(plain, rest)
		if err != nil {
			return nil
		}
		user, _, _ := bytes.Cut(plain[:n], []byte(":"))
		return user
	default:
		return nil
	}
}
