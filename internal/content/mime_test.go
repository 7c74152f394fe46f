package content

import (
	"strings"
	"testing"
)

func TestTypesComeFromTheNameAndThenFromTheBytes(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	for _, c := range []struct{ name, head, want string }{
		{"a.html", "<p>", "text/html; charset=utf-8"},
		{"a.HTML", "\xff\xfe", "text/html"},
		{"dir.css/a", "", "text/plain; charset=utf-8"},
		{"a.png", "not really", "image/png"},
		{"a", png, "image/png"},
		{"", png, "image/png"},
		{"a.unknown", "%PDF-1.7\n", "application/pdf"},
		{"readme", "plain words", "text/plain; charset=utf-8"},
		{"blob", "\x00\x01\x02\x03", "application/octet-stream"},
		{"a.json", "{}", "application/json"},
		{"a.js", "let é", "text/javascript; charset=utf-8"},
		{"a.txt", strings.Repeat("x", sniffLength-1) + "é", "text/plain; charset=utf-8"},
		{"a.txt", "gr\xfc\xdfe", "text/plain"},
		{"a.txt", "cut \xe2\x82", "text/plain; charset=utf-8"},
	} {
		if got := typeOf(c.name, []byte(c.head)); got != c.want {
			t.Errorf("typeOf(%q, %.20q) = %q, want %q", c.name, c.head, got, c.want)
		}
	}
	for ext, typ := range typesByExtension {
		if !validMIME(typ) || ext != strings.ToLower(ext) {
			t.Errorf("%s: %q", ext, typ)
		}
	}
}

func TestMIMESyntax(t *testing.T) {
	long := "text/" + strings.Repeat("x", maxMIME-5)
	for typ, want := range map[string]bool{
		"text/html": true, "text/html; charset=utf-8": true, "application/vnd.a+b": true, `text/x; a="b c"`: true, long: true,
		"": false, "text": false, "text/": false, "/html": false, "text/html\r\nX: y": false, "text/hö": false, "text/html;": true,
		"text/html; charset": false, long + "x": false, "a/b/c": false, "text/html\x00": false, "text/ html": false,
	} {
		if got := validMIME(typ); got != want {
			t.Errorf("validMIME(%.40q) = %v, want %v", typ, got, want)
		}
	}
}

func TestPackedTypesAreNotCompressedAgain(t *testing.T) {
	for typ, want := range map[string]bool{
		"text/html; charset=utf-8": true, "image/svg+xml": true, "image/bmp": true, "audio/wav": true, "font/ttf": true,
		"application/pdf": true, "application/octet-stream": true, "nonsense": true,
		"image/jpeg": false, "video/webm": false, "audio/ogg": false, "font/woff2": false, "application/zip": false,
		"application/epub+zip": false, typesByExtension[".docx"]: false, typesByExtension[".odt"]: false,
	} {
		if got := worthTrying(typ); got != want {
			t.Errorf("worthTrying(%q) = %v", typ, got)
		}
	}
}
