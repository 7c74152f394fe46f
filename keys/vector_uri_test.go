package keys

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
)

// uriFixture holds the keys that the URI vectors share.
type uriFixture struct {
	r, k, a string // routing, key and author fields
	chk     URI
	ssk     URI // request URI of a namespace
	insert  URI
}

func newURIFixture() uriFixture {
	f := uriFixture{}
	f.chk = URI{Type: CHK, Routing: counter32("routing"), Read: counter32("read")}
	f.insert = URI{Type: SSK, Routing: counter32("seed"), Read: counter32("read"), Insert: true}
	f.ssk = URI{Type: SSK, Routing: newRefCurve().document(counter32("seed"), counter32("read"), "").public, Read: counter32("read")}
	f.r = base64URI.EncodeToString(f.chk.Routing[:])
	f.k = base64URI.EncodeToString(f.chk.Read[:])
	f.a = base64URI.EncodeToString(f.ssk.Routing[:])
	return f
}

// with returns u with some of its names changed.
func with(u URI, t Type, doc string, edition int64, path string) URI {
	u.Type, u.Doc, u.Edition, u.Path = t, doc, edition, path
	return u
}

func uriVectors() []vector {
	f := newURIFixture()
	return append(append(f.accepted(), f.refused()...), f.keyless()...)
}

func (f uriFixture) accepted() (vs []vector) {
	add := func(name, comment, text string, u URI) {
		vs = append(vs, vector{"uri/" + name, comment, append(
			[]field{{"expect", "accept"}, {"uri", strconv.Quote(text)}}, uriFields(u)...)})
	}
	chk := "CHK@" + f.r + "," + f.k + ",AE4C--8"
	ssk := "SSK@" + f.a + "," + f.k + ",AQBOAAE"
	usk := "USK" + ssk[3:]
	seed := base64URI.EncodeToString(f.insert.Routing[:])
	insert := seed + "," + f.k + ",AQFOAAE"
	ksk := URI{Type: KSK, Doc: "gpl.txt"}
	named := with(f.chk, CHK, "", 0, "a/b.txt")

	add("chk", "a block by itself", chk, f.chk)
	add("chk-name", "a file name", chk+"/photo.jpg", with(f.chk, CHK, "", 0, "photo.jpg"))
	add("chk-path", "a path in a folder", chk+"/a/b.txt", named)
	add("chk-suffix", "a file suffix after the last field is cut", chk+".html", f.chk)
	add("chk-suffix-path", "a file suffix and a path", chk+".tar.gz/a/b.txt", named)
	add("chk-trailing-slash", "one trailing slash is dropped", chk+"/a/b.txt/", named)
	add("chk-escaped", "percent escapes in a path, of either case", chk+"/%61/b%2etxt", named)
	add("chk-unicode", "UTF-8, escaped and bare, is one path", chk+"/caf\u00e9/%E9%9B%AA", with(f.chk, CHK, "", 0, "caf\u00e9/\u96ea"))
	add("chk-reserved", "characters that Encode escapes", chk+"/a b!'()*;&$+|\"%25%3f%23\\", with(f.chk, CHK, "", 0, `a b!'()*;&$+|"%?#\`))
	add("chk-component-longest", "a component of 255 bytes", chk+"/"+repeat(255, "c"), with(f.chk, CHK, "", 0, repeat(255, "c")))
	longest := repeat(16, repeat(254, "p")+"/")
	longest = longest[:len(longest)-1] + "/" + repeat(16, "q")
	add("chk-path-longest", "a path of 4096 bytes", chk+"/"+longest, with(f.chk, CHK, "", 0, longest))
	add("fields-escaped", "escapes in the fields", "CHK@"+strings.ReplaceAll(f.r, "-", "%2d")+"%2C"+f.k+",AE4C%2d-8", f.chk)
	add("whole-escaped", "a URI escaped as a whole", "CHK%40"+f.r+"%2C"+f.k+"%2CAE4C--8%2Fa%2Fb%252Etxt", named)
	add("whole-escaped-query", "an escaped query is dropped too", "CHK%40"+f.r+"%2C"+f.k+"%2CAE4C--8%2Fa%2Fb.txt%3Fx%23y", named)
	verify := f.chk
	verify.Verify = true
	add("verify", "a verify capability", "CHK@"+f.r+","+f.k+",AE4G--8", verify)
	add("verify-suffix", "a file suffix after the last field is cut", "freenet:chk@"+f.r+","+f.k+",AE4G--8.nightjar", verify)
	add("verify-trailing-slash", "one trailing slash is dropped", "CHK@"+f.r+","+f.k+",AE4G--8/", verify)
	add("lower-case-type", "the type in any case", "cHk"+chk[3:], f.chk)
	for _, p := range []string{"freenet:", "hyphanet:", "hypha:", "nightjar:", "web+nightjar:", "ext+freenet:", "FreeNet:", "freenet://"} {
		name := strings.NewReplacer(":", "", "+", "-", "//", "-slashes").Replace(p)
		if p == "FreeNet:" {
			name = "any-case"
		}
		add("prefix-"+name, "an accepted prefix", p+chk+"/a/b.txt", named)
	}
	add("prefix-http", "a proxy's address", "http://127.0.0.1:8888/"+chk+"/a/b.txt", named)
	add("prefix-https", "a proxy's address and a scheme", "HTTPS://[::1]:8888//freenet:"+chk+"/a/b.txt", named)
	add("prefix-slash", "a leading slash", "/"+chk+"/a/b.txt", named)
	add("space-around", "white space around", " \t"+chk+"/a/b.txt\r\n", named)
	add("query", "a query is dropped", chk+"/a/b.txt?type=text/plain&x=/../", named)
	add("fragment", "a fragment is dropped", chk+"/a/b.txt#part?", named)

	add("ssk", "a document", ssk+"/diary", with(f.ssk, SSK, "diary", 0, ""))
	add("ssk-path", "a path in a document", ssk+"/diary/a/b.txt", with(f.ssk, SSK, "diary", 0, "a/b.txt"))
	add("ssk-namespace", "an author's namespace", ssk+"/", f.ssk)
	add("ssk-namespace-bare", "an author's namespace without its slash", ssk, f.ssk)
	add("ssk-insert", "an insert URI", "SSK@"+insert+"/diary", with(f.insert, SSK, "diary", 0, ""))
	add("ssk-insert-namespace", "an insert URI of a namespace", "SSK@"+insert+"/", f.insert)
	add("ssk-doc-longest", "a document name of 255 bytes", ssk+"/"+repeat(255, "d"), with(f.ssk, SSK, repeat(255, "d"), 0, ""))
	add("usk", "an edition of a site", usk+"/site/5/index.html", with(f.ssk, USK, "site", 5, "index.html"))
	add("usk-trailing-slash", "an edition of a site, as browsers write it", usk+"/site/0/", with(f.ssk, USK, "site", 0, ""))
	add("usk-newest", "a negative edition asks for the newest", usk+"/site/-1", with(f.ssk, USK, "site", -1, ""))
	add("usk-last", "the largest edition", usk+"/site/9223372036854775807", with(f.ssk, USK, "site", math.MaxInt64, ""))
	add("usk-first", "the smallest edition", usk+"/site/-9223372036854775808", with(f.ssk, USK, "site", math.MinInt64, ""))
	add("usk-insert", "an insert URI of a site", "USK@"+insert+"/site/7", with(f.insert, USK, "site", 7, ""))
	add("ksk", "a word", "KSK@gpl.txt", ksk)
	add("ksk-path", "a word and a path", "ksk@gpl.txt/a/b.txt", with(ksk, KSK, "gpl.txt", 0, "a/b.txt"))
	add("ksk-words", "escaped white space", "freenet:KSK@two%20words", URI{Type: KSK, Doc: "two words"})
	add("ksk-at", "only the first @ counts", "KSK@a@b:c", URI{Type: KSK, Doc: "a@b:c"})
	return vs
}

// uriFields spells a URI out: what a parser must find, and how it must write it.
func uriFields(u URI) []field {
	fields := []field{
		{"canonical", strconv.Quote(u.Encode())},
		{"type", u.Type.String()},
		{"routing", hex.EncodeToString(u.Routing[:])},
		{"read", hex.EncodeToString(u.Read[:])},
		{"insert", strconv.FormatBool(u.Insert)},
		{"doc", strconv.Quote(u.Doc)},
		{"edition", strconv.FormatInt(u.Edition, 10)},
		{"path", strconv.Quote(u.Path)},
	}
	if u.Verify {
		fields = append(fields, field{"verify", "true"})
	}
	return fields
}

// uriSet collects URI vectors that are not accepted.
type uriSet []vector

func (s *uriSet) add(expect, name, comment, text string) {
	*s = append(*s, vector{"uri/" + name, comment, []field{{"expect", expect}, {"uri", strconv.Quote(text)}}})
}

func (s *uriSet) bad(name, comment, text string) { s.add("bad-uri", "bad-"+name, comment, text) }

func (s *uriSet) hyphanet(name, comment, text string) {
	s.add("hyphanet", "hyphanet-"+name, comment, text)
}

// texts are the parts from which refused URIs are made.
func (f uriFixture) texts() (fields, chk, ssk string) {
	fields = f.r + "," + f.k
	return fields, "CHK@" + fields + ",AE4C--8", "SSK@" + f.a + "," + f.k + ",AQBOAAE"
}

func (f uriFixture) refused() []vector {
	return slices.Concat(f.badShapes(), f.badFields(), f.badNames(), f.foreign())
}

func (f uriFixture) badShapes() (s uriSet) {
	_, chk, _ := f.texts()
	s.bad("empty", "nothing", "")
	s.bad("spaces", "white space", "  \n")
	s.bad("no-at", "no @", "CHK")
	s.bad("type", "an unknown type", "XHK"+chk[3:])
	s.bad("type-space", "white space in the type", "CHK "+chk[3:])
	s.bad("type-empty", "no type", chk[3:])
	s.bad("scheme", "an unknown scheme", "ftp:"+chk)
	s.bad("scheme-web", "a web+ scheme has letters only", "web+9:"+chk)
	s.bad("scheme-twice", "two schemes", "freenet:hyphanet:"+chk)
	s.bad("http-host", "an address without a path", "http://127.0.0.1:8888")
	s.bad("too-long", "text of more than 16384 bytes", chk+"?"+repeat(16384, "q"))
	s.bad("escape", "an escape that is none", chk+"/a%zz")
	s.bad("escape-cut", "an escape that is cut off", chk+"/a%4")
	return s
}

func (f uriFixture) badFields() (s uriSet) {
	fields, chk, ssk := f.texts()
	s.bad("fields-none", "no fields", "CHK@")
	s.bad("fields-slash", "no fields, but a path", "CHK@/a")
	s.bad("fields-two", "two fields", "CHK@"+fields)
	s.bad("fields-four", "four fields", chk+",AAAA")
	s.bad("routing-short", "31 bytes", "CHK@"+f.r[:42]+","+f.k+",AE4C--8")
	s.bad("routing-long", "33 bytes", "CHK@"+f.r+"A,"+f.k+",AE4C--8")
	s.bad("routing-empty", "no routing", "CHK@,"+f.k+",AE4C--8")
	s.bad("key-short", "a short key", "CHK@"+f.r+","+f.k[:40]+",AE4C--8")
	s.bad("key-empty", "no key", "CHK@"+f.r+",,AE4C--8")
	s.bad("routing-bits", "bits that no byte needs", "CHK@"+nextSpelling(f.r)+","+f.k+",AE4C--8")
	s.bad("key-bits", "bits that no byte needs", "CHK@"+f.r+","+nextSpelling(f.k)+",AE4C--8")
	s.bad("extra-bits", "bits that no byte needs", "CHK@"+fields+",AE4C--9")
	s.bad("alphabet-plus", "standard base64", "CHK@"+f.r[:42]+"+,"+f.k+",AE4C--8")
	s.bad("alphabet-underscore", "base64url", "CHK@"+f.r[:42]+"_,"+f.k+",AE4C--8")
	s.bad("padding", "padded base64", "CHK@"+f.r+"=,"+f.k+",AE4C--8")
	s.bad("line-break", "a line break in a field", "CHK@"+f.r[:20]+"\n"+f.r[20:42]+","+f.k+",AE4C--8")
	s.bad("field-space", "white space in a field", "CHK@"+f.r[:42]+" ,"+f.k+",AE4C--8")
	s.bad("extra-short", "four bytes", "CHK@"+fields+",AE4C-w")
	s.bad("extra-none", "an empty third field", "CHK@"+fields+",")
	s.bad("extra-algorithm", "an unknown algorithm", "CHK@"+fields+","+extraText(0, 0x4F, 2, 0xff, 0xff))
	s.bad("extra-control", "not a control document", "CHK@"+fields+","+extraText(0, 0x4E, 0, 0xff, 0xff))
	for name, control := range map[string]byte{"1": 1, "3": 3, "4": 4, "5": 5, "7": 7, "8": 8, "14": 14, "255": 255} {
		s.bad("extra-control-"+name, "a control byte that is neither 2 nor 6", "CHK@"+fields+","+extraText(0, 0x4E, control, 0xff, 0xff))
	}
	verify := "CHK@" + fields + "," + extraText(0, 0x4E, 6, 0xff, 0xff)
	s.bad("verify-path", "a path in a verify capability", verify+"/photo.jpg")
	s.bad("verify-suffix-path", "a path in a verify capability", verify+".bin/a/b")
	s.bad("verify-compression", "a compression in a verify capability", "CHK@"+fields+","+extraText(0, 0x4E, 6, 0, 0))
	s.bad("verify-in-ssk", "the third field of a verify capability", "SSK@"+fields+","+extraText(0, 0x4E, 6, 0xff, 0xff)+"/diary")
	s.bad("verify-in-usk", "the third field of a verify capability", "USK@"+fields+","+extraText(0, 0x4E, 6, 0xff, 0xff)+"/site/0")
	s.bad("verify-hyphanet", "a control byte of ours with an algorithm of Hyphanet", "CHK@"+fields+","+extraText(0, 3, 6, 0xff, 0xff))
	s.bad("extra-compression", "a compression", "CHK@"+fields+","+extraText(0, 0x4E, 2, 0, 0))
	s.bad("extra-ssk-in-chk", "the third field of an SSK", "CHK@"+fields+",AQBOAAE")
	s.bad("extra-chk-in-ssk", "the third field of a CHK", "SSK@"+fields+",AE4C--8/diary")
	s.bad("extra-insert", "an insert byte that is neither 0 nor 1", "SSK@"+fields+","+extraText(1, 2, 0x4E, 0, 1)+"/diary")
	s.bad("extra-version", "another version", "SSK@"+fields+","+extraText(2, 0, 0x4E, 0, 1)+"/diary")
	s.bad("extra-hash", "another hash", "SSK@"+fields+","+extraText(1, 0, 0x4E, 0, 2)+"/diary")
	s.bad("suffix-ssk", "only a CHK has a suffix", ssk+".html/diary")
	return s
}

func (f uriFixture) badNames() (s uriSet) {
	_, chk, ssk := f.texts()
	s.bad("path-parent", "..", chk+"/a/../b")
	s.bad("path-parent-escaped", "..", chk+"/a/%2e%2E/b")
	s.bad("path-parent-first", "..", chk+"/..")
	s.bad("path-dot", ".", chk+"/./a")
	s.bad("path-empty-component", "an empty component", chk+"/a//b")
	s.bad("path-two-slashes", "two trailing slashes", chk+"/a//")
	s.bad("path-nul", "a control character", chk+"/a%00b")
	s.bad("path-newline", "a control character", chk+"/a\nb")
	s.bad("path-delete", "a control character", chk+"/a%7Fb")
	s.bad("path-c1", "a control character of ISO 8859-1", chk+"/a%C2%85b")
	s.bad("path-line-separator", "U+2028", chk+"/a%E2%80%A8b")
	s.bad("path-slash", "an escaped slash", chk+"/a%2Fb")
	s.bad("path-not-utf8", "a byte that is not UTF-8", chk+"/a%FFb")
	s.bad("path-overlong", "a slash in two bytes", chk+"/a%C0%AFb")
	s.bad("path-surrogate", "half a character", chk+"/a%ED%A0%80b")
	s.bad("component-long", "a component of 256 bytes", chk+"/"+repeat(256, "c"))
	s.bad("path-long", "a path of 4097 bytes", chk+"/"+repeat(16, repeat(254, "p")+"/")+repeat(17, "q"))

	usk := "USK" + ssk[3:]
	s.bad("ssk-empty-document", "an empty document name before a path", ssk+"//a")
	s.bad("ssk-document-long", "a document name of 256 bytes", ssk+"/"+repeat(256, "d"))
	s.bad("ssk-document-parent", "..", ssk+"/..")
	s.bad("usk-bare", "a USK needs a site", usk)
	s.bad("usk-no-edition", "a USK needs an edition", usk+"/site")
	s.bad("usk-no-edition-slash", "a USK needs an edition", usk+"/site/")
	for name, e := range map[string]string{
		"text": "five", "plus": "+5", "zeros": "05", "minus-zero": "-0", "minus": "-", "hex": "0x5", "underscore": "1_0",
		"space": "%205", "overflow": "9223372036854775808", "underflow": "-9223372036854775809", "long": repeat(100, "1"),
	} {
		s.bad("usk-edition-"+name, "an edition that is no plain number", usk+"/site/"+e+"/")
	}
	s.bad("ksk-empty", "no word", "KSK@")
	s.bad("ksk-slash", "no word, but a path", "KSK@/a")
	s.bad("ksk-parent", "..", "KSK@..")
	s.bad("ksk-long", "a word of 256 bytes", "KSK@"+repeat(256, "w"))
	return s
}

func (f uriFixture) foreign() (s uriSet) {
	fields, _, _ := f.texts()
	s.hyphanet("chk", "AES-CTR, control document", "CHK@"+fields+",AAMC--8/a.txt")
	s.hyphanet("chk-old", "the older cipher", "freenet:CHK@"+fields+",AAIC--8")
	s.hyphanet("chk-data", "a data block, compressed", "CHK@"+fields+","+extraText(0, 3, 0, 0, 1)+".zip")
	s.hyphanet("ssk", "a request URI", "SSK@"+fields+",AQACAAE/diary")
	s.hyphanet("ssk-insert", "an insert URI", "SSK@"+fields+",AQECAAE/diary")
	s.hyphanet("ssk-insert-33", "an insert URI whose exponent has its top bit set", "SSK@AP"+repeat(42, "-")+","+f.k+",AQECAAE/diary")
	s.hyphanet("ssk-insert-31", "an insert URI whose exponent is short", "SSK@"+repeat(42, "A")+","+f.k+",AQECAAE/")
	s.hyphanet("usk", "a site", "http://127.0.0.1:8888/USK@"+fields+",AQACAAE/site/-5/index.html")
	s.bad("hyphanet-routing", "a Hyphanet key that is cut off", "CHK@"+f.r[:42]+","+f.k+",AAMC--8")
	s.bad("hyphanet-routing-31", "31 bytes, which only an exponent may have", "CHK@"+repeat(42, "A")+","+f.k+",AAMC--8")
	s.bad("hyphanet-routing-33", "33 bytes, which only an exponent may have", "SSK@"+repeat(44, "A")+","+f.k+",AQACAAE/diary")
	s.bad("hyphanet-line-break", "a Hyphanet key with a line break in it", "CHK@"+f.r[:20]+"\n"+f.r[20:]+","+f.k+",AAMC--8")
	s.bad("hyphanet-routing-long", "a Hyphanet key that is too long", "SSK@"+repeat(48, "A")+","+f.k+",AQECAAE/diary")
	s.bad("hyphanet-key", "a Hyphanet key that is cut off", "CHK@"+f.r+","+f.k[:42]+",AAMC--8")
	s.bad("hyphanet-algorithm", "an algorithm that Hyphanet never had", "CHK@"+fields+","+extraText(0, 4, 2, 0xff, 0xff))
	s.bad("hyphanet-algorithm-high", "an algorithm that Hyphanet never had", "CHK@"+fields+","+extraText(1, 3, 2, 0xff, 0xff))
	return s
}

// keyless are URIs that parse and name no record.
func (f uriFixture) keyless() (vs []vector) {
	add := func(name, comment string, public [32]byte) {
		u := with(f.ssk, SSK, "diary", 0, "")
		u.Routing = public
		vs = append(vs, vector{"uri/no-document-" + name, comment,
			[]field{{"expect", "no-document"}, {"uri", strconv.Quote(u.Encode())}}})
	}
	for _, k := range badKeys() {
		add(k.name, k.comment, k.key)
	}
	for name, u := range map[string]URI{
		"namespace": f.ssk, "newest": with(f.ssk, USK, "site", -1, ""), "chk": with(f.chk, CHK, "", 0, "a"),
	} {
		vs = append(vs, vector{"uri/no-document-" + name, "a URI that names no record",
			[]field{{"expect", "no-document"}, {"uri", strconv.Quote(u.Encode())}}})
	}
	return vs
}

func extraText(b ...byte) string { return base64URI.EncodeToString(b) }

// nextSpelling changes the last character so that only bits change that belong to no byte.
func nextSpelling(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~-"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + alphabet[last+1:last+2]
}
