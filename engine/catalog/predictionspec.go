package catalog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
)

// predictionSpec is what an endpoint of type prediction has beside its name and type.
type predictionSpec struct {
	Model        string             `json:"model,omitempty"`
	Task         string             `json:"task,omitempty"`
	Classes      []string           `json:"classes,omitempty"`
	Threshold    float64            `json:"threshold,omitempty"`
	Features     []modelFeatureSpec `json:"features,omitempty"`
	Explanations *explanationsSpec  `json:"explanations,omitempty"`
	Percentiles  string             `json:"percentiles,omitempty"`
	PostEnrich   bool               `json:"postEnrichFeatures,omitempty"`
	Overrides    []overrideSpec     `json:"overrides,omitempty"`
}

type modelFeatureSpec struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	Description string          `json:"description,omitempty"`
	Categories  []string        `json:"categories,omitempty"`
	Missing     json.RawMessage `json:"missing,omitempty"`
	Unknown     json.RawMessage `json:"unknown,omitempty"`
}

type explanationsSpec struct {
	Enabled    bool   `json:"enabled,omitempty"`
	Method     string `json:"method,omitempty"`
	N          int    `json:"nExplanations,omitempty"`
	Steps      int    `json:"nMonteCarloSteps,omitempty"`
	Seed       int64  `json:"seed,omitempty"`
	Background string `json:"background,omitempty"`
	Weight     string `json:"weight,omitempty"`

	Importance map[string]float64 `json:"importance,omitempty"`
}

// fields are the keys of a prediction.
func (p *predictionSpec) fields(r *reader) []field {
	return []field{
		{key: "model", need: true, read: r.text(&p.Model)},
		{key: "task", need: true, read: r.text(&p.Task)},
		{key: "classes", read: r.names(&p.Classes, "classes")},
		{key: "threshold", read: r.share(&p.Threshold)},
		{key: "features", need: true, read: r.list("features", maxColumns, func(n ast.Node) {
			var f modelFeatureSpec
			r.mapping(n, "a feature of a model",
				field{key: "name", need: true, read: r.text(&f.Name)},
				field{key: "type", need: true, read: r.text(&f.Type)},
				field{key: "description", read: r.text(&f.Description)},
				field{key: "categories", read: r.names(&f.Categories, "categories")},
				field{key: "missing", read: r.value(&f.Missing)},
				field{key: "unknown", read: r.value(&f.Unknown)})
			p.Features = append(p.Features, f)
		})},
		{key: "explanations", read: func(n ast.Node) {
			x := &explanationsSpec{}
			r.mapping(n, "explanations",
				field{key: "enabled", read: r.boolean(&x.Enabled)},
				field{key: "method", read: r.text(&x.Method)},
				field{key: "nExplanations", read: r.number(&x.N, 1, maxColumns)},
				field{key: "nMonteCarloSteps", read: r.number(&x.Steps, 1, maxVersion)},
				field{key: "seed", read: r.integer(&x.Seed, 1, math.MaxInt64)},
				field{key: "background", read: r.text(&x.Background)},
				field{key: "weight", read: r.text(&x.Weight)},
				field{key: "importance", read: r.dictionary("importances", maxColumns, func(name string, n ast.Node) {
					text, ok := numberOf(n)
					v, err := strconv.ParseFloat(text, 64)
					if !ok || err != nil || v < 0 {
						r.at(n, "expected a number from 0 on, found %s", describe(n))
						return
					}
					if x.Importance == nil {
						x.Importance = map[string]float64{}
					}
					x.Importance[name] = v
				})})
			p.Explanations = x
		}},
		{key: "percentiles", read: r.text(&p.Percentiles)},
		{key: "postEnrichFeatures", read: r.boolean(&p.PostEnrich)},
		{key: "overrides", read: r.overrides(&p.Overrides)},
	}
}

// attachments reads the files of a definition that was listed by a server.
func (r *reader) attachments(dst *[]attachedSpec) func(ast.Node) {
	return r.list("files", maxAttachments, func(n ast.Node) {
		var a attachedSpec
		r.mapping(n, "a file",
			field{key: "name", need: true, read: r.text(&a.Name)},
			field{key: "gzip", need: true, read: func(n ast.Node) {
				text, ok := textOf(n)
				var err error
				if a.Packed, err = base64.StdEncoding.DecodeString(text); !ok || err != nil {
					r.at(n, "expected a gzip file in base64, found %s", describe(n))
				}
			}})
		*dst = append(*dst, a)
	})
}

// share reads a number from 0 to 1.
func (r *reader) share(dst *float64) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := numberOf(n)
		v, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || v < 0 || v > 1 {
			r.at(n, "expected a number from 0 to 1, found %s", describe(n))
			return
		}
		*dst = v
	}
}

// named calls f with the place and name of every single file that the endpoint names.
func (e *apiEndpointSpec) named(f func(at path, name string)) {
	if e.File != "" && e.Folder == "" {
		f(path{"file"}, e.File)
	}
	if e.Model != "" {
		f(path{"model"}, e.Model)
	}
	if e.Explanations != nil && e.Explanations.Background != "" {
		f(path{"explanations", "background"}, e.Explanations.Background)
	}
	if e.Percentiles != "" {
		f(path{"percentiles"}, e.Percentiles)
	}
}

// take keeps the files that endpoints name, which stand beside the definition.
func (g *generationSpec) take(k *checker, files []File) {
	for i := range g.Endpoints {
		if folder := g.Endpoints[i].Folder; folder != "" {
			g.takeFolder(k, path{"endpoints", i}, folder, files)
		}
		g.Endpoints[i].named(func(at path, name string) {
			f := k.beside(files, name)
			at = append(path{"endpoints", i}, at...)
			switch {
			case g.attached(name) != nil:
			case f == nil:
				k.at(at, "file %s was not handed in with the definitions; it is looked for beside this one", quote(name))
			case len(f.Text) > maxAttachment:
				k.at(at, "file %s is larger than %d MiB", quote(name), maxAttachment>>20)
			default:
				g.Files = append(g.Files, attachedSpec{Name: name, Packed: pack(f.Text)})
			}
		})
	}
}

// attached returns a file by the name that endpoints give it, nil when there is none.
func (g *generationSpec) attached(name string) *Attachment {
	for _, f := range g.Files {
		if f.Name == name {
			return &Attachment{f.Name, f.Packed}
		}
	}
	return nil
}

// prediction judges a prediction, but for what the model itself says.
func (g *generationSpec) prediction(k *checker, at path, e *apiEndpointSpec, enrich []Enrichment) *PredictionEndpoint {
	out := &PredictionEndpoint{Task: e.Task, Classes: e.Classes, Threshold: e.Threshold, Enrich: enrich, PostEnrich: e.PostEnrich}
	e.named(func(in path, name string) {
		a := g.attached(name)
		switch {
		case a == nil:
			k.at(append(slices.Clone(at), in...), "file %s was not kept", quote(name))
		case in[0] == "model":
			out.Model = *a
		case in[0] == "percentiles":
			out.Percentiles = a
		case in[0] == "file": // of the function
		default:
			out.Explain.Background = a
		}
	})
	if x := e.Explanations; x != nil {
		out.Explain = Explanations{x.Enabled, x.Method, x.N, x.Steps, uint64(x.Seed), out.Explain.Background, x.Weight, x.Importance}
		for _, name := range slices.Sorted(maps.Keys(x.Importance)) {
			if !slices.ContainsFunc(e.Features, func(f modelFeatureSpec) bool { return f.Name == name }) {
				k.at(append(slices.Clone(at), "explanations", "importance"), "there is no feature %s", quote(name))
			}
		}
	}
	if len(e.Features) == 0 {
		k.at(append(slices.Clone(at), "features"), "a prediction needs the features of its model, in the model's order")
	}
	texts := make([]string, len(e.Features))
	for i := range e.Features {
		texts[i] = e.Features[i].Type
	}
	spelling := codec.DetectSpelling(texts)
	for i := range e.Features {
		f, here := &e.Features[i], append(slices.Clone(at), "features", i)
		m := ModelFeature{Name: f.Name, Description: f.Description, Categories: f.Categories}
		if slices.ContainsFunc(e.Features[:i], func(o modelFeatureSpec) bool { return o.Name == f.Name }) {
			k.at(append(here, "name"), "feature %s appears twice", quote(f.Name))
		}
		var err error
		if m.Type, err = codec.ParseType(f.Type, spelling); err != nil {
			k.at(append(here, "type"), "%s: %v", quote(f.Type), err)
		}
		if m.Missing, err = parseHandling(f.Missing); err != nil {
			k.at(append(here, "missing"), "%v", err)
		}
		if m.Unknown, err = parseHandling(f.Unknown); err != nil {
			k.at(append(here, "unknown"), "%v", err)
		}
		out.Features = append(out.Features, m)
	}
	out.fed(k, at)
	out.Overrides = e.predictionSpec.judge(k, at)
	return out
}

// fed judges whether what is looked up can be what the features want.
func (p *PredictionEndpoint) fed(k *checker, at path) {
	for i := range p.Enrich {
		x := &p.Enrich[i]
		if x.Group == nil && x.View == nil {
			continue
		}
		for _, c := range x.Columns {
			n := slices.IndexFunc(p.Features, func(f ModelFeature) bool { return f.Name == c.Name })
			from := x.column(c.Column)
			if n < 0 || from == nil || p.Features[n].Type == nil {
				continue
			}
			to := p.Features[n].Type
			if p.Features[n].Categories != nil {
				to = &codec.Type{Kind: codec.KindString}
			}
			if !feeds(from, to) {
				k.at(append(slices.Clone(at), "enrich", i), "%s of %s is of type %s, which feature %s of type %s cannot read",
					quote(c.Column), x.Name, from.Text, quote(c.Name), p.Features[n].Type.Text)
			}
		}
	}
}

var errHandling = errors.New("expected pass, category, dropRow or {impute: value}")

// parseHandling reads a handling; nothing is HandlePass.
func parseHandling(raw json.RawMessage) (Handling, error) {
	if len(raw) == 0 {
		return Handling{Action: HandlePass}, nil
	}
	var word HandlingAction
	if json.Unmarshal(raw, &word) == nil {
		if slices.Contains([]HandlingAction{HandlePass, HandleCategory, HandleDropRow}, word) {
			return Handling{Action: word}, nil
		}
		return Handling{}, errHandling
	}
	var impute struct {
		Value json.RawMessage `json:"impute"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&impute) != nil || len(impute.Value) == 0 || bytes.ContainsAny(impute.Value[:1], "[{n") {
		return Handling{}, errHandling
	}
	h := Handling{HandleImpute, string(impute.Value)}
	if impute.Value[0] == '"' {
		if err := json.Unmarshal(impute.Value, &h.Value); err != nil {
			return Handling{}, errHandling
		}
	}
	return h, nil
}
