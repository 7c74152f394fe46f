package keys_test

import (
	"crypto/rand"
	"testing"

	"nightjar/keys"
)

func newAuthor(t testing.TB) keys.URI {
	t.Helper()
	u, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestRecordSealedWithAnInsertURIOpensWithTheRequestURI(t *testing.T) {
	u := newAuthor(t)
	u.Doc = "diary"
	author, err := u.Author()
	if err != nil {
		t.Fatal(err)
	}
	b, err := author.Seal(u.DocName(), keys.Record{Version: 7, Expiry: 9, Payload: []byte("hello")}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := u.Public()
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.ParseURI(pub.Encode())
	if err != nil || again != pub {
		t.Fatalf("request URI does not read back: %v", err)
	}
	d, err := again.Document()
	if err != nil {
		t.Fatal(err)
	}
	v, err := keys.Verify(d.ID(), b.Data())
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Open(v)
	if err != nil || string(r.Payload) != "hello" || r.Version != 7 || r.Expiry != 9 || keys.RecordVersion(v) != 7 {
		t.Fatalf("got %+v, %v", r, err)
	}
}
