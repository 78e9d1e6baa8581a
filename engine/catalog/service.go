package catalog

import (
	"fmt"
	"slices"
	"strconv"
)

// ServiceAuth says who may call a service.
type ServiceAuth string

// The ways of authorisation (Dataiku contract, section 2).
const (
	AuthKeys   ServiceAuth = "apiKeys" // holders of keys with rights on the service
	AuthPublic ServiceAuth = "public"  // everyone
	AuthJWT    ServiceAuth = "jwt"     // holders of JSON Web Tokens of an issuer
)

// Dispatch says how one of several mapped generations is drawn for a request.
type Dispatch string

// The ways of dispatch (Dataiku contract, section 12).
const (
	DispatchRandom Dispatch = "random"
	DispatchHash   Dispatch = "hash" // by the request's dispatch key, at random without one
)

// Service is a named set of endpoints that other programs call. It belongs to no
// feature store. What its endpoints are, its generations say; the mapping says which of
// them answer.
//
// A Service is immutable. Its pointer is the same in two snapshots exactly when neither
// its definition changed in between nor whether its mapped generations exist.
type Service struct {
	Name        string
	Description string
	Auth        ServiceAuth
	JWT         *JWT // of AuthJWT; else nil
	Dispatch    Dispatch
	Enabled     bool
	Swagger     bool    // its endpoints are described to those who may call them
	QueryLog    bool    // its queries are logged, where the server keeps a log of queries
	Mapping     []Share // by generation; the shares add up to 1; none: nothing answers

	// Broken says which mapped generation was removed by force. "" for a sound service.
	Broken string

	spec *serviceSpec
	body []byte
	text digest
}

// Share is the part of a service's requests that a generation answers.
type Share struct {
	Generation string  `json:"generation"`
	Share      float64 `json:"share"` // above 0, at most 1
}

func (s *Service) key() objectKey               { return s.spec.key() }
func (s *Service) source() spec                 { return s.spec }
func (s *Service) definition() []byte           { return s.body }
func (s *Service) digest() digest               { return s.text }
func (s *Service) tables(dst []uint32) []uint32 { return dst }

// describe tells what is new about a service.
func (s *Service) describe(o object) []string {
	old, ok := o.(*Service)
	if !ok {
		d := []string{"auth " + string(s.Auth), "dispatch " + string(s.Dispatch)}
		if s.JWT != nil {
			d = append(d, "tokens of "+s.JWT.Issuer)
		}
		if !s.Swagger {
			d = append(d, "swagger false")
		}
		if !s.QueryLog {
			d = append(d, "query log false")
		}
		return append(d, s.state()...)
	}
	var d []string
	d = changed(d, "description", old.Description, s.Description)
	d = changed(d, "auth", string(old.Auth), string(s.Auth))
	if s.JWT != nil && old.JWT != nil && !s.JWT.Equal(old.JWT) {
		d = append(d, "tokens of "+s.JWT.Issuer+", changed")
	}
	d = changed(d, "dispatch", string(old.Dispatch), string(s.Dispatch))
	d = changed(d, "swagger", strconv.FormatBool(old.Swagger), strconv.FormatBool(s.Swagger))
	d = changed(d, "query log", strconv.FormatBool(old.QueryLog), strconv.FormatBool(s.QueryLog))
	if was, is := old.state(), s.state(); !slices.Equal(was, is) {
		d = append(d, is...)
	}
	return d
}

// state tells what answers.
func (s *Service) state() []string {
	d := []string{"enabled " + strconv.FormatBool(s.Enabled)}
	for _, m := range s.Mapping {
		d = append(d, fmt.Sprintf("mapping %s %g", m.Generation, m.Share))
	}
	if len(s.Mapping) == 0 {
		d = append(d, "mapping none")
	}
	if s.Broken != "" {
		d = append(d, "broken: "+s.Broken)
	}
	return d
}

// ServiceFile returns the definition of a new service without generations, to be
// applied. It is not checked.
func ServiceFile(name string, auth ServiceAuth) File {
	s := newServiceSpec()
	s.Name, s.Auth = name, auth
	return s.file()
}

// Maps reports whether a generation answers some of the service's requests.
func (s *Service) Maps(generation string) bool {
	return slices.ContainsFunc(s.Mapping, func(m Share) bool { return m.Generation == generation })
}

// Mapped returns the definition of s with another mapping and state, to be applied.
func (s *Service) Mapped(mapping []Share, enabled bool) File {
	c := *s.spec
	c.Enabled = enabled
	c.Mapping = make(map[string]float64, len(mapping))
	for _, m := range mapping {
		c.Mapping[m.Generation] = m.Share
	}
	return c.file()
}

func (s *serviceSpec) file() File {
	return File{Name: "service " + s.Name, Text: marshal(s)}
}

// Service returns a service, nil when there is none. Names compare exactly.
func (s *Snapshot) Service(name string) *Service {
	o, _ := s.objects[objectKey{kind: KindService, name: name, version: 1}].(*Service)
	return o
}

// Services returns all services by name. The slice is shared: do not change it.
func (s *Snapshot) Services() []*Service { return s.services }
