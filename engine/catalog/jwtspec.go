package catalog

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// JWT says which JSON Web Tokens a service accepts (Dataiku contract, section 2).
type JWT struct {
	URL  string          // where the issuer's keys are fetched; "" when Keys has them
	Keys json.RawMessage // a JSON Web Key Set; nil when URL is set

	Issuer      string
	Audience    []string // one of these; none: any
	Scopes      []string // all of these
	ScopeClaim  string   // "" is the usual name
	ClientClaim string   // "" is the usual name

	Timeout       time.Duration // of one fetch; 0: the default
	SkipTLSVerify bool          // the issuer's certificate is not checked
}

// Equal reports whether the same tokens are accepted for the same reasons.
func (j *JWT) Equal(o *JWT) bool { return reflect.DeepEqual(j, o) }

// maxKeySet bounds a file of keys.
const maxKeySet = 256 << 10

// jwtSpec is a JWT as written.
type jwtSpec struct {
	JWKS          string          `json:"jwks,omitempty"` // a URL, or a file beside the definition
	Keys          json.RawMessage `json:"keys,omitempty"` // what the file holds, once it was read
	Issuer        string          `json:"issuer"`
	Audience      []string        `json:"audience,omitempty"`
	Scope         []string        `json:"scope,omitempty"`
	ScopeClaim    string          `json:"scopeClaim,omitempty"`
	ClientClaim   string          `json:"clientClaim,omitempty"`
	Timeout       duration        `json:"timeout,omitempty"`
	SkipTLSVerify bool            `json:"skipTLSVerify,omitempty"`
}

func (j *jwtSpec) read(r *reader, n ast.Node) {
	r.mapping(n, "jwt",
		field{key: "jwks", need: true, read: r.text(&j.JWKS)},
		field{key: "keys", read: r.value(&j.Keys)},
		field{key: "issuer", need: true, read: r.text(&j.Issuer)},
		field{key: "audience", read: r.words(&j.Audience, "audiences")},
		field{key: "scope", read: r.words(&j.Scope, "scopes")},
		field{key: "scopeClaim", read: r.text(&j.ScopeClaim)},
		field{key: "clientClaim", read: r.text(&j.ClientClaim)},
		field{key: "timeout", read: r.length(&j.Timeout)},
		field{key: "skipTLSVerify", read: r.boolean(&j.SkipTLSVerify)})
}

// words reads one text, of words between spaces, or a list of words.
func (r *reader) words(dst *[]string, what string) func(ast.Node) {
	return func(n ast.Node) {
		if _, ok := textOf(n); !ok {
			r.names(dst, what)(n)
			return
		}
		var text string
		r.text(&text)(n)
		*dst = strings.Fields(text)
	}
}

// remote reports whether the keys are fetched.
func (j *jwtSpec) remote() bool {
	u, err := url.Parse(j.JWKS)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// take reads the file of keys, which stands beside the definition.
func (s *serviceSpec) take(k *checker, files []File) {
	if s.JWT == nil || s.JWT.remote() || s.JWT.Keys != nil {
		return
	}
	at := path{"jwt", "jwks"}
	switch f := k.beside(files, s.JWT.JWKS); {
	case f == nil:
		k.at(at, "%s is no http or https address, and no file of that name was handed in with the definitions; it is looked for beside this one", quote(s.JWT.JWKS))
	case len(f.Text) > maxKeySet:
		k.at(at, "file %s is larger than %d KiB", quote(s.JWT.JWKS), maxKeySet>>10)
	case !json.Valid(f.Text):
		k.at(at, "file %s is not JSON", quote(s.JWT.JWKS))
	default:
		s.JWT.Keys = append(json.RawMessage{}, f.Text...)
	}
}

// checkJWT judges what a service says of tokens.
func (s *serviceSpec) checkJWT(k *checker) *JWT {
	j := s.JWT
	switch {
	case j == nil && s.Auth == AuthJWT:
		k.at(path{"auth"}, "auth jwt needs jwt: {jwks: …, issuer: …}")
		return nil
	case j == nil:
		return nil
	case s.Auth != AuthJWT:
		k.at(path{"jwt"}, "jwt is for services with auth: jwt; this one has %s", s.Auth)
	case j.Issuer == "":
		k.at(path{"jwt", "issuer"}, "the issuer is empty: tokens of everybody would do")
	}
	out := &JWT{
		Issuer: j.Issuer, Audience: j.Audience, Scopes: j.Scope, ScopeClaim: j.ScopeClaim, ClientClaim: j.ClientClaim,
		Timeout: time.Duration(j.Timeout), SkipTLSVerify: j.SkipTLSVerify,
	}
	if j.remote() {
		out.URL = j.JWKS
	} else {
		out.Keys = j.Keys
	}
	return out
}
