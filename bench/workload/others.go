package workload

import (
	"fmt"
	"strings"
)

// Every so many-th of the other views is a join of so many groups.
const (
	joinEvery = 10
	joinOf    = 4
)

// Others returns definitions, as YAML, of n views that nobody asks for, and of a group
// for each. One of ten is a join of four of the groups.
func Others(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\nkind: FeatureGroup\nstore: %s\nname: other_%d\nkey: [%s]\nfeatures:\n  - {name: %s, type: bigint}\n", Store, i, Key, Key)
		for f := range 5 {
			fmt.Fprintf(&b, "  - {name: o%d_%d, type: %s}\n", i, f, kindOf(f).definition())
		}
	}
	for i := range n {
		groups := 1
		if i%joinEvery == 0 {
			groups = min(joinOf, n)
		}
		fmt.Fprintf(&b, "---\nkind: FeatureView\nstore: %s\nname: other_view_%d\nfrom:\n", Store, i)
		for g := range groups {
			fmt.Fprintf(&b, "  - {group: other_%d}\n", (i+g)%n)
		}
	}
	return []byte(b.String())
}
