package hopsworks

import (
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// ping answers that the process serves, with an empty body.
func ping(x *wire.Exchange) {
	if len(x.Body) > 0 {
		writeError(x, fail.Errorf(fail.Malformed, "Ping Request should be empty"))
	}
}

// health answers 0 when the storage can be read, else 1 with 503.
func (d *dialect) health(x *wire.Exchange) {
	if len(x.Body) > 0 {
		writeError(x, fail.Errorf(fail.Malformed, "Health Request should be empty"))
		return
	}
	x.Out = append(x.Out, '0')
	if err := d.engine.Healthy(x.Ctx); err != nil {
		x.Status = 503
		x.Out[len(x.Out)-1] = '1'
	}
}
