package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"quiver/engine/fail"
)

// PrepareRemove takes one definition away; version 0 means the newest. A group that
// views still use is refused unless force: those views then stay, marked broken.
func (c *Catalog) PrepareRemove(kind, store, name string, version int, force bool) (next *Snapshot, diff Diff, err error) {
	base := c.Current()
	key, err := base.resolve(kind, store, name, version)
	if err != nil {
		return nil, Diff{}, err
	}
	if key.kind == KindBranch {
		return c.prepareDelete(base, key)
	}
	if users := base.users(key); len(users) > 0 && !force {
		more := ""
		if n := len(users) - 10; n > 0 {
			users, more = users[:10], fmt.Sprintf(" and %d more", n)
		}
		return nil, Diff{}, fail.Errorf(fail.Conflict, "%s is used by %s%s. Remove these first, or force the removal: they then answer that %s does not exist.",
			key, strings.Join(users, ", "), more, nounOf(key.kind))
	}
	var out collector
	b := c.builder(base, &out)
	b.mayBreak = true
	keep := maps.Clone(base.objects)
	delete(keep, key)
	if key.kind == KindService {
		dropGenerations(keep, key.name)
	}
	b.build(keep, nil)
	if err := out.err(); err != nil {
		return nil, Diff{}, err
	}
	next, diff = b.finish("remove")
	return next, diff, nil
}

// resolve finds one object from what a person typed.
func (s *Snapshot) resolve(kind, store, name string, version int) (objectKey, error) {
	i := slices.IndexFunc(kindNames, func(k string) bool { return strings.EqualFold(k, kind) })
	if i < 0 {
		return objectKey{}, fail.Errorf(fail.NotFound, "There is no kind %s%s", quote(kind), suggest(kind, kindNames))
	}
	found := objectKey{kind: kindNames[i], store: foldStore(store), name: name}
	switch found.kind {
	case KindService, KindConnection:
		found.store = ""
	case KindGeneration:
		found.store, found.name = "", store+"/"+name
	}
	var versions []int
	for key := range s.objects {
		if key.kind == found.kind && key.store == found.store && key.name == found.name {
			versions = append(versions, key.version)
		}
	}
	slices.Sort(versions)
	switch {
	case len(versions) == 0:
		return objectKey{}, fail.Errorf(fail.NotFound, "There is no %s %s.", found.kind, strings.TrimPrefix(store+"/"+name, "/"))
	case version == 0:
		version = versions[len(versions)-1]
	case !slices.Contains(versions, version):
		return objectKey{}, fail.Errorf(fail.NotFound, "There is no %s %s/%s@%d; its versions are %v.", found.kind, store, name, version, versions)
	}
	found.version = version
	return found, nil
}

// nounOf is what messages call an object of a kind that others use.
func nounOf(kind string) string {
	switch kind {
	case KindFeatureset:
		return "the featureset"
	case KindGeneration:
		return "the generation"
	case KindConnection:
		return "the connection"
	}
	return "the feature group"
}

// users names what joins, feeds or looks up a group, takes features of a featureset
// whose last version this is, maps a generation or asks a connection.
func (s *Snapshot) users(key objectKey) []string {
	var users []string
	if key.kind == KindFeatureset {
		if x := s.stores[key.store]; len(x.featuresets[key.name]) > 1 {
			return nil
		}
		for _, f := range s.featuresets {
			if f.StoreKey == key.store && f.Name != key.name && f.spec.takesFrom(key.name) {
				users = append(users, f.key().String())
			}
		}
		return users
	}
	if key.kind == KindConnection {
		for _, g := range s.generations {
			if g.spec.asks(key.name) {
				users = append(users, g.key().String())
			}
		}
		return users
	}
	if key.kind == KindGeneration {
		for _, v := range s.services {
			if slices.ContainsFunc(v.Mapping, func(m Share) bool { return generationKey(v.Name, m.Generation) == key }) {
				users = append(users, v.key().String())
			}
		}
		return users
	}
	for _, v := range s.views {
		for i := range v.spec.From {
			if v.spec.groupKey(i) == key {
				users = append(users, v.key().String())
				break
			}
		}
	}
	for _, w := range s.webhooks {
		if w.spec.feeds(key) {
			users = append(users, w.key().String())
		}
	}
	for _, f := range s.featuresets {
		if f.spec.looksUp(key) {
			users = append(users, f.key().String())
		}
	}
	for _, g := range s.generations {
		if g.spec.reads(key) {
			users = append(users, g.key().String())
		}
	}
	return users
}
