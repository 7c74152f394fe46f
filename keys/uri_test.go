package keys

import (
	"errors"
	"strconv"
	"testing"

	"nightjar/crypto"
)

func TestURIVectors(t *testing.T) {
	eachVector(t, "uri", func(t *testing.T, v vector, expect string) {
		u, err := ParseURI(v.text(t, "uri"))
		switch expect {
		case "bad-uri":
			if !errors.Is(err, ErrBadURI) || errors.Is(err, ErrHyphanetKey) || u != (URI{}) {
				t.Errorf("got %v, %v", u, err)
			}
		case "hyphanet":
			if !errors.Is(err, ErrHyphanetKey) || u != (URI{}) {
				t.Errorf("got %v, %v", u, err)
			}
		case "no-document":
			if err != nil || u.Encode() != v.text(t, "uri") {
				t.Fatalf("it does not parse or print exactly: %v", err)
			}
			if d, err := u.Document(); !errors.Is(err, ErrBadURI) || d != (Document{}) {
				t.Errorf("it has a document: %v", err)
			}
		case "accept":
			if err != nil {
				t.Fatal(err)
			}
			checkAccepted(t, v, u)
		default:
			t.Errorf("unknown expectation %q", expect)
		}
	})
}

func checkAccepted(t *testing.T, v vector, u URI) {
	t.Helper()
	edition, err := strconv.ParseInt(v.get(t, "edition"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	want := URI{
		Routing: [32]byte(v.bytes(t, "routing")), Read: [32]byte(v.bytes(t, "read")), Insert: v.get(t, "insert") == "true",
		Doc: v.text(t, "doc"), Edition: edition, Path: v.text(t, "path"),
	}
	want.Type = parseType(v.get(t, "type"))
	want.Verify = v.has("verify")
	if u != want {
		t.Errorf("got %s", u.Encode())
	}
	canonical := v.text(t, "canonical")
	if u.Encode() != canonical {
		t.Errorf("it prints as %s", u.Encode())
	}
	if again, err := ParseURI(canonical); err != nil || again != u {
		t.Errorf("the canonical spelling does not read back: %v", err)
	}
	if err := u.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesURIsThatWouldNotReadBack(t *testing.T) {
	for name, u := range map[string]URI{
		"zero":                 {},
		"unknown type":         {Type: KSK + 1, Doc: "d"},
		"CHK insert":           {Type: CHK, Insert: true},
		"CHK document":         {Type: CHK, Doc: "d"},
		"CHK edition":          {Type: CHK, Edition: 1},
		"CHK path":             {Type: CHK, Path: "/a"},
		"SSK edition":          {Type: SSK, Doc: "d", Edition: 1},
		"SSK namespace path":   {Type: SSK, Path: "a"},
		"SSK document":         {Type: SSK, Doc: "a/b"},
		"USK without site":     {Type: USK, Edition: 1},
		"KSK without word":     {Type: KSK},
		"KSK insert":           {Type: KSK, Doc: "w", Insert: true},
		"KSK edition":          {Type: KSK, Doc: "w", Edition: 1},
		"KSK routing":          {Type: KSK, Doc: "w", Routing: [32]byte{1}},
		"KSK read":             {Type: KSK, Doc: "w", Read: crypto.Key{1}},
		"KSK path with slash":  {Type: KSK, Doc: "w", Path: "a/"},
		"USK path with parent": {Type: USK, Doc: "s", Path: "a/../b"},
	} {
		err := u.Check()
		if !errors.Is(err, ErrBadURI) {
			t.Errorf("%s: got %v", name, err)
		}
		if again, err := ParseURI(u.Encode()); err == nil && again == u {
			t.Errorf("%s: it reads back after all", name)
		}
	}
}
