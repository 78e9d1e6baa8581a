package dataiku

import (
	"math"
	"strconv"

	"quiver/codec"
	"quiver/engine/predict"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

func (d *dialect) predict(x *wire.Exchange) { d.score(x, false) }

func (d *dialect) predictMulti(x *wire.Exchange) { d.score(x, true) }

// score answers one or many records.
func (d *dialect) score(x *wire.Exchange, multi bool) {
	start := d.engine.Now()
	if r := d.records(x, "features", multi); r != nil {
		defer d.release(r)
		d.scored(x, r, multi, start)
	}
}

// predictSimple answers one record whose features are the parameters of the query.
func (d *dialect) predictSimple(x *wire.Exchange) {
	start := d.engine.Now()
	r := d.request()
	defer d.release(r)
	r.readQuery(x)
	d.scored(x, r, false, start)
}

// scored runs the prediction and prints its results (contract, section 5). wait and
// preparation are for models that run elsewhere: here they take no time.
func (d *dialect) scored(x *wire.Exchange, r *request, multi bool, start int64) {
	p, err := d.services.Predict(x.Ctx, x.Principal, x.Denied, string(x.Param("service")), string(x.Param("endpoint")), r.dispatch, r.explanations, &r.records)
	if err != nil {
		d.failRun(x, err) // a custom prediction is a function
		return
	}
	defer p.Release()
	answered := p.Began + p.EnrichMicros + p.ModelMicros
	d.begin(x)
	out := x.Out
	if multi {
		out = append(out, `{"results":[`...)
		for i := range p.Results {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendResult(out, p, i)
		}
		out = append(out, ']')
	} else {
		out = appendResult(append(out, `{"result":`...), p, 0)
	}
	out = append(out, `,"timing":{"preProcessing":`...)
	out = strconv.AppendInt(out, p.Began-start, 10)
	out = append(out, `,"wait":0,"enrich":`...)
	out = strconv.AppendInt(out, p.EnrichMicros, 10)
	out = append(out, `,"preparation":0,"prediction":`...)
	out = strconv.AppendInt(out, p.ModelMicros, 10)
	out = append(out, `,"postProcessing":`...)
	out = strconv.AppendInt(out, d.engine.Now()-answered, 10)
	x.Out = appendContext(append(out, '}'), x, p.Generation)
}

// appendResult prints the result of record i. Its numbers are finite.
func appendResult(out []byte, p *service.Prediction, i int) []byte {
	r := &p.Results[i]
	if r.Ignored {
		out = append(out, `{"ignored":true,"ignoreReason":`...)
		out = codec.AppendQuoted(out, []byte(r.Reason))
		return append(p.AppendFeatures(out, i), '}')
	}
	out = appendPrediction(append(out, `{"prediction":`...), p, r)
	if r.Percentile >= 0 {
		out = strconv.AppendInt(append(out, `,"probaPercentile":`...), int64(r.Percentile), 10)
	}
	if r.Probas != nil {
		out = appendProbas(append(out, `,"probas":`...), p, r)
	}
	if r.Explanations != nil {
		out = append(out, `,"explanations":{`...)
		for i, c := range r.Explanations {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(codec.AppendQuoted(out, []byte(c.Feature)), ':')
			out = appendNumber(out, c.Value)
		}
		out = append(out, '}')
	}
	if o := p.Override(i); o != nil {
		out = appendOverride(append(out, `,"override":`...), p, o)
	}
	out = append(out, `,"ignored":false`...)
	return append(p.AppendFeatures(out, i), '}')
}

// appendPrediction prints what is predicted: a number, or a class or cluster.
func appendPrediction(out []byte, p *service.Prediction, r *predict.Result) []byte {
	if p.Task == predict.Regression {
		return appendNumber(out, r.Value)
	}
	return codec.AppendQuoted(out, []byte(r.Prediction))
}

// appendProbas prints the probability of each class.
func appendProbas(out []byte, p *service.Prediction, r *predict.Result) []byte {
	out = append(out, '{')
	for i, v := range r.Probas {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(codec.AppendQuoted(out, []byte(p.Classes[i])), ':')
		out = appendNumber(out, v)
	}
	return append(out, '}')
}

// appendOverride prints what rules did to a result.
func appendOverride(out []byte, p *service.Prediction, o *service.Override) []byte {
	if o.Rule == "" {
		return append(out, `{"ruleMatched":false}`...)
	}
	out = codec.AppendQuoted(append(out, `{"ruleMatched":true,"appliedRule":`...), []byte(o.Rule))
	out = appendPrediction(append(out, `,"rawResult":{"prediction":`...), p, &o.Raw)
	if o.Raw.Probas != nil {
		out = appendProbas(append(out, `,"probabilities":`...), p, &o.Raw)
	}
	out = strconv.AppendBool(append(out, `},"predictionChanged":`...), o.Changed)
	return append(out, '}')
}

// appendNumber prints a number with an exponent only if it has many zeros otherwise, from
// 1e21 on and below 1e-6, as JavaScript does.
func appendNumber(out []byte, v float64) []byte {
	form := byte('f')
	if a := math.Abs(v); a >= 1e21 || a < 1e-6 && a != 0 {
		form = 'e'
	}
	return strconv.AppendFloat(out, v, form, -1, 64)
}
