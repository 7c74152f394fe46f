package keys

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxURI is the largest length in bytes of text that ParseURI reads.
	MaxURI = 16384
	// MaxDoc is the largest length in bytes of a document name, a site name or a KSK's word.
	MaxDoc = 255
	// MaxComponent is the largest length in bytes of one component of a path.
	MaxComponent = 255
	// MaxPath is the largest length in bytes of a path.
	MaxPath = 4096

	maxEdition = 20 // characters of the longest int64
)

// ParseURI reads a URI in any accepted spelling (SPEC §2.3). Errors wrap ErrBadURI or are ErrHyphanetKey.
func ParseURI(s string) (URI, error) {
	if len(s) > MaxURI {
		return URI{}, badURI("it is too long")
	}
	s = dropQuery(strings.Trim(s, " \t\r\n"))
	if !strings.Contains(s, "@") {
		// A browser or a form may have escaped the URI as a whole.
		var err error
		if s, err = unescape(s); err != nil {
			return URI{}, err
		}
		s = dropQuery(s)
	}
	kind, rest, ok := strings.Cut(stripPrefixes(s), "@")
	if !ok {
		return URI{}, badURI("it has no @")
	}
	u := URI{}
	if u.Type = parseType(kind); u.Type == 0 {
		return URI{}, badURI("its type is not CHK, SSK, USK or KSK")
	}
	parts, err := splitParts(rest, u.Type == KSK)
	if err != nil {
		return URI{}, err
	}
	if u.Type != KSK {
		if err := u.parseFields(parts[0]); err != nil {
			return URI{}, err
		}
		parts = parts[1:]
	}
	if err := u.parseNames(parts); err != nil {
		return URI{}, err
	}
	if err := u.Check(); err != nil {
		return URI{}, err
	}
	return u, nil
}

// dropQuery cuts what a browser adds for itself.
func dropQuery(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return s[:i]
	}
	return s
}

// stripPrefixes removes, in this order and each at most once: an http or https origin, slashes, a scheme, slashes.
func stripPrefixes(s string) string {
	for _, p := range []string{"http://", "https://"} {
		if host, ok := cutPrefixFold(s, p); ok {
			if i := strings.IndexByte(host, '/'); i > 0 {
				s = host[i:]
			}
			break
		}
	}
	s = strings.TrimLeft(s, "/")
	if scheme, rest, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		s = strings.TrimLeft(rest, "/")
	}
	return s
}

func isScheme(s string) bool {
	s = strings.ToLower(s)
	switch s {
	case "freenet", "hyphanet", "hypha", "nightjar":
		return true
	}
	for _, p := range []string{"web+", "ext+"} {
		if name, ok := strings.CutPrefix(s, p); ok {
			return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
		}
	}
	return false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func parseType(s string) Type {
	for t := CHK; t <= KSK; t++ {
		if strings.EqualFold(s, t.String()) {
			return t
		}
	}
	return 0
}

// splitParts cuts at slashes, drops one trailing slash and decodes each part. The fields are only decoded, not checked;
// a KSK has none, and then a name must come first.
func splitParts(s string, keyword bool) ([]string, error) {
	s = strings.TrimSuffix(s, "/")
	parts := strings.Split(s, "/")
	for i, p := range parts {
		p, err := unescape(p)
		if err != nil {
			return nil, err
		}
		if i > 0 || keyword {
			if err := checkComponent(p, MaxComponent); err != nil {
				return nil, err
			}
		}
		parts[i] = p
	}
	return parts, nil
}

// parseNames reads what follows the fields: document name, edition, path.
func (u *URI) parseNames(parts []string) error {
	if u.Type != CHK && len(parts) > 0 {
		u.Doc, parts = parts[0], parts[1:]
	}
	if u.Type == USK {
		if len(parts) == 0 {
			return badURI("a USK needs a site name and an edition")
		}
		e, err := parseEdition(parts[0])
		if err != nil {
			return err
		}
		u.Edition, parts = e, parts[1:]
	}
	u.Path = strings.Join(parts, "/")
	return nil
}

// parseEdition reads the one decimal spelling of an int64.
func parseEdition(s string) (int64, error) {
	if len(s) > maxEdition {
		return 0, badURI("its edition is too long")
	}
	e, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(e, 10) != s {
		return 0, badURI("its edition is no plain number")
	}
	return e, nil
}

// parseFields reads routing, key and extra.
func (u *URI) parseFields(s string) error {
	if u.Type == CHK {
		// Freenet allows a file suffix here, so that clients which look at suffixes see one.
		s, _, _ = strings.Cut(s, ".")
	}
	f := strings.Split(s, ",")
	if len(f) != 3 {
		return badURI("it needs three fields between @ and /")
	}
	var e extra
	if err := decodeField(e[:], f[2]); err != nil {
		return err
	}
	if isHyphanet(u.Type, e) {
		return hyphanetError(f, e)
	}
	switch {
	case u.Type == CHK && e == extraCHK, u.Type != CHK && e == extraRequest:
	case u.Type == CHK && e == extraVerify:
		u.Verify = true
	case u.Type != CHK && e == extraInsert:
		u.Insert = true
	default:
		return badURI("its third field names an algorithm that this version does not know")
	}
	if err := decodeField(u.Routing[:], f[0]); err != nil {
		return err
	}
	return decodeField(u.Read[:], f[1])
}

// decodeField reads exactly len(dst) bytes.
func decodeField(dst []byte, s string) error {
	if len(s) != base64URI.EncodedLen(len(dst)) {
		return badURI(fmt.Sprintf("one of its fields has %d characters instead of %d", len(s), base64URI.EncodedLen(len(dst))))
	}
	// The decoder skips line breaks, and then finds too few bytes.
	if n, err := base64URI.Decode(dst, []byte(s)); err != nil || n != len(dst) {
		return badURI("one of its fields is not base64")
	}
	return nil
}

// isHyphanet recognises the algorithm numbers of fred (freenet.keys.ClientCHK, ClientSSK, Key: 1 to 3 for CHK, 2 for SSK).
func isHyphanet(t Type, e extra) bool {
	if t == CHK {
		return e[0] == 0 && e[1] >= 1 && e[1] <= 3 && (e[2] == 0 || e[2] == 2)
	}
	return e[0] == 1 && e[1] <= 1 && e[2] == 2 && e[3] == 0 && e[4] == 1
}

// hyphanetError is ErrHyphanetKey if the other two fields fit as well. An insert key holds a DSA exponent, written
// without leading zeros and with a zero byte before a set top bit: up to 33 bytes.
func hyphanetError(f []string, e extra) error {
	routing := []byte(f[0])
	if n := len(routing); n == 0 || n > base64URI.EncodedLen(33) || strings.ContainsAny(f[0], "\r\n") {
		return badURI("its first field has the wrong length")
	}
	n, err := base64URI.Decode(make([]byte, 33), routing)
	private := e[0] == 1 && e[1] == 1
	if err != nil || n != 32 && !private {
		return badURI("its first field is not base64 of the right length")
	}
	if err := decodeField(make([]byte, 32), f[1]); err != nil {
		return err
	}
	return ErrHyphanetKey
}

// unescape decodes %XX.
func unescape(s string) (string, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for j := 0; j < len(s); j++ {
		if s[j] != '%' {
			b = append(b, s[j])
			continue
		}
		if j+2 >= len(s) || unhex(s[j+1]) < 0 || unhex(s[j+2]) < 0 {
			return "", badURI("it has a % that no two hexadecimal digits follow; write %25 for a percent sign")
		}
		b = append(b, byte(unhex(s[j+1])<<4|unhex(s[j+2])))
		j += 2
	}
	return string(b), nil
}

// unhex is the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// appendEscaped writes s with %XX for every byte that a shell, a URL or a line of text may take for something else.
func appendEscaped(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isPlain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
}

func isPlain(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("-._~,:@=/", c) >= 0
}

func checkPath(p string) error {
	if p == "" {
		return nil
	}
	if len(p) > MaxPath {
		return badURI("its path is too long")
	}
	for c := range strings.SplitSeq(p, "/") {
		if err := checkComponent(c, MaxComponent); err != nil {
			return err
		}
	}
	return nil
}

// checkDocName bounds a document name as DocName spells it.
func checkDocName(doc string) error { return checkComponent(doc, MaxDoc+1+maxEdition) }

func checkComponent(c string, limit int) error {
	switch {
	case c == "":
		return badURI("it has an empty name")
	case c == "." || c == "..":
		return badURI("it has . or .. for a name")
	case len(c) > limit:
		return badURI("it has a name that is too long")
	case !utf8.ValidString(c):
		return badURI("it has a name that is not UTF-8")
	case strings.ContainsFunc(c, isForbidden):
		return badURI("it has a slash or a control character in a name")
	}
	return nil
}

// isForbidden reports slashes, the control characters of ASCII and ISO 8859-1, and Unicode's line separators.
func isForbidden(r rune) bool {
	return r == '/' || r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}
