package dataiku

import (
	"slices"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

func (d *dialect) lookup(x *wire.Exchange) { d.lookUp(x, false) }

func (d *dialect) lookupMulti(x *wire.Exchange) { d.lookUp(x, true) }

// lookUp answers one or many records.
func (d *dialect) lookUp(x *wire.Exchange, multi bool) {
	start := d.engine.Now()
	if r := d.records(x, "data", multi); r != nil {
		defer d.release(r)
		d.answer(x, r, start)
	}
}

// lookupSimple answers one record whose keys are in the query. Their number must be
// that of the endpoint's keys; one of another name leaves a key missing.
func (d *dialect) lookupSimple(x *wire.Exchange) {
	start := d.engine.Now()
	r := d.request()
	defer d.release(r)
	r.readQuery(x)
	keys, err := d.services.Keys(x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")), r.dispatch)
	if n := len(r.records.Fields(0)); err == nil && len(keys) != n {
		err = fail.Errorf(fail.Malformed, "The endpoint has %d keys (%s), the query %d parameters.", len(keys), strings.Join(keys, ", "), n)
	}
	if err != nil {
		d.fail(x, err)
		return
	}
	d.answer(x, r, start)
}

// answer runs the lookup and prints its results.
func (d *dialect) answer(x *wire.Exchange, r *request, start int64) {
	ready := d.engine.Now()
	a, err := d.services.Lookup(x.Ctx, x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")), r.dispatch, &r.records)
	if err != nil {
		d.fail(x, err)
		return
	}
	defer a.Release()
	found := d.engine.Now()
	d.begin(x)
	out := append(x.Out, `{"results":[`...)
	for i := range a.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		out = a.AppendData(append(out, `{"data":`...), i)
		reason := a.Reason(i)
		out = append(out, `,"ignored":`...)
		out = strconv.AppendBool(out, reason != "")
		if reason != "" {
			out = append(out, `,"ignoreReason":"`...)
			out = append(out, reason...)
			out = append(out, '"')
		}
		out = append(out, '}')
	}
	out = append(out, `],"timing":{"preProcessing":`...)
	out = strconv.AppendInt(out, ready-start, 10)
	out = append(out, `,"wait":0,"enrich":`...)
	out = strconv.AppendInt(out, found-ready, 10)
	out = append(out, `,"postProcessing":`...)
	out = strconv.AppendInt(out, d.engine.Now()-found, 10)
	x.Out = appendContext(append(out, '}'), x, a.Generation)
}

// appendContext prints what answered, and ends the answer.
func appendContext(out []byte, x *wire.Exchange, generation string) []byte {
	out = append(out, `,"apiContext":{"serviceId":`...)
	out = codec.AppendQuoted(out, x.Param("service"))
	out = append(out, `,"endpointId":`...)
	out = codec.AppendQuoted(out, x.Param("endpoint"))
	out = append(out, `,"serviceGeneration":`...)
	out = codec.AppendQuoted(out, []byte(generation))
	return append(out, "}}"...)
}

// otherVerb answers what an endpoint does not do: 405 for a verb that it has under the
// other method, else 404 with the verbs it has.
func (d *dialect) otherVerb(x *wire.Exchange) {
	verb := string(x.Param("verb"))
	verbs, err := d.services.Verbs(x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")))
	switch {
	case err != nil:
	case slices.Contains(verbs, verb):
		err = fail.Errorf(fail.BadMethod, "%s does not take %s.", verb, x.Method)
		allow := "GET, HEAD"
		if x.Method == "GET" {
			allow = "POST"
		}
		x.SetHeader("Allow", allow)
	default:
		err = fail.Errorf(fail.NotFound, "Endpoint %q does not answer %q; it answers %s.", x.Param("endpoint"), verb, strings.Join(verbs, ", "))
	}
	d.fail(x, err)
}
