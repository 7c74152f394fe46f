package archtest

import (
	"path"
	"strings"
)

// docRule is rule 4: doc.go says what the package is.
func docRule(t *tree) (found []string) {
	for _, p := range t.pkgs {
		documented := false
		for _, f := range p.files {
			if f.syn.Doc == nil {
				continue
			}
			if path.Base(f.path) != "doc.go" {
				found = append(found, t.at(f, f.syn.Doc)+": the package comment belongs in doc.go alone")
				continue
			}
			documented = true
			want := "Package " + f.syn.Name.Name + " "
			if f.syn.Name.Name == "main" {
				want = "Command " + path.Base(p.dir) + " "
			}
			if !strings.HasPrefix(f.syn.Doc.Text(), want) {
				found = append(found, t.at(f, f.syn.Doc)+": the package comment does not begin with \""+want+"\"")
			}
		}
		if !documented {
			found = append(found, p.dir+": no doc.go with a package comment")
		}
	}
	return found
}

var docExamples = []example{
	{"docs", "documented", map[string]string{
		"keys/doc.go":         "// Package keys names things.\npackage keys",
		"keys/a.go":           "package keys",
		"cmd/nightjar/doc.go": "// Command nightjar runs.\npackage main",
	}, nil},
	{"docs", "nowhere", map[string]string{
		"keys/a.go":      "package keys",
		"routing/doc.go": "package routing",
	}, []string{
		"keys: no doc.go with a package comment",
		"routing: no doc.go with a package comment",
	}},
	{"docs", "in the wrong file", map[string]string{
		"keys/a.go":   "// Package keys names things.\npackage keys",
		"keys/doc.go": "// Package keys names things.\npackage keys",
	}, []string{"keys/a.go:1: the package comment belongs in doc.go alone"}},
	{"docs", "about something else", map[string]string{
		"keys/doc.go":         "// Package key names things.\npackage keys",
		"cmd/nightjar/doc.go": "// Package main runs.\npackage main",
	}, []string{
		`cmd/nightjar/doc.go:1: the package comment does not begin with "Command nightjar "`,
		`keys/doc.go:1: the package comment does not begin with "Package keys "`,
	}},
}
