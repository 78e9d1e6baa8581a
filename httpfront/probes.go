package httpfront

import (
	"encoding/json"

	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// probes is the front's own dialect: /live says that the process answers at all, /ready
// that it wants traffic. Neither needs a key.
func (s *Server) probes() wire.Dialect {
	return wire.Dialect{
		Name: "front",
		Routes: []wire.Route{
			{Method: "GET", Pattern: "/live", Label: "live", Auth: wire.Public, Handle: func(x *wire.Exchange) {
				x.Out = append(x.Out, `{"status":"live"}`...)
			}},
			{Method: "GET", Pattern: "/ready", Label: "ready", Auth: wire.Public, Handle: s.ready},
		},
		Error: writeError,
	}
}

func (s *Server) ready(x *wire.Exchange) {
	if s.draining.Load() {
		x.Status = 503
		x.Out = append(x.Out, `{"status":"draining"}`...)
		return
	}
	if err := s.o.Ready(); err != nil {
		writeError(x, fail.Errorf(fail.Overloaded, "not ready: %v", err))
		return
	}
	x.Out = append(x.Out, `{"status":"ready"}`...)
}

// writeError is the error shape where no dialect has one.
func writeError(x *wire.Exchange, err error) {
	e := fail.AsError(err)
	x.Status = wire.Status(e.Code)
	text, err := json.Marshal(e.Text)
	if err != nil {
		text = []byte(`"error"`) // a string always marshals
	}
	x.Out = append(append(append(x.Out, `{"error":`...), text...), '}')
}
