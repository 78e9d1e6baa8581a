package hopsworks

import (
	"strconv"

	"quiver/engine"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// single answers one vector. Anything wrong with its one entry fails the request.
func (d *dialect) single(x *wire.Exchange) {
	r := d.get()
	defer d.put(r)
	if err := d.readOne(x, r); err != nil {
		writeError(x, err)
		return
	}
	v := &r.vectors
	out := append(x.Out, `{"features":`...)
	out = v.AppendVector(out, 0)
	out = r.appendMetadata(out)
	out = append(out, `,"status":`...)
	out = appendStatus(out, v.Status(0))
	out = append(out, `,"detailedStatus":`...)
	if r.detailed {
		out = appendDetailed(out, v, 0)
	} else {
		out = append(out, "null"...)
	}
	x.Out = append(out, '}')
}

func (d *dialect) readOne(x *wire.Exchange, r *request) error {
	if err := d.open(x, r, false); err != nil {
		return err
	}
	if err := r.readSingle(&r.query); err != nil {
		return err
	}
	if err := d.engine.Read(x.Ctx, &r.query, &r.vectors); err != nil {
		return err
	}
	if err := r.vectors.Err(0); err != nil {
		return err
	}
	return nil
}

// batch answers many vectors in request order. What is wrong with one entry is that
// entry's ERROR.
func (d *dialect) batch(x *wire.Exchange) {
	r := d.get()
	defer d.put(r)
	if err := d.readMany(x, r); err != nil {
		writeError(x, err)
		return
	}
	v := &r.vectors
	out := append(x.Out, `{"features":[`...)
	for i := range v.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		if d.NullErrorRows && v.Status(i) == engine.Failed {
			out = append(out, "null"...)
		} else {
			out = v.AppendVector(out, i)
		}
	}
	out = append(out, ']')
	out = r.appendMetadata(out)
	out = append(out, `,"status":[`...)
	for i := range v.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendStatus(out, v.Status(i))
	}
	out = append(out, `],"detailedStatus":`...)
	if r.detailed {
		out = append(out, '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendDetailed(out, v, i)
		}
		out = append(out, ']')
	} else {
		out = append(out, "null"...)
	}
	x.Out = append(out, '}')
}

func (d *dialect) readMany(x *wire.Exchange, r *request) error {
	if err := d.open(x, r, true); err != nil {
		return err
	}
	entries, passed, err := r.readBatch(&r.query, d.MaxEntries)
	switch {
	case err != nil:
		return err
	case entries == 0:
		return fail.Errorf(fail.NoEntries, "No primary key is given.")
	case passed != 0 && passed != entries:
		return fail.Errorf(fail.BadPassedLength, "Length of passed feature does not equal to that of the entries provided in the request.")
	}
	return d.engine.Read(x.Ctx, &r.query, &r.vectors)
}

func (r *request) appendMetadata(out []byte) []byte {
	out = append(out, `,"metadata":`...)
	if r.metadata < 0 {
		return append(out, "null"...)
	}
	return append(out, r.query.Plan().Metadata[r.metadata]...)
}

func appendStatus(out []byte, s engine.Status) []byte {
	switch s {
	case engine.Complete:
		return append(out, `"COMPLETE"`...)
	case engine.Missing:
		return append(out, `"MISSING"`...)
	default:
		return append(out, `"ERROR"`...)
	}
}

// appendDetailed lists, in join order, each group that entry i was looked up in. An
// entry that failed before it was read lists every group with 400: the Python client
// needs a list.
func appendDetailed(out []byte, v *engine.Vectors, i int) []byte {
	out = append(out, '[')
	for g, group := range v.Plan().Groups {
		if g > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"featureGroupId":`...)
		out = strconv.AppendInt(out, group.GroupID, 10)
		out = append(out, `,"httpStatus":`...)
		out = strconv.AppendInt(out, foundStatus(v.Found(i, g)), 10)
		out = append(out, '}')
	}
	return append(out, ']')
}

func foundStatus(f engine.Found) int64 {
	switch f {
	case engine.FoundRow:
		return 200
	case engine.NoRow:
		return 404
	case engine.ReadError:
		return 500
	default:
		return 400
	}
}
