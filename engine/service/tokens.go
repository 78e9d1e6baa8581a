package service

import (
	"context"
	"errors"

	"quiver/engine/auth"
	"quiver/engine/auth/jwt"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// newVerifier makes what checks the tokens of a service, nil where there are none. It
// keeps that of before when the definition says the same of tokens.
func (s *Services) newVerifier(def *catalog.Service, was *running) (*jwt.Verifier, error) {
	j := def.JWT
	if j == nil {
		return nil, nil
	}
	if was != nil && was.tokens != nil && j.Equal(was.def.JWT) {
		return was.tokens, nil
	}
	source, err := s.keysOf(j)
	if err != nil {
		return nil, fail.Wrap(fail.Malformed, err, "Service %q cannot check tokens: %v.", def.Name, err)
	}
	return jwt.New(source, jwt.Options{
		Issuer: j.Issuer, Audience: j.Audience, Scopes: j.Scopes, ScopeClaim: j.ScopeClaim, ClientClaim: j.ClientClaim,
	}), nil
}

func (s *Services) keysOf(j *catalog.JWT) (*jwt.Source, error) {
	if j.URL == "" {
		return jwt.Static(j.Keys)
	}
	if s.Fetch == nil {
		return nil, errors.New("this server fetches no keys; let jwks name a file")
	}
	return jwt.Fetched(func(ctx context.Context) ([]byte, error) {
		return s.Fetch(ctx, j.URL, jwt.MaxKeySet, j.SkipTLSVerify)
	}, jwt.FetchOptions{Timeout: j.Timeout}), nil
}

// Admit decides who asks a service: where it asks for JSON Web Tokens, whoever holds
// token, whatever else the caller is. For any other service it returns who and denied
// as they are. bearer is the token, nil when there is none: then the error tells strangers
// that the service exists, which nobody could use otherwise.
func (s *Services) Admit(ctx context.Context, who auth.Principal, denied error, service string, bearer []byte) (auth.Principal, error) {
	r := s.now.Load().services[service]
	switch {
	case r == nil || r.tokens == nil:
		return who, denied
	case bearer == nil:
		return auth.Principal{}, fail.Errorf(fail.Unauthenticated, "Service %q asks for a JSON Web Token, as a Bearer token.", r.def.Name)
	}
	client, err := r.tokens.Verify(ctx, bearer)
	if err != nil {
		return auth.Principal{}, err
	}
	holder := r.holder
	holder.Client = client
	return holder, nil
}
