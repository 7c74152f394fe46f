package archtest

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// rule is one thing that holds over the whole tree. check returns what breaks it, as "path:line: what".
type rule struct {
	name  string
	check func(*tree) []string
}

// rules are the rules of the project, with its own tables and exemptions.
func rules() []rule {
	return []rule{
		{"layers", layerRule(places)},
		{"purity", purityRule(places)},
		{"goroutines", goroutineRule(shells)},
		{"docs", docRule},
		{"third parties", thirdPartyRule(owners)},
		{"restore", restoreRule},
		{"init", initRule},
		{"names", nameRule},
		{"budgets", budgetRule(exemptions)},
		{"machine paths", machinePathRule},
		{"unfinished", unfinishedRule},
		{"sleep", sleepRule},
	}
}

func TestTree(t *testing.T) {
	root, err := os.OpenRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := root.Stat("go.mod"); err != nil {
		t.Fatalf("not at the module's root: %v", err)
	}
	tr, err := load(root.FS())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(tr) {
				t.Error(f)
			}
		})
	}
}

// example is a small tree, and what one rule finds in it.
type example struct {
	rule  string
	name  string
	files map[string]string
	want  []string
}

// TestEveryRuleCanFail runs each rule on trees that keep it and trees that break it.
func TestEveryRuleCanFail(t *testing.T) {
	fired := map[string]bool{}
	byName := map[string]rule{}
	for _, r := range rules() {
		byName[r.name] = r
	}
	// Exemptions are for paths of the real tree; the examples bring their own.
	byName["budgets"] = rule{"budgets", budgetRule(exampleExemptions)}
	for _, e := range slices.Concat(layerExamples, purityExamples, goroutineExamples, docExamples, importExamples,
		codeExamples, budgetExamples, textExamples) {
		t.Run(e.rule+"/"+e.name, func(t *testing.T) {
			r, ok := byName[e.rule]
			if !ok {
				t.Fatalf("no rule %q", e.rule)
			}
			fsys := fstest.MapFS{}
			for name, src := range e.files {
				fsys[name] = &fstest.MapFile{Data: []byte(src)}
			}
			tr, err := load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			got := r.check(tr)
			if diff := cmp.Diff(e.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			fired[e.rule] = fired[e.rule] || len(got) > 0
		})
	}
	for name := range byName {
		if !fired[name] {
			t.Errorf("no example shows that rule %q can fail", name)
		}
	}
}

func TestSourceThatDoesNotParseIsAnError(t *testing.T) {
	if _, err := load(fstest.MapFS{"keys/a.go": {Data: []byte("package")}}); err == nil {
		t.Error("load accepted a broken file")
	}
}
