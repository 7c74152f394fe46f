package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// module is the path of our own module: what it prefixes is ours, what has a dot in its first element is a
// third party's, the rest is the standard library.
const module = "nightjar"

// maxText bounds the files whose text is read: what is larger was built, not written.
const maxText = 1 << 20

// file is one Go file.
type file struct {
	path  string // slash-separated, relative to the module's root
	src   []byte
	syn   *ast.File
	lines int
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// forTests reports code that only tests run: tests, and the conformance suites and doubles that several of them share.
func forTests(p *pkg, f *file) bool { return f.isTest() || strings.HasSuffix(p.dir, "test") }

// pkg is one folder with Go files.
type pkg struct {
	dir   string
	files []*file
}

// text is one file that a person wrote, Go or not.
type text struct {
	path string
	data []byte
}

// tree is the source of the module.
type tree struct {
	fset  *token.FileSet
	pkgs  []*pkg
	texts []text
}

// load reads a module's source. It takes every Go file whatever its build constraints: a rule holds on all systems.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	byDir := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(name) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxText {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return t.add(byDir, name, data)
	})
	return t, err
}

// skipped reports folders that hold no source of ours: version control, editors' settings.
func skipped(dir string) bool {
	base := path.Base(dir)
	return dir != "." && strings.HasPrefix(base, ".") && base != ".ci"
}

func (t *tree) add(byDir map[string]*pkg, name string, data []byte) error {
	if bytes.IndexByte(data[:min(len(data), 512)], 0) < 0 {
		t.texts = append(t.texts, text{name, data})
	}
	dir := path.Dir(name)
	if path.Ext(name) != ".go" || strings.Contains("/"+dir+"/", "/testdata/") || strings.HasPrefix(dir, ".ci") {
		return nil
	}
	syn, err := parser.ParseFile(t.fset, name, data, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("parsing %s: %w", name, err)
	}
	if byDir[dir] == nil {
		byDir[dir] = &pkg{dir: dir}
		t.pkgs = append(t.pkgs, byDir[dir])
	}
	byDir[dir].files = append(byDir[dir].files, &file{name, data, syn, bytes.Count(data, []byte("\n"))})
	return nil
}

// at is where n starts, as a finding begins.
func (t *tree) at(f *file, n ast.Node) string {
	return f.path + ":" + strconv.Itoa(t.fset.Position(n.Pos()).Line)
}

// line is the line on which pos lies.
func (t *tree) line(pos token.Pos) int { return t.fset.Position(pos).Line }

// each calls visit for every file of the tree.
func (t *tree) each(visit func(p *pkg, f *file)) {
	for _, p := range t.pkgs {
		for _, f := range p.files {
			visit(p, f)
		}
	}
}

// importPath is the path in an import declaration.
func importPath(s *ast.ImportSpec) string {
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return s.Path.Value
	}
	return p
}

// ours returns the folder of an import of our own module.
func ours(importPath string) (dir string, ok bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// within reports whether dir is pattern, or lies in it when pattern ends in "/...".
func within(dir, pattern string) bool {
	root, family := strings.CutSuffix(pattern, "/...")
	return dir == root || family && strings.HasPrefix(dir, root+"/")
}

func withinAny(dir string, patterns []string) bool {
	for _, p := range patterns {
		if within(dir, p) {
			return true
		}
	}
	return false
}

// localName is the name by which f refers to the package at importPath, "" if it does not import it.
func localName(f *file, importPath_ string) string {
	for _, s := range f.syn.Imports {
		if importPath(s) != importPath_ {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		base := path.Base(importPath_)
		if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
			base = path.Base(path.Dir(importPath_))
		}
		return base
	}
	return ""
}

// uses calls visit for every selector on the package at importPath, such as time.Now.
func uses(f *file, importPath string, visit func(sel *ast.SelectorExpr)) {
	name := localName(f, importPath)
	if name == "" {
		return
	}
	ast.Inspect(f.syn, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && !isLocal(x) {
			visit(sel)
		}
		return true
	})
}

// isLocal reports whether an identifier was declared in the file, and so does not name an imported package.
// The parser's resolution of file scopes is deprecated for programs that need types; this needs none.
func isLocal(x *ast.Ident) bool { return x.Obj != nil }
