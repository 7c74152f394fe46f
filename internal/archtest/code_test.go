package archtest

import (
	"go/ast"
	"path"
)

// initRule is half of rule 7: nothing runs before main says so.
func initRule(t *tree) (found []string) {
	t.each(func(_ *pkg, f *file) {
		for _, d := range f.syn.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, t.at(f, fn)+": init function")
			}
		}
	})
	return found
}

// empty are names that say nothing of what is inside.
var empty = []string{
	"util", "utils", "common", "helper", "helpers", "type", "types", "base", "misc", "shared", "lib", "core",
}

// nameRule is the other half of rule 7.
func nameRule(t *tree) (found []string) {
	for _, p := range t.pkgs {
		name := p.files[0].syn.Name.Name
		if contains(empty, name) || contains(empty, path.Base(p.dir)) {
			found = append(found, p.dir+": the name of the package says nothing")
		}
	}
	return found
}

// sleepRule is rule 10: a test waits for what it waits for, not for a while.
func sleepRule(t *tree) (found []string) {
	t.each(func(_ *pkg, f *file) {
		if !f.isTest() || localName(f, "testing/synctest") != "" {
			return
		}
		uses(f, "time", func(sel *ast.SelectorExpr) {
			if sel.Sel.Name == "Sleep" {
				found = append(found, t.at(f, sel)+": a test sleeps outside a synctest bubble")
			}
		})
	})
	return found
}

var codeExamples = []example{
	{"init", "a method or a variable is none", map[string]string{
		"keys/a.go": "package keys\ntype t struct{}\nfunc (t) init() {}\nfunc initial() {}",
	}, nil},
	{"init", "init", map[string]string{
		"keys/a.go": "package keys\nfunc init() {}",
	}, []string{"keys/a.go:2: init function"}},
	{"names", "names that say something", map[string]string{
		"keys/a.go": "package keys", "routing/wire/a.go": "package wire",
	}, nil},
	{"names", "names that say nothing", map[string]string{
		"internal/util/a.go":   "package strutil",
		"internal/shared/a.go": "package shared",
	}, []string{
		"internal/shared: the name of the package says nothing",
		"internal/util: the name of the package says nothing",
	}},
	{"sleep", "in a bubble", map[string]string{
		"keys/a_test.go": `package keys; import ("time"; "testing/synctest"); func f() { synctest.Test(nil, nil); time.Sleep(1) }`,
		"keys/b.go":      `package keys; import "time"; func g() { time.Sleep(1) }`,
	}, nil},
	{"sleep", "outside", map[string]string{
		"keys/a_test.go": `package keys; import "time"; func f() { time.Sleep(1) }`,
	}, []string{"keys/a_test.go:1: a test sleeps outside a synctest bubble"}},
}
