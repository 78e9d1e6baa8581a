package catalog

import (
	"strings"
	"time"
)

// made says when a generation was defined: a number that orders them, and the time.
type made struct {
	Number uint32    `json:"number"`
	Time   time.Time `json:"time"`
}

// generations builds the generations among the drafts, and anew those that stay but
// whose groups or connections changed.
func (b *builder) generations(drafts []*draft) {
	for _, d := range drafts {
		if spec, ok := d.spec.(*generationSpec); ok {
			b.generation(d, spec, b.restore != nil)
		}
	}
	for _, g := range b.base.generations {
		if key := g.key(); !b.named[key] && b.objects[key] != nil {
			b.generation(&draft{key: key, spec: g.spec, text: g.text}, g.spec, true)
		}
	}
}

// generation builds one generation, keeping the old one when neither it nor what it uses
// changed. A lenient build marks it as broken instead of reporting faults.
func (b *builder) generation(d *draft, spec *generationSpec, lenient bool) {
	sources, connections := make([][]enrichSource, len(spec.Endpoints)), make([]*Connection, len(spec.Endpoints))
	k := &checker{draft: d, out: b.out, lenient: lenient}
	old, _ := b.base.objects[d.key].(*Generation)
	kept := old != nil && (lenient || old.Broken == "") && len(old.Endpoints) == len(spec.Endpoints)
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		kept = kept && len(old.spec.Endpoints[i].Enrich) == len(e.Enrich)
		for n := range e.Enrich {
			x, ok := b.source(k, path{"endpoints", i, "enrich", n}, e.Enrich[n].source())
			if !ok {
				b.failed[d.key] = true
				return
			}
			sources[i] = append(sources[i], x)
			kept = kept && old.Endpoints[i].Enrichments()[n].source() == x
		}
		if e.Type == EndpointSQL {
			c, ok := b.asked(k, path{"endpoints", i, "connection"}, e.Connection)
			if !ok {
				b.failed[d.key] = true
				return
			}
			connections[i] = c
			kept = kept && old.Endpoints[i].SQL != nil && old.Endpoints[i].SQL.Connection == c
		}
	}
	body := marshal(spec)
	if kept && (spec == old.spec || string(body) == string(old.body)) {
		b.objects[d.key] = old
		return
	}
	g := spec.check(k, sources, connections)
	if k.faults > 0 && !lenient || !b.accept(k, old != nil && old.Broken == "", "generation") {
		b.failed[d.key] = true
		return
	}
	g.Broken, g.body, g.text = sentence(k.fault), body, d.text
	switch {
	case d.made != nil && b.restore != nil:
		g.Number, g.Created = d.made.Number, d.made.Time
	case old != nil && string(body) == string(old.body):
		g.Number, g.Created = old.Number, old.Created
	default:
		g.Number, g.Created = b.alloc(), time.Now().UTC().Truncate(time.Millisecond)
	}
	b.objects[d.key] = g
}

// source finds the group or view that an enrichment names, as use does.
func (b *builder) source(k *checker, at path, key objectKey) (x enrichSource, ok bool) {
	if key.kind == KindGroup {
		x.group, ok = b.use(k, append(at, "group"), key)
		return x, ok
	}
	if b.failed[key] {
		return x, false
	}
	x.view, _ = b.objects[key].(*View)
	switch {
	case x.view == nil && !b.partial:
		k.at(append(at, "view"), "feature view %s/%s version %d does not exist", key.store, key.name, key.version)
	case x.view != nil && x.view.Broken != "":
		k.at(append(at, "view"), "feature view %s/%s version %d is broken: %s", key.store, key.name, key.version, strings.TrimSuffix(x.view.Broken, "."))
		x.view = nil
	}
	return x, true
}

// services builds the services among the drafts, and anew those that stay but whose
// generations came or went; and it reports generations of services that do not exist.
func (b *builder) services(drafts []*draft) {
	for _, d := range drafts {
		if spec, ok := d.spec.(*serviceSpec); ok {
			b.service(d, spec, b.restore != nil)
		}
	}
	for _, s := range b.base.services {
		if key := s.key(); !b.named[key] && b.objects[key] != nil {
			b.service(&draft{key: key, spec: s.spec, text: s.text}, s.spec, true)
		}
	}
	for _, d := range drafts {
		spec, ok := d.spec.(*generationSpec)
		if !ok || b.restore != nil || b.partial {
			continue
		}
		key := objectKey{kind: KindService, name: spec.Service, version: 1}
		if b.objects[key] == nil && !b.failed[key] {
			k := &checker{draft: d, out: b.out}
			k.at(path{"service"}, "service %s does not exist; define it as well: {kind: Service, name: %s}", quote(spec.Service), spec.Service)
		}
	}
}

func (b *builder) service(d *draft, spec *serviceSpec, lenient bool) {
	k := &checker{draft: d, out: b.out, lenient: lenient}
	unknown := false
	s := spec.check(k, func(name string) bool {
		key := generationKey(spec.Name, name)
		unknown = unknown || b.failed[key] || b.partial && b.objects[key] == nil
		return b.objects[key] != nil || b.failed[key] || b.partial
	})
	old, _ := b.base.objects[d.key].(*Service)
	if unknown || k.faults > 0 && !lenient || !b.accept(k, old != nil && old.Broken == "", "service") {
		b.failed[d.key] = true
		return
	}
	s.Broken, s.body, s.text = sentence(k.fault), marshal(spec), d.text
	if old != nil && old.Broken == s.Broken && string(old.body) == string(s.body) {
		s = old
	}
	b.objects[d.key] = s
}

// dropGenerations takes a service's generations out of what is kept.
func dropGenerations(keep map[objectKey]object, service string) {
	for key := range keep {
		if key.kind == KindGeneration && strings.HasPrefix(key.name, service+"/") {
			delete(keep, key)
		}
	}
}
