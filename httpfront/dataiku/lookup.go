package dataiku

import (
	"slices"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

func (d *dialect) lookup(x *wire.Exchange) { d.lookUp(x, false) }

func (d *dialect) lookupMulti(x *wire.Exchange) { d.lookUp(x, true) }

// lookUp answers one or many records. Who may call is decided before the body is read.
func (d *dialect) lookUp(x *wire.Exchange, multi bool) {
	start := d.engine.Now()
	if err := d.services.May(x.Principal, x.Denied, string(x.Param("service"))); err != nil {
		d.fail(x, err)
		return
	}
	r, err := d.readRequest(x.Body, "data", multi)
	if err != nil {
		d.fail(x, err)
		return
	}
	d.answer(x, &r, start)
}

// lookupSimple answers one record whose keys are in the query. Their number must be
// that of the endpoint's keys; one of another name leaves a key missing.
func (d *dialect) lookupSimple(x *wire.Exchange) {
	start := d.engine.Now()
	r := request{items: [][]service.Field{readQuery(x)}}
	keys, err := d.services.Keys(x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")), r.dispatch)
	if err == nil && len(keys) != len(r.items[0]) {
		err = fail.Errorf(fail.Malformed, "The endpoint has %d keys (%s), the query %d parameters.", len(keys), strings.Join(keys, ", "), len(r.items[0]))
	}
	if err != nil {
		d.fail(x, err)
		return
	}
	d.answer(x, &r, start)
}

// answer runs the lookup and prints its results.
func (d *dialect) answer(x *wire.Exchange, r *request, start int64) {
	name, endpoint := string(x.Param("service")), string(x.Param("endpoint"))
	ready := d.engine.Now()
	a, err := d.services.Lookup(x.Ctx, x.Principal, x.Denied, name, endpoint, r.dispatch, r.items)
	if err != nil {
		d.fail(x, err)
		return
	}
	found := d.engine.Now()
	d.begin(x)
	out := append(x.Out, `{"results":[`...)
	for i := range a.Results {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"data":`...)
		out = append(out, a.Results[i].Data...)
		out = append(out, `,"ignored":`...)
		out = strconv.AppendBool(out, a.Results[i].Ignored())
		if a.Results[i].Ignored() {
			out = append(out, `,"ignoreReason":"`...)
			out = append(out, a.Results[i].Reason...)
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
	x.Out = appendContext(append(out, '}'), name, endpoint, a.Generation)
}

// appendContext prints what answered, and ends the answer.
func appendContext(out []byte, name, endpoint, generation string) []byte {
	out = append(out, `,"apiContext":{"serviceId":`...)
	out = codec.AppendQuoted(out, []byte(name))
	out = append(out, `,"endpointId":`...)
	out = codec.AppendQuoted(out, []byte(endpoint))
	out = append(out, `,"serviceGeneration":`...)
	out = codec.AppendQuoted(out, []byte(generation))
	return append(out, "}}"...)
}

// otherVerb answers what an endpoint does not do: 405 for a verb it has under another
// method, else 404 with the verbs it has.
func (d *dialect) otherVerb(x *wire.Exchange) {
	verb := string(x.Param("verb"))
	verbs, err := d.services.Verbs(x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")))
	switch {
	case err != nil:
	case slices.Contains(verbs, verb):
		err = fail.Errorf(fail.BadMethod, "%s does not take %s.", verb, x.Method)
	default:
		err = fail.Errorf(fail.NotFound, "Endpoint %q does not answer %q; it answers %s.", x.Param("endpoint"), verb, strings.Join(verbs, ", "))
	}
	d.fail(x, err)
}
