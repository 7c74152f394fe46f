package archtest

import (
	"fmt"
	"go/ast"
	"strings"
)

// owners maps each third-party module to the folders that may import it; the exported interfaces of an owner do
// not mention it. A module that is not here is not ours to use.
var owners = map[string][]string{
	"github.com/dgraph-io/badger/v4":     {"store/badgerfiles", "store/badgerstore", "store/vault"},
	"github.com/klauspost/reedsolomon":   {"crypto/erasure"},
	"github.com/klauspost/compress":      {"internal/content"},
	"github.com/fxamacker/cbor/v2":       {"internal/content", "internal/jobs"},
	"github.com/gabriel-vasile/mimetype": {"internal/content"},
	"github.com/quic-go/quic-go":         {"internal/link/..."},
	"filippo.io/edwards25519":            {"crypto"},
	"golang.org/x/crypto":                {"crypto", "crypto/onion"},
	"github.com/cloudflare/circl":        {"crypto", "crypto/onion"},
	"github.com/spf13/cobra":             {"cmd/nightjar"},
	"github.com/spf13/pflag":             {"cmd/nightjar"}, // the flags of cobra
	"github.com/vbauerster/mpb/v8":       {"cmd/nightjar"},
	"golang.org/x/term":                  {"cmd/nightjar"},
	"golang.org/x/sys":                   {"store/badgerstore", "store/vault", "cmd/nightjar"},
}

// testModules may be imported by every test, and by the conformance suites and doubles that tests share.
var testModules = []string{
	"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/rogpeppe/go-internal",
}

// thirdPartyRule is rule 5.
func thirdPartyRule(owners map[string][]string) func(*tree) []string {
	return func(t *tree) (found []string) {
		t.each(func(p *pkg, f *file) {
			for _, s := range f.syn.Imports {
				if why := foreign(owners, p.dir, forTests(p, f), importPath(s)); why != "" {
					found = append(found, t.at(f, s)+": "+why)
				}
			}
		})
		return found
	}
}

// foreign says why a folder may not import a third party's package, or "".
func foreign(owners map[string][]string, dir string, test bool, imp string) string {
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return ""
	}
	for _, m := range testModules {
		if within(imp, m+"/...") {
			if test {
				return ""
			}
			return imp + " is for tests"
		}
	}
	for m, dirs := range owners {
		if within(imp, m+"/...") {
			if withinAny(dir, dirs) {
				return ""
			}
			return fmt.Sprintf("%s belongs to %s", m, strings.Join(dirs, " and "))
		}
	}
	return imp + " is of a module that nothing here owns"
}

// restoreRule is rule 6: a block that nobody verified comes only from a store, which authenticated it itself. Tests may
// invent blocks, where sealing thousands of real ones would be what takes the time.
func restoreRule(t *tree) (found []string) {
	t.each(func(p *pkg, f *file) {
		if f.isTest() || p.dir == "keys" || within(p.dir, "store/...") {
			return
		}
		uses(f, module+"/keys", func(sel *ast.SelectorExpr) {
			if sel.Sel.Name == "Restore" {
				found = append(found, t.at(f, sel)+": only stores call keys.Restore; keys.Verify makes a block elsewhere")
			}
		})
	})
	return found
}

var importExamples = []example{
	{"third parties", "owners and tests", map[string]string{
		"store/badgerstore/a.go":    `package badgerstore; import ("fmt"; "nightjar/keys"; "github.com/dgraph-io/badger/v4/options")`,
		"internal/link/quic/a.go":   `package quic; import "github.com/quic-go/quic-go"`,
		"keys/a_test.go":            `package keys; import ("github.com/google/go-cmp/cmp"; "pgregory.net/rapid")`,
		"store/storetest/a.go":      `package storetest; import "github.com/google/go-cmp/cmp"`,
		"cmd/nightjar/main_test.go": `package main; import "github.com/rogpeppe/go-internal/testscript"`,
	}, nil},
	{"third parties", "not the owner", map[string]string{
		"internal/node/a.go":      `package node; import "github.com/dgraph-io/badger/v4"`,
		"internal/node/a_test.go": `package node; import "github.com/quic-go/quic-go"`,
	}, []string{
		"internal/node/a.go:1: github.com/dgraph-io/badger/v4 belongs to store/badgerfiles and store/badgerstore and store/vault",
		"internal/node/a_test.go:1: github.com/quic-go/quic-go belongs to internal/link/...",
	}},
	{"third parties", "unknown", map[string]string{
		"keys/a.go": `package keys; import "example.org/anything"`,
	}, []string{"keys/a.go:1: example.org/anything is of a module that nothing here owns"}},
	{"third parties", "a test library outside tests", map[string]string{
		"keys/a.go": `package keys; import "github.com/google/go-cmp/cmp"`,
	}, []string{"keys/a.go:1: github.com/google/go-cmp/cmp is for tests"}},
	{"restore", "stores and tests", map[string]string{
		"store/badgerstore/a.go": `package badgerstore; import "nightjar/keys"; var b = keys.Restore`,
		"routing/a_test.go":      `package routing; import "nightjar/keys"; var b = keys.Restore`,
	}, nil},
	{"restore", "anybody else", map[string]string{
		"internal/node/a.go": "package node\nimport k \"nightjar/keys\"\nvar b = k.Restore(k.ID{}, nil)",
	}, []string{"internal/node/a.go:3: only stores call keys.Restore; keys.Verify makes a block elsewhere"}},
}
