package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// The budgets. A table of cases in a test is data and is read as such, so that a test's function may be longer.
var (
	fileLimit  = limit{400, 600}
	funcLimit  = limit{60, 100}
	testLimit  = limit{100, 100}
	paramLimit = limit{5, 0}
	fieldLimit = limit{15, 0}
)

// exemptions maps "path" (a long file), or "path:name" (a long function, a function with many parameters, a
// large struct) to the reason.
var exemptions = map[string]string{}

// budget collects what is over, and which exemptions were needed.
type budget struct {
	t      *tree
	exempt map[string]string
	used   map[string]bool
	found  []string
}

// budgetRule is rule 8.
func budgetRule(exempt map[string]string) func(*tree) []string {
	return func(t *tree) []string {
		b := &budget{t: t, exempt: exempt, used: map[string]bool{}}
		t.each(func(_ *pkg, f *file) { b.file(f) })
		for _, key := range slices.Sorted(maps.Keys(exempt)) {
			if !b.used[key] && exempts(t, key) {
				b.found = append(b.found, key+": the exemption is no longer needed")
			}
		}
		return b.found
	}
}

// exempts reports whether the file of an exemption is in the tree: the examples hold only some.
func exempts(t *tree, key string) bool {
	name, _, _ := strings.Cut(key, ":")
	return slices.ContainsFunc(t.texts, func(x text) bool { return x.path == name })
}

// limit is a soft limit, above which an exemption is needed, and a hard one; hard = 0 means that there is none.
type limit struct{ soft, hard int }

// over reports got if it is above the soft limit, unless an exemption covers it and it is within the hard one.
func (b *budget) over(where, key, what string, got int, max limit) {
	switch {
	case got <= max.soft:
	case max.hard > 0 && got > max.hard:
		b.found = append(b.found, fmt.Sprintf("%s: %s: %d, and no exemption allows more than %d", where, what, got, max.hard))
	case b.exempt[key] != "":
		b.used[key] = true
	default:
		b.found = append(b.found, fmt.Sprintf("%s: %s: %d, more than %d", where, what, got, max.soft))
	}
}

func (b *budget) file(f *file) {
	b.over(f.path, f.path, "lines in the file", f.lines, fileLimit)
	name := ""
	ast.Inspect(f.syn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			name = n.Name.Name
			b.function(f, n)
		case *ast.TypeSpec:
			name = n.Name.Name
		case *ast.StructType:
			b.over(b.t.at(f, n), f.path+":"+name, "fields in a struct of "+name, count(n.Fields), fieldLimit)
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				if fn, ok := m.Type.(*ast.FuncType); ok {
					b.params(f, m, m.Names[0].Name, fn)
				}
			}
		}
		return true
	})
}

func (b *budget) function(f *file, fn *ast.FuncDecl) {
	max := funcLimit
	if f.isTest() {
		max = testLimit
	}
	lines := b.t.line(fn.End()) - b.t.line(fn.Pos()) + 1
	b.over(b.t.at(f, fn), f.path+":"+fn.Name.Name, "lines in "+fn.Name.Name, lines, max)
	b.params(f, fn, fn.Name.Name, fn.Type)
}

func (b *budget) params(f *file, at ast.Node, name string, fn *ast.FuncType) {
	n := count(fn.Params)
	if ctx := localName(f, "context"); ctx != "" && n > 0 {
		if sel, ok := fn.Params.List[0].Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" {
			n--
		}
	}
	b.over(b.t.at(f, at), f.path+":"+name, "parameters of "+name, n, paramLimit)
}

// count is the number of names in a list of fields; an unnamed one counts as one.
func count(l *ast.FieldList) (n int) {
	for _, f := range l.List {
		n += max(1, len(f.Names))
	}
	return n
}

var exampleExemptions = map[string]string{
	"keys/long.go":     "it holds one table",
	"keys/huge.go":     "no reason is good enough",
	"keys/fn.go:table": "it holds one table",
	"keys/st.go:big":   "it mirrors the wire",
	"keys/stale.go":    "it was long once",
}

func lines(n int) string { return strings.Repeat("\n", n) }

var budgetExamples = []example{
	{"budgets", "within", map[string]string{
		"keys/a.go": "package keys" + lines(400),
		"keys/b.go": "package keys\nimport \"context\"\nfunc f(ctx context.Context, a, b, c, d, e int) {" + lines(59) + "}",
		"keys/c.go": "package keys\ntype t struct{ a, b, c, d, e, f, g, h, i, j, k, l, m, n, o int }",
	}, nil},
	{"budgets", "exempted", map[string]string{
		"keys/long.go": "package keys" + lines(600),
		"keys/fn.go":   "package keys\nfunc table() {" + lines(99) + "}",
		"keys/st.go":   "package keys\ntype big struct{ a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p int }",
	}, nil},
	{"budgets", "files", map[string]string{
		"keys/a.go":      "package keys" + lines(401),
		"keys/a_test.go": "package keys" + lines(401),
		"keys/huge.go":   "package keys" + lines(601),
	}, []string{
		"keys/a.go: lines in the file: 401, more than 400",
		"keys/a_test.go: lines in the file: 401, more than 400",
		"keys/huge.go: lines in the file: 601, and no exemption allows more than 600",
		"keys/huge.go: the exemption is no longer needed",
	}},
	{"budgets", "functions", map[string]string{
		"keys/a.go":      "package keys\nfunc f() {" + lines(60) + "}",
		"keys/a_test.go": "package keys\nfunc f() {" + lines(99) + "}\nfunc g() {" + lines(100) + "}",
	}, []string{
		"keys/a.go:2: lines in f: 61, more than 60",
		"keys/a_test.go:102: lines in g: 101, and no exemption allows more than 100",
	}},
	{"budgets", "parameters", map[string]string{
		"keys/a.go": "package keys\nfunc f(a, b, c, d, e, f int) {}\ntype i interface {\n\tm(int, int, int, int, int, int)\n}",
	}, []string{
		"keys/a.go:2: parameters of f: 6, more than 5",
		"keys/a.go:4: parameters of m: 6, more than 5",
	}},
	{"budgets", "structs", map[string]string{
		"keys/a.go": "package keys\ntype t struct{ a, b, c, d, e, f, g, h, i, j, k, l, m, n, o int; p }",
	}, []string{"keys/a.go:2: fields in a struct of t: 16, more than 15"}},
	{"budgets", "stale", map[string]string{
		"keys/stale.go": "package keys",
	}, []string{"keys/stale.go: the exemption is no longer needed"}},
}
