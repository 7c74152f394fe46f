package sites

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"

	"nightjar/crypto"
	"nightjar/keys"
)

// cheap is the least effort that is allowed.
func cheap() crypto.Effort { return crypto.Effort{Memory: 19 << 10, Passes: 1, Lanes: 1} }

func newInsert(t testing.TB, name string) keys.URI {
	t.Helper()
	u, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u.Type, u.Doc = keys.USK, name
	return u
}

func sealedSite(t testing.TB) (text string, insert keys.URI) {
	t.Helper()
	insert = newInsert(t, "blog")
	text, err := seal(&Site{Insert: insert, Newest: 7}, []byte("correct horse"), rand.Reader, cheap())
	if err != nil {
		t.Fatal(err)
	}
	return text, insert
}

func TestSealedSiteOpensUnderItsPassphrase(t *testing.T) {
	text, insert := sealedSite(t)
	got, newest, err := Unseal("\n "+text+"\n", []byte("correct horse"))
	if err != nil || got != insert || newest != 7 {
		t.Errorf("Unseal: %v, edition %d, the same key: %v", err, newest, got == insert)
	}
}

// The effort that people get is the standard one, and within what readers accept.
func TestSealUsesTheStandardEffort(t *testing.T) {
	text, err := Seal(&Site{Insert: newInsert(t, "blog"), Newest: -1}, []byte("p"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, sealedStart))
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{0, 4, 0, 0, 3, 4}; !bytes.Equal(raw[offEffort:offNonce], want) {
		t.Errorf("effort % x, want % x", raw[offEffort:offNonce], want)
	}
}

// S3.
func TestUnsealRejectsWhateverSealDidNotMake(t *testing.T) {
	text, _ := sealedSite(t)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, sealedStart))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(b []byte)) string {
		b := bytes.Clone(raw)
		change(b)
		return sealedStart + base64.RawURLEncoding.EncodeToString(b)
	}
	cases := map[string]string{
		"empty":          "",
		"prefix alone":   sealedStart,
		"other prefix":   "nightjar-site-2:" + strings.TrimPrefix(text, sealedStart),
		"cut":            text[:len(text)-1],
		"lengthened":     text + "AAAA",
		"line break":     text[:40] + "\n" + text[40:],
		"padding":        text + "=",
		"too short":      sealedStart + base64.RawURLEncoding.EncodeToString(raw[:offBox+crypto.Overhead-1]),
		"too long":       text + strings.Repeat("A", MaxSealed),
		"no memory":      with(func(b []byte) { clear(b[offEffort : offEffort+4]) }),
		"all memory":     with(func(b []byte) { copy(b[offEffort:], "\xff\xff\xff\xff") }),
		"no passes":      with(func(b []byte) { b[offEffort+4] = 0 }),
		"255 passes":     with(func(b []byte) { b[offEffort+4] = 255 }),
		"no lanes":       with(func(b []byte) { b[offEffort+5] = 0 }),
		"another effort": with(func(b []byte) { b[offEffort+4] = 2 }),
		"another salt":   with(func(b []byte) { b[0] ^= 1 }),
		"another nonce":  with(func(b []byte) { b[offNonce] ^= 1 }),
		"changed box":    with(func(b []byte) { b[offBox] ^= 1 }),
		"changed tag":    with(func(b []byte) { b[len(b)-1] ^= 0x80 }),
	}
	for name, c := range cases {
		if _, _, err := Unseal(c, []byte("correct horse")); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v, want ErrSealed", name, err)
		}
	}
	if _, _, err := Unseal(text, []byte("correct horsf")); !errors.Is(err, ErrSealed) {
		t.Errorf("wrong passphrase: %v, want ErrSealed", err)
	}
}

// What is inside a box that opens is looked at all the same: who knows the passphrase may have written anything.
func TestUnsealRejectsOtherThingsInTheBox(t *testing.T) {
	request, err := newInsert(t, "blog").Public()
	if err != nil {
		t.Fatal(err)
	}
	ssk := newInsert(t, "blog")
	ssk.Type = keys.SSK
	for name, s := range map[string]*Site{
		"a request URI": {Insert: request},
		"an SSK":        {Insert: ssk},
		"the last one":  {Insert: newInsert(t, "blog"), Newest: math.MaxInt64},
		"edition -2":    {Insert: newInsert(t, "blog"), Newest: -2},
	} {
		text, err := seal(s, []byte("p"), rand.Reader, cheap())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Unseal(text, []byte("p")); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v, want ErrSealed", name, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	text, _ := sealedSite(f)
	f.Add(text)
	f.Add(sealedStart)
	f.Fuzz(func(t *testing.T, s string) {
		if s == text {
			return
		}
		if _, _, err := Unseal(s, []byte("correct horse")); err == nil && strings.TrimSpace(s) != text {
			t.Error("it opened something that was never sealed")
		}
	})
}
