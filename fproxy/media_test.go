package fproxy

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"nightjar/internal/content"
)

// F2
func TestOnlyListedTypesAreShown(t *testing.T) {
	for _, c := range []struct {
		declared, want string
		inline         bool
	}{
		{"text/html", "text/html", true},
		{"text/html; charset=windows-1251", "text/html; charset=windows-1251", true},
		{"TEXT/HTML; Charset=UTF-8", "text/html; charset=utf-8", true},
		{"text/html; charset=utf-7", "text/html", true},
		{"text/html; charset=iso-2022-jp", "text/html", true},
		{"text/plain", "text/plain; charset=utf-8", true},
		{"text/plain; charset=koi8-r; format=flowed", "text/plain; charset=koi8-r", true},
		{"text/css", "text/css; charset=utf-8", true},
		{"image/png", "image/png", true},
		{"image/png; charset=utf-8", "image/png", true},
		{"image/svg+xml", "image/svg+xml", true},
		{"video/webm", "video/webm", true},
		{"audio/mpeg", "audio/mpeg", true},
		{"font/woff2", "font/woff2", true},

		{"text/markdown", "text/plain; charset=utf-8", true},
		{"text/javascript", "text/plain; charset=utf-8", true},
		{"application/javascript", "text/plain", true},
		{"application/json", "text/plain", true},
		{"text/xml", "text/plain; charset=utf-8", true},
		{"application/xhtml+xml", "text/plain", true},
		{"application/vnd.mozilla.xul+xml", "text/plain", true},
		{"text/xsl", "text/plain; charset=utf-8", true},
		{"multipart/x-mixed-replace", "multipart/x-mixed-replace", false},

		{"application/pdf", "application/pdf", false},
		{"application/zip", "application/zip", false},
		{"application/x-shockwave-flash", "application/x-shockwave-flash", false},
		{"application/octet-stream", octets, false},
		{"image/tiff", "image/tiff", false},
		{"message/rfc822", "message/rfc822", false},
		{"", octets, false},
		{"html", octets, false},
		{"text/html text/css", octets, false},
		{"text/html\r\nX-Evil: 1", octets, false},
		{"text /html", octets, false},
		{strings.Repeat("a", 1000), octets, false},
	} {
		got, inline := present(c.declared)
		want := c.want
		if want == "text/plain" {
			want += "; charset=utf-8"
		}
		if got != want || inline != c.inline {
			t.Errorf("present(%q) = %q, %v; want %q, %v", c.declared, got, inline, want, c.inline)
		}
	}
}

func TestNamesOfDownloadsAreSafe(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":                      "report.pdf",
		"naïve résumé 日本.pdf":             "naïve résumé 日本.pdf",
		"../../etc/passwd":                "passwd",
		`..\..\windows\system.ini`:        "system.ini",
		".bashrc":                         "bashrc",
		"...":                             "download",
		"":                                "download",
		"/":                               "download",
		"a\r\nX-Evil: 1":                  "a__X-Evil_ 1",
		`a"; filename="b.exe`:             "a__ filename=_b.exe",
		"photo\u202Egpj.exe":              "photo_gpj.exe",
		"a\u0000b\x7f":                    "a_b_",
		"CON":                             "download",
		"nul.txt":                         "download",
		"com1.log":                        "download",
		"comet.log":                       "comet.log",
		"$(rm -rf ~).sh":                  "_(rm -rf ~).sh",
		"trailing. . ":                    "trailing",
		"\xff\xfe.bin":                    "__.bin",
		strings.Repeat("日", 100) + ".pdf": strings.Repeat("日", 38) + ".pdf",
	} {
		got := safeName(name)
		if got != want {
			t.Errorf("safeName(%q) = %q, want %q", name, got, want)
		}
		if len(got) > maxName || !utf8.ValidString(got) {
			t.Errorf("safeName(%q) has %d bytes, valid: %v", name, len(got), utf8.ValidString(got))
		}
		d := attachment(name)
		kind, params, err := mime.ParseMediaType(d)
		if err != nil || kind != "attachment" || params["filename"] != got {
			t.Errorf("attachment(%q) = %q, read back as %q %q, %v", name, d, kind, params, err)
		}
		if strings.ContainsAny(d, "\r\n") {
			t.Errorf("attachment(%q) breaks the line", name)
		}
	}
}

// F1: whatever the type, the policy comes with it.
func TestContentIsServedWithItsPolicy(t *testing.T) {
	n := newNetwork()
	uri := "/" + n.putFolder(t, map[string]entry{
		"page.html":   {"<script>alert(1)</script>", "text/html"},
		"picture.svg": {"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"},
		"code.js":     {"alert(1)", "text/javascript"},
		"page.xhtml":  {"<html xmlns='http://www.w3.org/1999/xhtml'/>", "application/xhtml+xml"},
		"paper.pdf":   {"%PDF-1.4", "application/pdf"},
	}).Encode()
	origin := serve(t, n, nil)
	for name, want := range map[string][2]string{
		"page.html":   {"text/html", ""},
		"picture.svg": {"image/svg+xml", ""},
		"code.js":     {"text/plain; charset=utf-8", ""},
		"page.xhtml":  {"text/plain; charset=utf-8", ""},
		"paper.pdf":   {"application/pdf", "attachment; filename=paper.pdf"},
	} {
		a := ask(t, "GET", origin+uri+"/"+name)
		a.want(t, 200)
		a.wantHeader(t, "Content-Type", want[0], "Content-Disposition", want[1],
			"Content-Security-Policy", contentPolicy,
			"Connection-Allowlist", noConnections,
			"X-Content-Type-Options", "nosniff",
			"Referrer-Policy", "no-referrer",
			"Cross-Origin-Resource-Policy", "same-origin",
			"Cross-Origin-Opener-Policy", "",
			"Permissions-Policy", noFeatures,
			"X-DNS-Prefetch-Control", "off",
			"X-Frame-Options", "DENY",
			"Cache-Control", "no-store",
			"Set-Cookie", "", "Server", "", "Last-Modified", "")
	}
}

func TestPolicyAllowsNoScriptAndNoForeignOrigin(t *testing.T) {
	directives := map[string]string{}
	for d := range strings.SplitSeq(contentPolicy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
		if _, twice := directives[name]; twice {
			t.Errorf("%s stands twice: browsers ignore the second", name)
		}
		directives[name] = value
	}
	for _, name := range []string{"default-src", "script-src", "object-src", "frame-src", "connect-src", "base-uri", "form-action", "frame-ancestors"} {
		if directives[name] != "'none'" {
			t.Errorf("%s is %q", name, directives[name])
		}
	}
	sandbox, ok := directives["sandbox"]
	if !ok {
		t.Error("no sandbox, without which a page can send the browser elsewhere by itself")
	}
	for _, flag := range []string{"allow-scripts", "allow-forms", "allow-top-navigation", "allow-modals"} {
		if strings.Contains(sandbox, flag) {
			t.Errorf("sandbox has %s", flag)
		}
	}
	delete(directives, "sandbox")
	for name, value := range directives {
		for source := range strings.FieldsSeq(value) {
			inlineStyle := name == "style-src" && source == "'unsafe-inline'"
			if source != "'none'" && source != "'self'" && source != "data:" && !inlineStyle {
				t.Errorf("%s allows %s", name, source)
			}
		}
	}
}

func TestSingleFilesAreSavedUnderTheirName(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, []byte("zip"), content.PutOptions{Name: "photos of 2024.zip", MIME: "application/zip"})
	a := ask(t, "GET", serve(t, n, nil)+"/"+uri.Encode())
	a.want(t, 200, "zip")
	a.wantHeader(t, "Content-Type", "application/zip", "Content-Disposition", `attachment; filename="photos of 2024.zip"`)
}
