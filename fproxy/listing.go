package fproxy

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"nightjar/internal/content"
	"nightjar/keys"
)

// listQuery asks for the list of a folder that has an index page.
const listQuery = "list"

// maxRows bounds the rows of a list, so that a folder made to be enormous costs the browser little.
const maxRows = 5000

type folderView struct {
	Crumbs []crumb
	Rows   []row
	Files  int
	Size   string
	Hidden int    // rows that are not shown
	Index  bool   // the folder has an index page
	Follow string // where a page waits for newer editions, "" = there are none
}

// crumb is a folder on the way here; Href is "" for the folder itself.
type crumb struct{ Name, Href string }

type row struct {
	Name, Href string
	Folder     bool
	Type       string
	Files      int // in a folder
	bytes      uint64
}

// Size is the size of a file, or of all files in a folder.
func (r row) Size() string { return size(r.bytes) }

// listing shows the list of a folder's files.
func (p *Proxy) listing(w http.ResponseWriter, r *http.Request, o *content.Object) {
	files := o.Files()
	v := folderView{Crumbs: crumbs(o), Rows: rows(files), Files: len(files)}
	var total uint64
	for _, f := range files {
		total += f.Size
		v.Index = v.Index || f.Path == indexName
	}
	v.Size = size(total)
	if o.URI().Type == keys.USK && !p.follow.off() {
		v.Follow = followOf(o.URI())
	}
	if n := len(v.Rows); n > maxRows {
		v.Rows, v.Hidden = v.Rows[:maxRows], n-maxRows
	}
	p.show(w, r, http.StatusOK, view{Title: v.Crumbs[len(v.Crumbs)-1].Name, Folder: &v})
}

// rows are the folders and files directly in a folder, folders first, each kind by name.
func rows(files []content.FileInfo) []row {
	folders := map[string]row{}
	var out []row
	for _, f := range files {
		name, rest, deeper := strings.Cut(f.Path, "/")
		if !deeper {
			t, _, _ := strings.Cut(f.MIME, ";")
			out = append(out, row{Name: label(name), Href: href(name), Type: label(t), bytes: f.Size})
			continue
		}
		if rest == "" {
			continue
		}
		d := folders[name]
		d.Name, d.Href, d.Folder = label(name), href(name)+"/", true
		d.Files++
		d.bytes += f.Size
		folders[name] = d
	}
	byName := func(a, b row) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Href, b.Href)) }
	slices.SortFunc(out, byName)
	return append(slices.SortedFunc(maps.Values(folders), byName), out...)
}

// href leads to a name in this folder. It begins with "./" so that no name can be taken for a scheme or a host.
func href(name string) string { return "./" + url.PathEscape(name) }

// crumbs are the folders from the root to this one. Their links keep to lists.
func crumbs(o *content.Object) []crumb {
	uri := o.URI()
	root := uri.Doc
	if root == "" {
		root = "Folder"
	}
	names := []string{root}
	if at := o.Info().Path; at != "" {
		names = append(names, strings.Split(path.Clean(at), "/")...)
	}
	out := make([]crumb, len(names))
	for i, n := range names {
		out[i].Name = label(n)
		if up := len(names) - 1 - i; up > 0 {
			out[i].Href = strings.Repeat("../", up) + "?" + listQuery
		}
	}
	return out
}
