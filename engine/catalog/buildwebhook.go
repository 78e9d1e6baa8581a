package catalog

import (
	"maps"
	"slices"
)

// webhooks builds the webhooks among the drafts, and anew those that stay but whose
// groups changed.
func (b *builder) webhooks(drafts []*draft) {
	for _, d := range drafts {
		if spec, ok := d.spec.(*webhookSpec); ok {
			b.webhook(d, spec, b.restore != nil)
		}
	}
	for _, w := range b.base.webhooks {
		if key := w.key(); !b.named[key] && b.objects[key] != nil {
			b.webhook(&draft{key: key, spec: w.spec, text: w.text}, w.spec, true)
		}
	}
}

// webhook builds one webhook, keeping the old one when neither it nor its groups
// changed. A lenient build marks it as broken instead of reporting faults.
func (b *builder) webhook(d *draft, spec *webhookSpec, lenient bool) {
	groups := make([][]*Group, len(spec.Endpoints))
	k := &checker{draft: d, out: b.out, lenient: lenient}
	old, _ := b.base.objects[d.key].(*Webhook)
	kept := old != nil && (lenient || old.Broken == "") && len(old.Endpoints) == len(spec.Endpoints)
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		for n := range e.Into {
			g, ok := b.use(k, path{"endpoints", i, "into", n, "group"}, spec.groupKey(&e.Into[n]))
			if !ok {
				return
			}
			groups[i] = append(groups[i], g)
			kept = kept && n < len(old.Endpoints[i].Into) && old.Endpoints[i].Into[n].Ref == g
		}
		kept = kept && len(old.Endpoints[i].Into) == len(e.Into)
	}
	body := marshal(spec)
	if kept && (spec == old.spec || string(body) == string(old.body)) {
		b.objects[d.key] = old
		return
	}
	w := spec.check(k, groups)
	if k.faults > 0 && !lenient {
		return
	}
	if !b.accept(k, old != nil && old.Broken == "", "webhook") {
		return
	}
	w.Broken, w.body, w.text = sentence(k.fault), body, d.text
	w.streams = map[string]uint32{}
	for i := range w.Endpoints {
		e := &w.Endpoints[i]
		e.Table = b.streamTable(d, old, e.Name)
		w.streams[e.Name] = e.Table
	}
	b.objects[d.key] = w
}

// streamTable returns the table of an endpoint's stream: the one it has, the one it
// had in the revision that is returned to, or a new one.
func (b *builder) streamTable(d *draft, old *Webhook, endpoint string) uint32 {
	if old != nil && old.streams[endpoint] != 0 {
		return old.streams[endpoint]
	}
	if t := d.streams[endpoint]; t != 0 && b.stream != nil && b.stream(t) {
		return t
	}
	return b.alloc()
}

// use finds a group that a draft names, reporting its absence. ok is false when the
// group has faults of its own, which are reported: what they do to the draft is unknown.
func (b *builder) use(k *checker, at path, key objectKey) (g *Group, ok bool) {
	if b.failed[key] {
		return nil, false
	}
	g, _ = b.objects[key].(*Group)
	if g == nil && !b.partial {
		hint := ""
		if !k.lenient {
			hint = b.others(key)
		}
		k.at(at, "feature group %s/%s version %d does not exist%s", key.store, key.name, key.version, hint)
	}
	return g, true
}

// accept reports what would break by the change, unless it may; sound says whether it
// was whole before.
func (b *builder) accept(k *checker, sound bool, what string) bool {
	if k.fault == "" || b.mayBreak || !sound {
		return true
	}
	k.lenient = false
	k.at(nil, "this %s would break: %s", what, k.fault)
	return false
}

// feeds reports whether an endpoint feeds a group.
func (w *webhookSpec) feeds(key objectKey) bool {
	return slices.ContainsFunc(w.Endpoints, func(e endpointSpec) bool {
		return slices.ContainsFunc(e.Into, func(t targetSpec) bool { return w.groupKey(&t) == key })
	})
}

// looksUp reports whether a feature is looked up in a group.
func (s *featuresetSpec) looksUp(key objectKey) bool {
	return slices.ContainsFunc(s.Features, func(f setFeatureSpec) bool { return f.Lookup != nil && s.groupKey(f.Lookup) == key })
}

// takesFrom reports whether a feature or extractor takes features of another featureset.
func (s *featuresetSpec) takesFrom(name string) bool {
	from := func(text string) bool {
		ref, ok := parseFeatureRef(text)
		return ok && ref.Featureset == name
	}
	return slices.ContainsFunc(s.Features, func(f setFeatureSpec) bool { return from(f.Alias) }) ||
		slices.ContainsFunc(s.Extractors, func(x extractorSpec) bool { return slices.ContainsFunc(x.Inputs, from) })
}

// featuresets builds the featuresets among the drafts, and anew those that stay but
// whose groups changed, and then links all of them with each other.
func (b *builder) featuresets(drafts []*draft) {
	known := map[objectKey]*draft{}
	for _, d := range drafts {
		if spec, ok := d.spec.(*featuresetSpec); ok {
			known[d.key] = d
			b.featureset(d, spec, b.restore != nil)
		}
	}
	for _, s := range b.base.featuresets {
		if key := s.key(); !b.named[key] && b.objects[key] != nil {
			b.featureset(&draft{key: key, spec: s.spec, text: s.text}, s.spec, true)
		}
	}
	l := newLinker(b)
	for _, key := range slices.SortedFunc(maps.Keys(b.objects), compareKeys) {
		s, ok := b.objects[key].(*Featureset)
		if !ok {
			continue
		}
		d := known[key]
		if d == nil {
			d = &draft{key: key, spec: s.spec, text: s.text}
		}
		b.link(l, d, s, known[key] == nil || b.restore != nil)
	}
}

// featureset builds one featureset as far as its groups go, keeping the old one when
// neither it nor its groups changed.
func (b *builder) featureset(d *draft, spec *featuresetSpec, lenient bool) {
	k := &checker{draft: d, out: b.out, lenient: lenient}
	groups := make([]*Group, len(spec.Features))
	old, _ := b.base.objects[d.key].(*Featureset)
	kept := old != nil && (lenient || old.fault == "") && len(old.Features) == len(spec.Features)
	reported := map[objectKey]bool{}
	for i := range spec.Features {
		l := spec.Features[i].Lookup
		if l == nil {
			continue
		}
		key := spec.groupKey(l)
		if reported[key] {
			kept = false
			continue // once is enough
		}
		g, ok := b.use(k, path{"features", i, "lookup", "group"}, key)
		if !ok {
			b.failed[d.key] = true
			return
		}
		reported[key] = g == nil
		groups[i] = g
		kept = kept && old.Features[i].Lookup != nil && old.Features[i].Lookup.Group == g
	}
	body := marshal(spec)
	if kept && (spec == old.spec || string(body) == string(old.body)) {
		b.objects[d.key] = old
		return
	}
	s := spec.check(k, groups)
	if k.faults > 0 && !lenient || !b.accept(k, old != nil && old.Broken == "", "featureset") {
		b.failed[d.key] = true
		return
	}
	s.fault, s.body, s.text = sentence(k.fault), body, d.text
	s.Broken = s.fault
	b.objects[d.key] = s
}
