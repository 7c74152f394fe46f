package archtest

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// machinePaths are paths of machines on which the project was written. They are spelled in halves, so that this file passes.
var machinePaths = []string{"/wo" + "rk/", "/tmp/" + "nj"}

// machinePathRule is half of rule 9: what is written here is true on every machine.
func machinePathRule(t *tree) (found []string) {
	for _, x := range t.texts {
		for _, p := range machinePaths {
			if i := bytes.Index(x.data, []byte(p)); i >= 0 {
				found = append(found, fmt.Sprintf("%s:%d: names a path of somebody's machine (%s)", x.path, lineOf(x.data, i), p))
			}
		}
	}
	return found
}

var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)

// unfinishedRule is the other half: code that is here is done. Data that tests read may hold anything.
func unfinishedRule(t *tree) (found []string) {
	for _, x := range t.texts {
		code := path.Ext(x.path) == ".go" && !strings.HasSuffix(x.path, "_test.go") || strings.HasPrefix(x.path, ".ci/")
		if !code || strings.Contains(x.path, "/testdata/") {
			continue
		}
		for _, at := range unfinished.FindAllIndex(x.data, -1) {
			found = append(found, fmt.Sprintf("%s:%d: %s", x.path, lineOf(x.data, at[0]), x.data[at[0]:at[1]]))
		}
	}
	return found
}

func lineOf(data []byte, i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }

var textExamples = []example{
	{"machine paths", "paths that exist anywhere", map[string]string{
		"README.md": "see /etc/hosts and /tmp",
	}, nil},
	{"machine paths", "in any text", map[string]string{
		"README.md":            "\nsee /wo" + "rk/main",
		".ci/run":              "cd /tmp/" + "nj",
		"keys/testdata/a.txt":  "/wo" + "rk/me",
		"keys/testdata/a.bin":  "\x00/wo" + "rk/me",
		".git/config":          "/wo" + "rk/me",
		"keys/a_test.go":       "package keys // /wo" + "rk/x",
		"keys/testdata/odd.go": "not Go at all",
	}, []string{
		".ci/run:1: names a path of somebody's machine (/tmp/" + "nj)",
		"README.md:2: names a path of somebody's machine (/wo" + "rk/)",
		"keys/a_test.go:1: names a path of somebody's machine (/wo" + "rk/)",
		"keys/testdata/a.txt:1: names a path of somebody's machine (/wo" + "rk/)",
	}},
	{"unfinished", "words that only look like it", map[string]string{
		"keys/a.go":           "package keys // MASTO" + "DON",
		"keys/a_test.go":      "package keys // TO" + "DO",
		"keys/testdata/a.txt": "FIX" + "ME",
	}, nil},
	{"unfinished", "promises", map[string]string{
		"keys/a.go": "package keys\n// TO" + "DO: later\nvar a = context.TO" + "DO()",
		".ci/run":   "# FIX" + "ME",
	}, []string{
		".ci/run:1: FIX" + "ME",
		"keys/a.go:2: TO" + "DO",
		"keys/a.go:3: TO" + "DO",
	}},
}
