package fennel

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/httpfront/wire"
)

const (
	maxNames    = 10_000 // inputs and outputs of a request
	maxWorkflow = 80     // bytes of a workflow's name, which becomes a folder's
)

// log hands rows to an endpoint. Before release 0.18 clients named the dataset and called
// the rows payload.
func (d *dialect) log(x *wire.Exchange) error {
	hook, endpoint, dataset, data := named("webhook"), named("endpoint"), named("dataset_name"), named("data", "payload")
	if err := readBody(x.Body, hook, endpoint, dataset, data); err != nil {
		return err
	}
	old := hook.absent() && endpoint.absent() && !dataset.absent()
	h, err := hook.text(!old)
	if err != nil {
		return err
	}
	e, err := endpoint.text(!old)
	if err != nil {
		return err
	}
	if old {
		if h, e, err = d.feeding(x, dataset); err != nil {
			return err
		}
	}
	if data.absent() {
		return fail.Errorf(fail.Malformed, "The body lacks the field %q.", "data")
	}
	r, err := d.hooks.Log(x.Ctx, x.Principal, d.Store, h, e, data.raw)
	if err != nil {
		return err
	}
	x.Out = append(x.Out, '{')
	if r.Dropped > 0 {
		x.Out = strconv.AppendInt(append(x.Out, `"dropped":`...), int64(r.Dropped), 10)
	}
	if r.Late > 0 {
		if r.Dropped > 0 {
			x.Out = append(x.Out, ',')
		}
		x.Out = strconv.AppendInt(append(x.Out, `"late":`...), int64(r.Late), 10)
	}
	x.Out = append(x.Out, '}')
	return nil
}

// feeding returns the one endpoint that feeds a dataset. Who may not read the store
// learns nothing of it.
func (d *dialect) feeding(x *wire.Exchange, dataset *member) (hook, endpoint string, err error) {
	name, err := dataset.text(true)
	if err != nil {
		return "", "", err
	}
	if !x.Principal.MayReadStore(d.Store) {
		return "", "", &fail.Error{Code: fail.Forbidden, Name: d.Store, Text: "API key not authorized to access " + d.Store}
	}
	snap, n := d.engine.Snapshot(), 0
	for _, w := range snap.Webhooks() {
		if w != snap.Webhook(d.Store, w.Name, 0) {
			continue // of another store, or an older version
		}
		for _, e := range w.Endpoints {
			if slices.ContainsFunc(e.Into, func(t catalog.Target) bool { return t.Ref != nil && t.Ref.Name == name && t.Ref.StoreKey == w.StoreKey }) {
				hook, endpoint = w.Name, e.Name
				n++
			}
		}
	}
	switch n {
	case 0:
		return "", "", &fail.Error{Code: fail.NotFound, Name: name, Text: "Dataset `" + name + "` is fed by no endpoint of a webhook"}
	case 1:
		return hook, endpoint, nil
	}
	return "", "", fail.Errorf(fail.Malformed, "Dataset `%s` is fed by %d endpoints: name the webhook and the endpoint", name, n)
}

// extract answers features.
func (d *dialect) extract(x *wire.Exchange) error { return d.answer(x, branch(x)) }

// extractIn answers features of the branch that the path names, which may hold slashes.
func (d *dialect) extractIn(x *wire.Exchange) error {
	name, ok := bytes.CutSuffix(x.Param("branch"), []byte("/query"))
	if !ok {
		return fail.Errorf(fail.NotFound, "There is no such path.")
	}
	return d.answer(x, string(name))
}

// answer answers features of a branch. Before release 0.20 inputs and outputs were called
// input_features and output_features.
func (d *dialect) answer(x *wire.Exchange, of string) error {
	inputs, outputs, data := named("inputs", "input_features"), named("outputs", "output_features"), named("data")
	branch, log, workflow, rate := named("branch"), named("log"), named("workflow"), named("sampling_rate")
	if err := readBody(x.Body, inputs, outputs, data, branch, log, workflow, rate); err != nil {
		return err
	}
	q := featureset.Request{Who: x.Principal, Store: d.Store, Branch: of, Data: data.raw}
	var err error
	if q.Branch == "" { // clients of the last 0.20 releases send it in the body
		if q.Branch, err = branch.text(false); err != nil {
			return err
		}
	}
	if q.Inputs, err = inputs.texts(true, maxNames); err != nil {
		return err
	}
	if q.Outputs, err = outputs.texts(true, maxNames); err != nil {
		return err
	}
	if data.absent() {
		return fail.Errorf(fail.Malformed, "The body lacks the field %q.", "data")
	}
	keep, err := readLogging(log, workflow, rate)
	if err != nil {
		return err
	}
	for _, name := range q.Inputs {
		if strings.Count(name, ".") != 1 {
			return fail.Errorf(fail.Malformed, "Input %q is no feature: it must be written Featureset.feature.", name)
		}
	}
	began := time.Now()
	a, err := d.features.Extract(x.Ctx, &q)
	if err == nil {
		x.Out = a.AppendJSON(x.Out)
	}
	if d.Count != nil {
		d.Count(keep.workflow, a, time.Since(began), err)
	}
	if err != nil {
		return err
	}
	if keep.on && d.LogFeatures != nil {
		d.LogFeatures(keep.workflow, keep.rate, a)
	}
	a.Release()
	return nil
}

// logging is what a request says about keeping its features as training data (Fennel
// contract, section 7).
type logging struct {
	on       bool
	workflow string
	rate     float64
}

// readLogging reads it. Wrong values are refused whether or not log is true.
func readLogging(log, workflow, rate *member) (logging, error) {
	l := logging{workflow: "default", rate: 1}
	if !log.absent() {
		if log.kind != codec.JSONBool {
			return l, fail.Errorf(fail.Malformed, "Field %q must be true or false.", "log")
		}
		l.on = string(log.raw) == "true"
	}
	name, err := workflow.text(false)
	switch {
	case err != nil:
		return l, err
	case len(name) > maxWorkflow:
		return l, fail.Errorf(fail.Malformed, "Field %q is longer than %d bytes.", "workflow", maxWorkflow)
	case name != "":
		l.workflow = name
	}
	if !rate.absent() {
		if l.rate, err = strconv.ParseFloat(string(rate.raw), 64); err != nil || !(l.rate >= 0 && l.rate <= 1) {
			return l, fail.Errorf(fail.Malformed, "Field %q must be a number from 0 to 1.", "sampling_rate")
		}
	}
	return l, nil
}
