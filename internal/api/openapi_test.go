package api

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// section returns the lines of openapi.yaml that are indented below the line that reads head, which stands once.
func section(t *testing.T, text, head string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+text, "\n"+head+"\n")
	if !found || strings.Contains(rest, "\n"+head+"\n") {
		t.Fatalf("%q does not stand exactly once", head)
	}
	indent := len(head) - len(strings.TrimLeft(head, " "))
	var out []string
	for line := range strings.Lines(rest) {
		if strings.TrimSpace(line) != "" && len(line)-len(strings.TrimLeft(line, " ")) <= indent {
			break
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// keysAt lists the keys that stand at an indentation.
func keysAt(text string, indent int) []string {
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^ {`+string(rune('0'+indent))+`}([^\s#-][^:]*):`).FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// Invariant 6.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	paths := section(t, string(openAPI), "paths:")
	described := map[string]bool{}
	for _, path := range keysAt(paths, 2) {
		body := section(t, paths, "  "+path+":")
		for _, method := range keysAt(body, 4) {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/")] = true
			}
		}
		if strings.Contains(path, "{id}") != strings.Contains(body, "#/components/parameters/id") {
			t.Errorf("%s does not declare its parameter", path)
		}
	}
	served := map[string]bool{}
	for _, r := range newServer(t).routes() {
		served[r.method+" "+r.path] = true
		body := section(t, section(t, paths, "  /"+r.path+":"), "    "+strings.ToLower(r.method)+":")
		if open := strings.Contains(body, "security: []"); open != r.open {
			t.Errorf("%s %s: open is %v, described as %v", r.method, r.path, r.open, open)
		}
	}
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

func TestOpenAPIHasEveryErrorCode(t *testing.T) {
	schema := section(t, string(openAPI), "    Error:\n      type: object")
	var described []string
	for _, m := range regexp.MustCompile(`(?m)^            - (\w+)$`).FindAllStringSubmatch(schema, -1) {
		described = append(described, m[1])
	}
	codes := map[string]bool{internalCode: true}
	for _, f := range failures() {
		codes[f.code] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(codes)), described); diff != "" {
		t.Errorf("codes (-used +described):\n%s", diff)
	}
}

func TestOpenAPIHasEveryField(t *testing.T) {
	schemas := section(t, string(openAPI), "  schemas:")
	values := map[string]any{
		"Error": Error{}, "Status": Status{}, "PeerCount": PeerCount{}, "Store": Store{}, "Peer": Peer{}, "Peers": Peers{},
		"Priority": Priority{}, "Removed": Removed{}, "Health": Health{}, "Segment": Segment{}, "URI": URI{},
		"Passphrase": Passphrase{}, "Passphrases": Passphrases{}, "Quota": Quota{},
		"SiteName": SiteName{}, "Site": Site{}, "Sites": Sites{}, "SealedSite": SealedSite{},
		"Ref": Ref{}, "Added": Added{}, "JobRequest": JobRequest{}, "Job": Job{}, "Progress": Progress{}, "Jobs": Jobs{}, "Onion": Onion{}, "Traffic": Traffic{},
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(values)), slices.Sorted(slices.Values(keysAt(schemas, 4)))); diff != "" {
		t.Errorf("schemas (-used +described):\n%s", diff)
	}
	for name, v := range values {
		var fields []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if f.Anonymous {
				continue // its fields stand in the outer object
			}
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, field)
		}
		properties := section(t, section(t, schemas, "    "+name+":"), "      properties:")
		slices.Sort(fields)
		described := keysAt(properties, 8)
		slices.Sort(described)
		if diff := cmp.Diff(fields, described); diff != "" {
			t.Errorf("%s (-used +described):\n%s", name, diff)
		}
	}
}

func TestOpenAPIReferencesExist(t *testing.T) {
	text := string(openAPI)
	for _, m := range regexp.MustCompile(`#/components/(\w+)/(\w+)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(keysAt(section(t, text, "  "+m[1]+":"), 4), m[2]) {
			t.Errorf("%s does not exist", m[0])
		}
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	w := newRecorder()
	newServer(t).ServeHTTP(w, request("GET", "openapi.yaml", "", nil))
	if w.Code != 200 || w.Body.String() != string(openAPI) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("%d, %s, %d bytes", w.Code, w.Header().Get("Content-Type"), w.Body.Len())
	}
}
