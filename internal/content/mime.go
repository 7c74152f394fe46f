package content

import (
	"mime"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// sniffLength is how many bytes the type of a file may be judged by.
const sniffLength = 4096

// typesByExtension does not come from the machine, where it would differ between inserters and betray them.
// The types are those of the IANA registry, or what browsers expect.
var typesByExtension = map[string]string{
	".7z": "application/x-7z-compressed", ".aac": "audio/aac", ".apk": "application/vnd.android.package-archive",
	".atom": "application/atom+xml", ".avi": "video/x-msvideo", ".avif": "image/avif", ".bmp": "image/bmp",
	".bz2": "application/x-bzip2", ".c": "text/plain", ".css": "text/css", ".csv": "text/csv", ".deb": "application/vnd.debian.binary-package",
	".djvu": "image/vnd.djvu", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".epub": "application/epub+zip", ".flac": "audio/flac", ".gif": "image/gif", ".go": "text/plain", ".gz": "application/gzip",
	".h": "text/plain", ".htm": "text/html", ".html": "text/html", ".ico": "image/vnd.microsoft.icon", ".ics": "text/calendar",
	".iso": "application/vnd.efi.iso", ".jar": "application/java-archive", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript", ".json": "application/json", ".jxl": "image/jxl", ".log": "text/plain", ".m3u": "audio/mpegurl",
	".m4a": "audio/mp4", ".md": "text/markdown", ".mjs": "text/javascript", ".mkv": "video/matroska", ".mov": "video/quicktime",
	".mp3": "audio/mpeg", ".mp4": "video/mp4", ".mpg": "video/mpeg", ".odp": "application/vnd.oasis.opendocument.presentation",
	".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odt": "application/vnd.oasis.opendocument.text", ".oga": "audio/ogg",
	".ogg": "audio/ogg", ".ogv": "video/ogg", ".opus": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf", ".png": "image/png",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".ps": "application/postscript",
	".py": "text/plain", ".rar": "application/vnd.rar", ".rss": "application/rss+xml", ".rtf": "application/rtf",
	".sh": "text/plain", ".sql": "application/sql", ".svg": "image/svg+xml", ".tar": "application/x-tar",
	".tif": "image/tiff", ".tiff": "image/tiff", ".torrent": "application/x-bittorrent", ".tsv": "text/tab-separated-values",
	".ttf": "font/ttf", ".txt": "text/plain", ".wasm": "application/wasm", ".wav": "audio/wav", ".weba": "audio/webm",
	".webm": "video/webm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff",
	".woff2": "font/woff2", ".xhtml": "application/xhtml+xml", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml": "application/xml", ".xz": "application/x-xz", ".yaml": "application/yaml", ".yml": "application/yaml",
	".zip": "application/zip", ".zst": "application/zstd",
}

// typeOf finds the MIME type of a file from its name and, failing that, from its first bytes. A text that is UTF-8 as
// far as head goes says so, because browsers assume something else.
func typeOf(name string, head []byte) string {
	head = head[:min(len(head), sniffLength)]
	t, ok := typesByExtension[strings.ToLower(path.Ext(name))]
	if !ok {
		t = mimetype.Detect(head).String()
	}
	if !validMIME(t) {
		return "application/octet-stream"
	}
	if strings.HasPrefix(t, "text/") && !strings.Contains(t, ";") && isUTF8(head) {
		t += "; charset=utf-8"
	}
	return t
}

// isUTF8 accepts text whose last character may be cut.
func isUTF8(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n <= 1 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head)
		}
		head = head[n:]
	}
	return true
}

// worthTrying is false for types whose bytes are compressed already, so that trying zstd on them only costs time.
func worthTrying(t string) bool {
	media, _, err := mime.ParseMediaType(t)
	if err != nil {
		return true
	}
	kind, sub, _ := strings.Cut(media, "/")
	switch kind {
	case "video":
		return false
	case "audio":
		return sub == "wav" || sub == "x-wav" || sub == "aiff"
	case "image":
		switch sub {
		case "jpeg", "png", "gif", "webp", "avif", "jxl", "heic", "heif":
			return false
		}
	case "font":
		return sub != "woff" && sub != "woff2"
	case "application":
		switch sub {
		case "zip", "gzip", "zstd", "x-xz", "x-bzip2", "x-7z-compressed", "vnd.rar", "x-rar-compressed", "java-archive",
			"epub+zip", "vnd.android.package-archive", "vnd.debian.binary-package":
			return false
		}
		return !strings.HasPrefix(sub, "vnd.openxmlformats-") && !strings.HasPrefix(sub, "vnd.oasis.opendocument.")
	}
	return true
}
