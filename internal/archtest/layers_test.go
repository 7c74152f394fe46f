package archtest

import (
	"fmt"
	"strings"
)

// place is where a package stands: DESIGN §2 as a table.
type place struct {
	dir   string // a folder; "x/..." also stands for every folder below it
	layer int
	pure  bool
	also  []string // folders of the same layer that it may import
}

// places is the map of the project. A package that is not here has no place, and fails.
var places = []place{
	{dir: "internal/archtest", layer: 0},
	{dir: "crypto", layer: 0, pure: true},
	{dir: "crypto/erasure", layer: 0, pure: true},

	{dir: "keys", layer: 1, pure: true},
	{dir: "crypto/onion", layer: 1, pure: true},
	{dir: "store/badgerfiles", layer: 1}, // reads files of Badger for whoever keeps a database

	// The contract alone is pure, so that the machines can name its classes; what keeps blocks is not.
	{dir: "store", layer: 2, pure: true},
	{dir: "store/...", layer: 2},
	{dir: "routing/wire", layer: 2, pure: true},
	{dir: "internal/content", layer: 2},

	{dir: "routing", layer: 3, pure: true},
	{dir: "routing/relays", layer: 3, pure: true},
	{dir: "routing/repair", layer: 3, pure: true},
	{dir: "routing/circuit", layer: 3, pure: true, also: []string{"routing/relays", "routing/circuit/guard"}}, // it drives both
	{dir: "routing/circuit/guard", layer: 3, pure: true, also: []string{"routing/relays"}},                    // it chooses from the view
	{dir: "internal/link/...", layer: 3},
	{dir: "internal/sites", layer: 3},

	{dir: "internal/node", layer: 4},
	{dir: "testnet/sim", layer: 4, pure: true},
	{dir: "testnet/sim/anonymity", layer: 4, pure: true, also: []string{"testnet/sim"}},

	{dir: "fproxy", layer: 5, also: []string{"fproxy/filter"}},
	{dir: "fproxy/filter", layer: 5},
	{dir: "internal/fcp", layer: 5},
	{dir: "internal/jobs", layer: 5, also: []string{"internal/api/foldertar"}},           // which knows how to read a folder and which names are safe
	{dir: "internal/api", layer: 5, also: []string{"internal/jobs", "internal/api/..."}}, // the API is how jobs are given and watched
	{dir: "internal/api/...", layer: 5},
	{dir: "testnet", layer: 5},

	{dir: "cmd/nightjar", layer: 6, also: []string{"cmd/nightjar/..."}},
	{dir: "cmd/...", layer: 6},
}

// placeOf finds the place of a folder: the entry that names it, else the longest family that holds it.
func placeOf(table []place, dir string) (place, bool) {
	var best place
	for _, p := range table {
		if p.dir == dir {
			return p, true
		}
		if within(dir, p.dir) && len(p.dir) > len(best.dir) {
			best = p
		}
	}
	return best, best.dir != ""
}

// layerRule is rule 1: imports go down.
func layerRule(table []place) func(*tree) []string {
	return func(t *tree) (found []string) {
		for _, p := range t.pkgs {
			own, ok := placeOf(table, p.dir)
			if !ok {
				found = append(found, p.dir+": package has no place in the table of layers")
				continue
			}
			for _, f := range p.files {
				for _, spec := range f.syn.Imports {
					if why := badImport(table, own, p.dir, f.isTest(), importPath(spec)); why != "" {
						found = append(found, t.at(f, spec)+": "+why)
					}
				}
			}
		}
		return found
	}
}

// badImport says why a package may not import another, or "".
func badImport(table []place, own place, dir string, test bool, imp string) string {
	to, ok := ours(imp)
	if !ok {
		if imp == module {
			return "imports the module's root, which is no package"
		}
		return ""
	}
	target, ok := placeOf(table, to)
	switch {
	case !ok:
		return fmt.Sprintf("imports %s, which has no place in the table of layers", to)
	case target.layer < own.layer:
		return ""
	case target.layer > own.layer:
		return fmt.Sprintf("%s (layer %d) imports %s (layer %d)", dir, own.layer, to, target.layer)
	case test, strings.HasPrefix(dir, to+"/"), withinAny(to, own.also):
		return ""
	}
	return fmt.Sprintf("%s imports %s of its own layer %d", dir, to, own.layer)
}

var layerExamples = []example{
	{"layers", "down is fine", map[string]string{
		"routing/a.go": `package routing; import "nightjar/keys"`,
		"keys/a.go":    `package keys; import "nightjar/crypto"`,
	}, nil},
	{"layers", "up", map[string]string{
		"routing/a.go": "package routing\nimport \"nightjar/internal/node\"",
	}, []string{"routing/a.go:2: routing (layer 3) imports internal/node (layer 4)"}},
	{"layers", "up from a test", map[string]string{
		"keys/a_test.go": `package keys_test; import "nightjar/routing"`,
	}, []string{"keys/a_test.go:1: keys (layer 1) imports routing (layer 3)"}},
	{"layers", "sideways", map[string]string{
		"fproxy/a.go": `package fproxy; import "nightjar/internal/fcp"`,
	}, []string{"fproxy/a.go:1: fproxy imports internal/fcp of its own layer 5"}},
	{"layers", "sideways where the table allows it", map[string]string{
		"internal/api/a.go": `package api; import "nightjar/internal/jobs"`,
	}, nil},
	{"layers", "sideways from a test", map[string]string{
		"internal/content/a_test.go": `package content; import "nightjar/store/memstore"`,
	}, nil},
	{"layers", "an implementation imports its contract", map[string]string{
		"store/memstore/a.go": `package memstore; import "nightjar/store"`,
	}, nil},
	{"layers", "a contract imports its implementation", map[string]string{
		"store/a.go": `package store; import "nightjar/store/memstore"`,
	}, []string{"store/a.go:1: store imports store/memstore of its own layer 2"}},
	{"layers", "a package without a place", map[string]string{
		"extra/a.go": `package extra`,
		"keys/a.go":  `package keys; import "nightjar/extra"`,
	}, []string{
		"extra: package has no place in the table of layers",
		"keys/a.go:1: imports extra, which has no place in the table of layers",
	}},
	{"layers", "the root", map[string]string{
		"keys/a.go": `package keys; import "nightjar"`,
	}, []string{"keys/a.go:1: imports the module's root, which is no package"}},
}
