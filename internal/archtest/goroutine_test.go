package archtest

import (
	"go/ast"
	"strings"
)

// shells are the folders that may start goroutines.
var shells = []string{
	"internal/node", "internal/link/...", "store/badgerstore", "testnet", "fproxy", "internal/fcp", "internal/api",
	"internal/jobs", "internal/content", "cmd/...",
}

// startsGoroutine reports whether n starts a goroutine: by a go statement, or by the Go method of a sync.WaitGroup
// or an errgroup. AfterFunc is not counted: what it starts is short, and whoever holds its stop function ends it.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

// goroutineRule is rule 3. Tests are free: their goroutines end with them.
func goroutineRule(shells []string) func(*tree) []string {
	return func(t *tree) (found []string) {
		t.each(func(p *pkg, f *file) {
			if forTests(p, f) {
				return
			}
			commented := commentedLines(t, f)
			ast.Inspect(f.syn, func(n ast.Node) bool {
				switch {
				case !startsGoroutine(n):
				case !withinAny(p.dir, shells):
					found = append(found, t.at(f, n)+": starts a goroutine outside the shells")
				case !commented[t.line(n.Pos())] && !commented[t.line(n.Pos())-1]:
					found = append(found, t.at(f, n)+": no comment on this line or the one above names what ends this goroutine")
				}
				return true
			})
		})
		return found
	}
}

// commentedLines are the lines on which a comment for people ends.
func commentedLines(t *tree, f *file) map[int]bool {
	lines := map[int]bool{}
	for _, g := range f.syn.Comments {
		for _, c := range g.List {
			directive := strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//lint:")
			if !directive && len(strings.Trim(c.Text, "/* \t")) > 0 {
				lines[t.line(c.End()-1)] = true
			}
		}
	}
	return lines
}

var goroutineExamples = []example{
	{"goroutines", "a comment above or beside", map[string]string{
		"internal/node/a.go": `package node
import ("context"; "sync"; "time")
func f(ctx context.Context, wg *sync.WaitGroup) {
	// ends with ctx
	go f(ctx, wg)
	go f(ctx, wg) // ends with ctx
	wg.Go(func() {}) // ends at once
	time.AfterFunc(1, nil)
}`,
	}, nil},
	{"goroutines", "no comment", map[string]string{
		"cmd/nightjar/a.go": `package main
import ("context"; "golang.org/x/sync/errgroup")
func f(ctx context.Context, g *errgroup.Group) {
	// far away

	go f(ctx, g)
	//go:noinline
	go f(ctx, g)
	g.Go(func() error { return nil })
}`,
	}, []string{
		"cmd/nightjar/a.go:6: no comment on this line or the one above names what ends this goroutine",
		"cmd/nightjar/a.go:8: no comment on this line or the one above names what ends this goroutine",
		"cmd/nightjar/a.go:9: no comment on this line or the one above names what ends this goroutine",
	}},
	{"goroutines", "outside the shells", map[string]string{
		"routing/a.go":        "package routing\nfunc f() {\n// ends at once\ngo f()\n}",
		"testnet/sim/a.go":    "package sim\nfunc f() {\n// ends at once\ngo f()\n}",
		"store/memstore/a.go": "package memstore\nfunc f() {\n// ends at once\ngo f()\n}",
	}, []string{
		"routing/a.go:4: starts a goroutine outside the shells",
		"store/memstore/a.go:4: starts a goroutine outside the shells",
		"testnet/sim/a.go:4: starts a goroutine outside the shells",
	}},
	{"goroutines", "tests are free", map[string]string{
		"routing/a_test.go":    "package routing\nfunc f() { go f() }",
		"store/storetest/a.go": "package storetest\nfunc f() { go f() }",
	}, nil},
}
