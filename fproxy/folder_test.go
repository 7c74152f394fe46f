package fproxy

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightjar/internal/content"
)

func TestFolders(t *testing.T) {
	n := newNetwork()
	uri := "/" + n.putFolder(t, map[string]entry{
		"index.html":          {"<h1>Home</h1>", ""},
		"style.css":           {"h1{}", ""},
		"photos/nest egg.jpg": {"jpeg", "image/jpeg"},
		"photos/2024/a.jpg":   {"jpegs", "image/jpeg"},
	}).Encode()
	origin := serve(t, n, nil)
	for _, c := range []struct {
		name, path string
		status     int
		location   string
		texts      []string
	}{
		{"a folder without its slash", uri, 303, uri + "/", nil},
		{"a folder inside without its slash", uri + "/photos", 303, uri + "/photos/", nil},
		{"a query stays", uri + "/photos?list", 303, uri + "/photos/?list", nil},
		{"a file with a slash", uri + "/style.css/", 303, uri + "/style.css", nil},
		{"the index page", uri + "/", 200, "", []string{"<h1>Home</h1>"}},
		{"the list of a folder with an index page", uri + "/?list", 200, "",
			[]string{"4 files", `href="./photos/"`, `href="./style.css"`, `href="./index.html"`, `<a href="./">open its page</a>`}},
		{"the list of a folder without one", uri + "/photos/", 200, "",
			[]string{"2 files, 9 B", `href="./nest%20egg.jpg"`, `href="./2024/"`, `href="../?list"`, "nest egg.jpg", "image/jpeg"}},
		{"deeper", uri + "/photos/2024/", 200, "", []string{"1 file, 5 B", `href="../?list"`, `href="../../?list"`}},
		{"a file", uri + "/photos/nest%20egg.jpg", 200, "", []string{"jpeg"}},
		{"a file that is not there", uri + "/photos/nest.jpg", 404, "",
			[]string{"No such file in the folder", `href="` + uri + `/?list"`, "List the files of the folder"}},
		{"a folder that is not there", uri + "/music/", 404, "", []string{"No such file in the folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, "GET", origin+c.path)
			a.want(t, c.status, c.texts...)
			a.wantHeader(t, "Location", c.location)
		})
	}
}

// A name in a folder can be anything that the format allows; on the page it is text and a link into the folder.
func TestHostileNamesInAList(t *testing.T) {
	files := []content.FileInfo{
		{Path: `<script>alert(1)</script>.html`, Size: 1},
		{Path: `" onclick="x`, Size: 1},
		{Path: "javascript:alert(1)", Size: 1},
		{Path: "%2e%2e", Size: 1},
		{Path: "a?b#c", Size: 1, MIME: "text/html;<b>"},
		{Path: "photo\u202Egpj.exe", Size: 1},
		{Path: "\u200b", Size: 1},
		{Path: "//evil.example/x", Size: 1},
		{Path: "empty/", Size: 1},
	}
	got := rows(files)
	for _, r := range got {
		if !strings.HasPrefix(r.Href, "./") {
			t.Errorf("link %q leaves the folder", r.Href)
		}
		u, err := url.Parse("http://127.0.0.1:8888/CHK@x/")
		if err != nil {
			t.Fatal(err)
		}
		to, err := u.Parse(r.Href)
		if err != nil || to.Host != u.Host || !strings.HasPrefix(to.Path, u.Path) || to.RawQuery != "" || to.Fragment != "" {
			t.Errorf("link %q leads to %v, %v", r.Href, to, err)
		}
		if strings.ContainsAny(r.Name, "\u202E\u200b") {
			t.Errorf("name %q keeps what reverses or hides text", r.Name)
		}
	}
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, "page", view{Title: "t", Folder: &folderView{Crumbs: []crumb{{Name: "t"}}, Rows: got}})
	if err != nil {
		t.Fatal(err)
	}
	if page := b.String(); strings.Contains(page, "<script") || strings.Contains(page, `" onclick=`) || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("a name escaped from its place:\n%s", page)
	}
}

func TestRowsAreSortedFoldersFirst(t *testing.T) {
	got := rows([]content.FileInfo{
		{Path: "b.txt", Size: 2, MIME: "text/plain; charset=utf-8"}, {Path: "z/1", Size: 3}, {Path: "a.txt", Size: 1}, {Path: "z/y/2", Size: 4}, {Path: "c/1", Size: 5},
	})
	want := []row{
		{Name: "c", Href: "./c/", Folder: true, Files: 1, bytes: 5},
		{Name: "z", Href: "./z/", Folder: true, Files: 2, bytes: 7},
		{Name: "a.txt", Href: "./a.txt", bytes: 1},
		{Name: "b.txt", Href: "./b.txt", Type: "text/plain", bytes: 2},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
}

// F7: a folder made to be enormous costs the browser little.
func TestLongListsAreCut(t *testing.T) {
	files := map[string]entry{}
	for i := range maxRows + 7 {
		files[fmt.Sprintf("%05d", i)] = entry{"", "text/plain"}
	}
	n := newNetwork()
	a := ask(t, "GET", serve(t, n, nil)+"/"+n.putFolder(t, files).Encode()+"/")
	a.want(t, 200, "7 more entries are not shown", "5007 files")
	if got := len(regexp.MustCompile(`<tr><td>`).FindAllString(a.body, -1)); got != maxRows {
		t.Errorf("%d rows", got)
	}
}

func TestSizesAreReadable(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1<<64 - 1: "16.0 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}
