package dataiku

import (
	"maps"

	"quiver/codec"
	"quiver/engine/catalog"
)

// value is one value that an endpoint takes or gives.
type value struct {
	name, about string
	schema      node
	need        bool
}

// describe returns the value's schema with its description.
func (v value) describe() node {
	s := maps.Clone(v.schema)
	if v.about != "" {
		s["description"] = v.about
	}
	return s
}

func (v value) nullable() node {
	s := v.describe()
	s["x-nullable"] = true
	return s
}

func text() node   { return node{"type": "string"} }
func number() node { return node{"type": "number", "format": "double"} }
func whole() node  { return node{"type": "integer", "format": "int64"} }

func ref(name string) node { return node{"$ref": "#/definitions/" + name} }

// typeSchema describes values of a type as this API prints them.
func typeSchema(t *codec.Type) node {
	if t == nil {
		return node{}
	}
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt:
		return node{"type": "integer", "format": "int32"}
	case codec.KindBigInt:
		return whole()
	case codec.KindFloat:
		return node{"type": "number", "format": "float"}
	case codec.KindDouble, codec.KindDecimal:
		return number()
	case codec.KindBoolean:
		return node{"type": "boolean"}
	case codec.KindString:
		return text()
	case codec.KindBinary:
		return node{"type": "string", "format": "byte"}
	case codec.KindDate:
		return node{"type": "string", "format": "date"}
	case codec.KindTimestamp:
		return node{"type": "string", "format": "date-time"}
	case codec.KindArray:
		return node{"type": "array", "items": typeSchema(t.Elem)}
	case codec.KindEmbedding:
		return node{"type": "array", "items": number()}
	default:
		return node{"type": "object"}
	}
}

// sqlSchema describes a parameter of a query; one without a type takes any.
func sqlSchema(t catalog.SQLType) node {
	switch t {
	case catalog.SQLInteger:
		return whole()
	case catalog.SQLNumber:
		return number()
	case catalog.SQLText:
		return text()
	case catalog.SQLBoolean:
		return node{"type": "boolean"}
	default:
		return node{}
	}
}

// schema describes an object of values; nil is any object.
func schema(in []value) node {
	properties := node{}
	var need []string
	for _, v := range in {
		properties[v.name] = v.describe()
		if v.need {
			need = append(need, v.name)
		}
	}
	s := node{"type": "object", "properties": properties}
	if need != nil {
		s["required"] = need
	}
	return s
}

// one describes a request of one record, whose values stand under key.
func one(key string, in []value) node {
	return node{"type": "object", "required": []string{key}, "properties": node{
		key: schema(in), "context": node{"type": "object", "description": "Is logged with the query, and not used."}, "dispatch": ref("Dispatch"),
	}}
}

// items describes a request of many records, each as record says.
func items(record node) node {
	properties := record["properties"].(node)
	dispatch := properties["dispatch"]
	delete(properties, "dispatch")
	return node{"type": "object", "required": []string{"items"}, "properties": node{
		"items": node{"type": "array", "items": record}, "dispatch": dispatch,
	}}
}

// explained adds what a request says of explanations.
func explained(request node) node {
	request["properties"].(node)["explanations"] = ref("Explanations")
	return request
}

// body is the parameter of a method that takes one.
func body(s node) []node {
	return []node{{"in": "body", "name": "body", "required": true, "schema": s}}
}

// query are the parameters of a method that takes values from the query. Those without a
// simple type are texts.
func query(in []value, need bool) []node {
	all := []node{}
	for _, v := range in {
		p := v.describe()
		switch p["type"] {
		case "string", "integer", "number", "boolean":
		default:
			p["type"] = "string"
			delete(p, "items")
		}
		p["in"], p["name"], p["required"] = "query", v.name, need || v.need
		all = append(all, p)
	}
	return all
}

// answer describes an answer whose result stands under key.
func answer(key string, result node) node {
	return node{"type": "object", "required": []string{key, "timing", "apiContext"}, "properties": node{
		key: result, "timing": ref("Timing"), "apiContext": ref("Context"),
	}}
}

// many describes an answer of many results.
func many(result node) node {
	return answer("results", node{"type": "array", "items": result})
}

// responses are those of every method: its answer, and the error object. All carry two
// headers.
func responses(result node) node {
	headers := func() node {
		return node{
			"DSS-API-Version": node{"type": "string", "description": "Version of this API, 1."},
			"DSS-Version":     node{"type": "string", "description": "Version of the server."},
		}
	}
	all := node{"200": node{"description": "The answer.", "schema": result, "headers": headers()}}
	for status, about := range map[string]string{
		"400": "The request is not what the endpoint takes.", "401": "No credentials, or not genuine ones.", "403": "No rights on the service.",
		"404": "No such service, endpoint or generation.", "503": "The service is disabled, has no active generation, or is too busy.", "default": "Any other failure.",
	} {
		all[status] = node{"description": about, "schema": ref("Error"), "headers": headers()}
	}
	return all
}

// definitions are the schemas that all endpoints share.
func definitions() node {
	nullable := func(s node, about string) node {
		s["x-nullable"], s["description"] = true, about
		return s
	}
	return node{
		"Error": node{"type": "object", "required": []string{"errorType", "message", "detailedMessage"}, "properties": node{
			"errorType": text(), "message": text(), "detailedMessage": text(),
		}},
		"Timing": node{"type": "object", "description": "Microseconds by what they were spent on.", "additionalProperties": whole()},
		"Context": node{"type": "object", "description": "What answered.", "properties": node{
			"serviceId": text(), "endpointId": text(), "serviceGeneration": text(),
		}},
		"Dispatch": node{"type": "object", "description": "Which generation is to answer.", "properties": node{
			"forcedGeneration": nullable(text(), "This one."), "dispatchKey": nullable(text(), "The same one for the same key, where the service dispatches by hash."),
		}},
		"Explanations": node{"type": "object", "description": "What the answer is to say of features; null is the endpoint's own setting.", "properties": node{
			"enabled": nullable(node{"type": "boolean"}, "Explain predictions."), "method": nullable(text(), "ICE, SHAPLEY or TREESHAP."),
			"nExplanations": nullable(whole(), "Features at most."), "nMonteCarloSteps": nullable(whole(), "Background rows of SHAPLEY."),
		}},
	}
}
