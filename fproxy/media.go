package fproxy

import (
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown are the media types that a browser may show (F2). The policy of headers.go tames those that could act: HTML and
// SVG. PDF is not here, because readers of PDF are programs of their own, which follow no policy of ours.
const shown = " text/html text/css text/plain " +
	"image/png image/jpeg image/gif image/webp image/avif image/apng image/bmp image/x-icon image/vnd.microsoft.icon image/svg+xml " +
	"audio/aac audio/flac audio/midi audio/mp4 audio/mpeg audio/ogg audio/opus audio/wav audio/webm audio/x-wav " +
	"video/mp4 video/ogg video/webm " +
	"font/otf font/ttf font/woff font/woff2 "

// asText are types that are text for people, and types that a browser would interpret in ways which the policy may not
// cover: they are shown as plain text.
const asText = " application/json application/ld+json application/javascript application/x-javascript application/ecmascript " +
	"application/xml application/xhtml+xml application/rss+xml application/atom+xml application/mathml+xml " +
	"application/xslt+xml application/toml application/yaml application/x-sh application/sql application/manifest+json "

// charsets are the encodings that a page may be declared in. Encodings in which ASCII bytes do not mean ASCII are left out.
const charsets = " utf-8 us-ascii iso-8859-1 iso-8859-2 iso-8859-5 iso-8859-7 iso-8859-15 windows-1250 windows-1251 windows-1252 " +
	"windows-1253 windows-1254 windows-1256 koi8-r koi8-u gb18030 gbk big5 euc-jp shift_jis euc-kr "

const octets = "application/octet-stream"

// present says how a file of a declared type is shown: with which Content-Type, and whether in the browser or as a download.
func present(declared string) (contentType string, inline bool) {
	t, params, err := mime.ParseMediaType(declared)
	if err != nil || !strings.Contains(t, "/") {
		return octets, false
	}
	charset := strings.ToLower(params["charset"])
	if !listed(charsets, charset) {
		charset = ""
	}
	switch {
	case listed(shown, t):
	case strings.HasPrefix(t, "text/"), listed(asText, t):
		t = "text/plain"
	case strings.HasSuffix(t, "+xml"), strings.HasSuffix(t, "+json"):
		t = "text/plain"
	default:
		// Its own type tells the browser which program to offer; a download is not interpreted.
		return t, false
	}
	// An HTML page may declare its encoding itself, and a header would overrule it.
	if charset == "" && strings.HasPrefix(t, "text/") && t != "text/html" {
		charset = "utf-8"
	}
	if charset != "" && strings.HasPrefix(t, "text/") {
		t += "; charset=" + charset
	}
	return t, true
}

func listed(list, s string) bool {
	return s != "" && !strings.Contains(s, " ") && strings.Contains(list, " "+s+" ")
}

// maxName is the longest name in bytes that a download is given.
const maxName = 120

// attachment is a Content-Disposition that saves a file under a name which is safe on every system.
func attachment(name string) string {
	// The plain form is for old browsers; the extended one (RFC 6266) carries the name.
	d := mime.FormatMediaType("attachment", map[string]string{"filename": safeName(name)})
	if d == "" {
		return "attachment"
	}
	return d
}

// safeName turns a name from the network into one that names a file in the folder of downloads, and looks like what it is:
// no path, no device or hidden file, no characters that reverse the text or end it early.
func safeName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || strings.ContainsRune(`<>:"|?*%;'`+"`$&", r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ' {
			return '_'
		}
		return r
	}, name)
	for len(name) > maxName {
		// The end is kept: it says what kind of file it is.
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	name = strings.Trim(name, ". ")
	if name == "" || device(name) {
		return "download"
	}
	return name
}

// device reports the names that Windows gives to devices, with any suffix.
func device(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch stem = strings.TrimRight(stem, " "); {
	case listed(" con prn aux nul ", stem):
		return true
	case len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt"):
		return '0' <= stem[3] && stem[3] <= '9'
	}
	return false
}
