package archtest

import (
	"go/ast"
	"strings"
)

// impure are the imports that let a package act on the world or learn from it. "net/..." is not listed as a
// family: net/netip and net/url only parse.
var impure = []string{
	"os/...", "net", "net/http/...", "net/mail", "net/rpc/...", "net/smtp", "net/textproto", "log", "log/syslog", "context",
	"crypto/rand", "crypto/tls", "syscall", "plugin", "io/ioutil", "embed", "expvar", "runtime/...",
}

// clock are the functions of package time that read the clock or wait for it. The values and the arithmetic are fine.
var clock = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
}

// logValues are the names of log/slog by which a secret says how it is to be printed; every other one can log.
var logValues = []string{"Value", "LogValuer", "StringValue"}

// ownRandomness are the names of math/rand and math/rand/v2 that do not touch the global generator.
var ownRandomness = []string{
	"New", "NewPCG", "NewChaCha8", "NewZipf", "NewSource", "Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf",
}

// purityRule is rule 2. It looks at the code alone: a test may do what it likes around a pure package.
func purityRule(table []place) func(*tree) []string {
	return func(t *tree) (found []string) {
		for _, p := range t.pkgs {
			own, _ := placeOf(table, p.dir)
			if !own.pure {
				continue
			}
			for _, f := range p.files {
				if !f.isTest() {
					found = append(found, impurities(t, table, f)...)
				}
			}
		}
		return found
	}
}

func impurities(t *tree, table []place, f *file) (found []string) {
	report := func(n ast.Node, what string) { found = append(found, t.at(f, n)+": pure package "+what) }
	for _, s := range f.syn.Imports {
		imp := importPath(s)
		if s.Name != nil && s.Name.Name == "." {
			report(s, "has a dot import, which hides what it calls")
		}
		if withinAny(imp, impure) {
			report(s, "imports "+imp)
		}
		if dir, ok := ours(imp); ok {
			if target, _ := placeOf(table, dir); !target.pure {
				report(s, "imports "+dir+", which is not pure")
			}
		}
	}
	uses(f, "time", func(sel *ast.SelectorExpr) {
		if contains(clock, sel.Sel.Name) {
			report(sel, "uses time."+sel.Sel.Name)
		}
	})
	uses(f, "log/slog", func(sel *ast.SelectorExpr) {
		if !contains(logValues, sel.Sel.Name) {
			report(sel, "uses slog."+sel.Sel.Name)
		}
	})
	for _, rnd := range []string{"math/rand", "math/rand/v2"} {
		uses(f, rnd, func(sel *ast.SelectorExpr) {
			if !contains(ownRandomness, sel.Sel.Name) {
				report(sel, "uses the global randomness rand."+sel.Sel.Name)
			}
		})
	}
	ast.Inspect(f.syn, func(n ast.Node) bool {
		if startsGoroutine(n) {
			report(n, "starts a goroutine")
		}
		return true
	})
	return found
}

func contains(list []string, s string) bool {
	return strings.Contains(" "+strings.Join(list, " ")+" ", " "+s+" ")
}

var purityExamples = []example{
	{"purity", "values of time and own randomness are fine", map[string]string{
		"routing/a.go": `package routing
import ("time"; "math/rand/v2"; "net/netip"; "net/url"; "nightjar/keys"; "nightjar/store")
func f(now time.Time) *rand.Rand { return rand.New(rand.NewPCG(uint64(now.Add(time.Second).Unix()), 1)) }`,
	}, nil},
	{"purity", "imports", map[string]string{
		"crypto/a.go": "package crypto\nimport (\n\"os\"\n\"net\"\n\"net/http\"\n\"log\"\n\"context\"\n\"crypto/rand\"\n. \"sort\"\n)",
	}, []string{
		"crypto/a.go:3: pure package imports os",
		"crypto/a.go:4: pure package imports net",
		"crypto/a.go:5: pure package imports net/http",
		"crypto/a.go:6: pure package imports log",
		"crypto/a.go:7: pure package imports context",
		"crypto/a.go:8: pure package imports crypto/rand",
		"crypto/a.go:9: pure package has a dot import, which hides what it calls",
	}},
	{"purity", "imports of ours", map[string]string{
		"routing/a.go": `package routing; import "nightjar/internal/content"`,
	}, []string{"routing/a.go:1: pure package imports internal/content, which is not pure"}},
	{"purity", "the clock under any name", map[string]string{
		"testnet/sim/a.go": "package sim\nimport clk \"time\"\nvar a = clk.Now\nfunc f() { clk.Sleep(1); <-clk.After(1) }",
	}, []string{
		"testnet/sim/a.go:3: pure package uses time.Now",
		"testnet/sim/a.go:4: pure package uses time.Sleep",
		"testnet/sim/a.go:4: pure package uses time.After",
	}},
	{"purity", "global randomness", map[string]string{
		"keys/a.go": "package keys\nimport \"math/rand/v2\"\nvar a = rand.IntN(3)",
		"keys/b.go": "package keys\nimport \"math/rand\"\nfunc f() { rand.Shuffle(1, nil) }",
	}, []string{
		"keys/a.go:3: pure package uses the global randomness rand.IntN",
		"keys/b.go:3: pure package uses the global randomness rand.Shuffle",
	}},
	{"purity", "a secret may redact itself in logs", map[string]string{
		"crypto/a.go": "package crypto\nimport \"log/slog\"\ntype k int\nfunc (k) LogValue() slog.Value { return slog.StringValue(\"redacted\") }",
	}, nil},
	{"purity", "but may not log", map[string]string{
		"crypto/a.go": "package crypto\nimport \"log/slog\"\nfunc f(l *slog.Logger) { slog.Info(\"here\") }",
	}, []string{
		"crypto/a.go:3: pure package uses slog.Logger",
		"crypto/a.go:3: pure package uses slog.Info",
	}},
	{"purity", "goroutines", map[string]string{
		"routing/wire/a.go": "package wire\nimport \"sync\"\nfunc f(wg *sync.WaitGroup) {\n// ends at once\ngo f(wg)\nwg.Go(func() {})\n}",
	}, []string{
		"routing/wire/a.go:5: pure package starts a goroutine",
		"routing/wire/a.go:6: pure package starts a goroutine",
	}},
	{"purity", "a variable called time is no clock", map[string]string{
		"keys/a.go": "package keys\nimport \"time\"\ntype clock struct{ Now int }\nfunc f(time clock) int { return time.Now }\nvar d time.Duration",
	}, nil},
	{"purity", "tests and shells are free", map[string]string{
		"keys/a_test.go":     `package keys; import ("os"; "time"); var a, b = os.Args, time.Now()`,
		"internal/node/a.go": `package node; import ("os"; "time"); var a, b = os.Args, time.Now()`,
	}, nil},
}
