package dataiku

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

// node is one object of a Swagger document. Names are printed in order.
type node map[string]any

// swagger answers the Swagger 2.0 document of a service (contract, section 15), which is
// protected as the service is. It describes the endpoints of the generations that are
// mapped, or of the newest one when none is; of an endpoint that several have, that of
// the largest share.
func (d *dialect) swagger(x *wire.Exchange) {
	name := string(x.Param("service"))
	if err := d.services.May(x.Principal, x.Denied, name); err != nil {
		d.fail(x, err)
		return
	}
	snap := d.engine.Snapshot()
	s := snap.Service(name)
	if s == nil || !s.Swagger {
		d.fail(x, fail.Errorf(fail.NotFound, "Service %q has no Swagger document.", name))
		return
	}
	var generations []*catalog.Generation
	for _, m := range slices.SortedStableFunc(slices.Values(s.Mapping), func(a, b catalog.Share) int { return cmp.Compare(b.Share, a.Share) }) {
		generations = append(generations, snap.Generation(name, m.Generation))
	}
	if all := snap.Generations(name); generations == nil && len(all) > 0 {
		generations = all[:1]
	}
	out, err := json.Marshal(document(s, generations, d.Version))
	if err != nil {
		d.fail(x, err)
		return
	}
	d.begin(x)
	x.Out = append(x.Out, out...)
}

// document describes a service. The version of its API is the generations' names.
func document(s *catalog.Service, generations []*catalog.Generation, version string) node {
	paths, seen := node{}, map[string]bool{}
	var names []string
	for _, g := range generations {
		if g == nil {
			continue // removed by force
		}
		names = append(names, g.Name)
		for i := range g.Endpoints {
			if e := &g.Endpoints[i]; !seen[e.Name] {
				seen[e.Name] = true
				describe(paths, e)
			}
		}
	}
	doc := node{
		"swagger":  "2.0",
		"info":     node{"title": s.Name, "version": cmp.Or(strings.Join(names, ", "), "none"), "description": s.Description, "x-server": version},
		"basePath": "/public/api/v1/" + url.PathEscape(s.Name),
		"consumes": []string{"application/json"}, "produces": []string{"application/json"},
		"paths": paths, "definitions": definitions(),
	}
	const bearer = "Authorization"
	switch s.Auth {
	case catalog.AuthKeys:
		doc["securityDefinitions"] = node{
			"key":    node{"type": "basic", "description": "An API key as user name, without a password."},
			"bearer": node{"type": "apiKey", "in": "header", "name": bearer, "description": "The word Bearer, a space, and an API key."},
		}
		doc["security"] = []node{{"key": []string{}}, {"bearer": []string{}}}
	case catalog.AuthJWT:
		doc["securityDefinitions"] = node{
			"bearer": node{"type": "apiKey", "in": "header", "name": bearer, "description": "The word Bearer, a space, and a JSON Web Token of " + s.JWT.Issuer + "."},
		}
		doc["security"] = []node{{"bearer": []string{}}}
	}
	return doc
}

// describe adds the paths of an endpoint, one for each verb.
func describe(paths node, e *catalog.APIEndpoint) {
	in, out := values(e)
	for _, verb := range service.VerbsOf(e.Type) {
		ops := node{}
		paths["/"+url.PathEscape(e.Name)+"/"+verb] = ops
		add := func(method string, parameters []node, result node) {
			ops[method] = node{
				"operationId": e.Name + "." + verb + "." + method, "tags": []string{e.Name}, "summary": e.Name + " endpoint",
				"description": strings.TrimSpace(e.Description + "\n\nEndpoint of type " + typeName(e) + "."),
				"parameters":  parameters, "responses": responses(result),
			}
		}
		switch verb {
		case "lookup":
			add("post", body(one("data", in)), many(out))
		case "predict":
			add("post", body(explained(one("features", in))), answer("result", out))
		case "lookup-multi":
			add("post", body(items(one("data", in))), many(out))
		case "predict-multi":
			add("post", body(explained(items(one("features", in)))), many(out))
		case "lookup-simple":
			add("get", query(in, true), many(out))
		case "predict-simple":
			add("get", query(in, false), answer("result", out))
		case "run":
			add("post", body(schema(in)), answer("response", out))
			add("get", query(in, false), answer("response", out))
		case "query":
			add("post", body(schema(in)), many(out))
			add("get", query(in, false), many(out))
		}
	}
}

// typeName is the type of an endpoint in the words of this API (contract, section 16).
func typeName(e *catalog.APIEndpoint) string {
	switch e.Type {
	case catalog.EndpointLookup:
		return "DATASETS_LOOKUP"
	case catalog.EndpointSQL:
		return "SQL_QUERY"
	case catalog.EndpointPython:
		return "PY_FUNCTION"
	case catalog.EndpointR:
		return "R_FUNCTION"
	case catalog.EndpointCustom:
		return "CUSTOM_PREDICTION"
	case catalog.EndpointPrediction:
		if e.Predict.Task == "clustering" {
			return "STD_CLUSTERING"
		}
		return "STD_PREDICTION"
	default:
		return e.Type
	}
}

// values lists what an endpoint takes and describes one result of it. nil takes
// anything.
func values(e *catalog.APIEndpoint) (in []value, out node) {
	switch {
	case e.Lookup != nil:
		found := node{}
		in = inputs(e.Lookup.Enrich, func(v value) { found[v.name] = v.nullable() })
		for _, v := range in {
			found[v.name] = v.nullable()
		}
		return in, node{"type": "object", "required": []string{"data", "ignored"}, "properties": node{
			"data":    node{"type": "object", "properties": found},
			"ignored": node{"type": "boolean", "description": "The record was given up."}, "ignoreReason": node{"type": "string"},
		}}
	case e.Predict != nil:
		var looked []string
		in = inputs(e.Predict.Enrich, func(v value) { looked = append(looked, v.name) })
		for i := range e.Predict.Features {
			f := &e.Predict.Features[i]
			if slices.ContainsFunc(in, func(v value) bool { return v.name == f.Name }) {
				continue
			}
			v := value{name: f.Name, about: f.Description, schema: typeSchema(f.Type)}
			if slices.Contains(looked, f.Name) {
				v.about = strings.TrimSpace(v.about + " Looked up where it can be found.")
			}
			in = append(in, v)
		}
		return in, predicted(e.Predict)
	case e.SQL != nil:
		for _, q := range e.SQL.Queries {
			for _, p := range q.Parameters {
				if !slices.ContainsFunc(in, func(v value) bool { return v.name == p.Name }) {
					in = append(in, value{name: p.Name, schema: sqlSchema(p.Type), need: true})
				}
			}
		}
		return in, node{"type": "object", "required": []string{"updatedRows"}, "properties": node{
			"columns": node{"type": "array", "items": node{"type": "object", "properties": node{"name": text(), "type": text()}}},
			"rows":    node{"type": "array", "items": node{"type": "array", "items": node{"type": "string", "x-nullable": true}}}, "updatedRows": whole(),
		}}
	default:
		return nil, node{}
	}
}

// inputs lists the keys that a caller gives, and calls found for the columns that are
// looked up.
func inputs(all []catalog.Enrichment, found func(value)) []value {
	var in []value
	has := map[string]bool{}
	of := func(x *catalog.Enrichment, p catalog.Pairing) value {
		v := value{name: p.Name, schema: node{}}
		if f := column(x, p.Column); f != nil {
			v.about, v.schema = f.Description, typeSchema(f.Type)
		}
		return v
	}
	for i := range all {
		x := &all[i]
		for _, p := range x.Keys {
			if !has[p.Name] {
				has[p.Name] = true
				v := of(x, p)
				v.about = cmp.Or(v.about, "Key that "+x.Name+" is looked up by.")
				v.need = x.OnMissingKey == catalog.PolicyFail
				in = append(in, v)
			}
		}
		for _, p := range x.Columns {
			has[p.Name] = true
			found(of(x, p))
		}
	}
	return in
}

// column returns a column that an enrichment reads, nil where that is not known: the
// features of a view are named with the prefixes of its groups.
func column(x *catalog.Enrichment, name string) *catalog.Feature {
	switch {
	case x.Group != nil:
		return x.Group.Feature(name)
	case x.View != nil:
		for _, f := range x.View.Features {
			if x.View.From[f.From].Prefix+f.Name == name {
				return f.Ref
			}
		}
	}
	return nil
}

// predicted describes the result of a prediction.
func predicted(p *catalog.PredictionEndpoint) node {
	properties := node{
		"ignored": node{"type": "boolean", "description": "The record was not scored."}, "ignoreReason": text(),
		"explanations": node{"type": "object", "additionalProperties": number(), "description": "What each feature adds to the prediction."},
	}
	switch p.Task {
	case "regression":
		properties["prediction"] = number()
	case "clustering":
		properties["prediction"] = text()
	default:
		label := text()
		if len(p.Classes) > 0 {
			label["enum"] = p.Classes
		}
		properties["prediction"] = label
		properties["probas"] = node{"type": "object", "additionalProperties": number(), "description": "The probability of each class."}
	}
	if p.Percentiles != nil {
		properties["probaPercentile"] = whole()
	}
	if p.PostEnrich {
		properties["postEnrichFeatures"] = node{"type": "object", "description": "What the model was asked with."}
	}
	if len(p.Overrides) > 0 {
		raw := node{"prediction": properties["prediction"]}
		if probas, ok := properties["probas"]; ok {
			raw["probabilities"] = probas
		}
		properties["override"] = node{"type": "object", "description": "What a rule did in the model's place.", "required": []string{"ruleMatched"}, "properties": node{
			"ruleMatched": node{"type": "boolean"}, "appliedRule": text(), "predictionChanged": node{"type": "boolean"},
			"rawResult": node{"type": "object", "properties": raw},
		}}
	}
	return node{"type": "object", "required": []string{"ignored"}, "properties": properties}
}
