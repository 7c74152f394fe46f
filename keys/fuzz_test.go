package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// FuzzParseURI checks K4 and K8 on any text.
func FuzzParseURI(f *testing.F) {
	for _, v := range readVectors(f, "uri") {
		f.Add(v.text(f, "uri"))
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			if errors.Is(err, ErrBadURI) == errors.Is(err, ErrHyphanetKey) || u != (URI{}) {
				t.Fatalf("refused with %v and %v", u, err)
			}
			return
		}
		if err := u.Check(); err != nil {
			t.Fatalf("it parses and does not pass: %v", err)
		}
		canonical := u.Encode()
		if len(canonical) > MaxURI {
			t.Fatalf("its canonical spelling of %d bytes is too long", len(canonical))
		}
		again, err := ParseURI(canonical)
		if err != nil || again != u || again.Encode() != canonical {
			t.Fatalf("%q reads back as another URI: %v", canonical, err)
		}
		public, err := u.Public()
		if err != nil || public.Insert {
			t.Fatalf("no request URI: %v", err)
		}
		d, err := u.Document()
		if err != nil {
			return
		}
		if p, err := public.Document(); err != nil || p != d {
			t.Fatalf("author and reader differ: %v", err)
		}
	})
}

// FuzzVerifyRecord checks K2 and K8 on any name and bytes.
func FuzzVerifyRecord(f *testing.F) {
	for _, v := range readVectors(f, "record") {
		id := v.bytes(f, "id")
		f.Add(id[1:], v.bytes(f, "block"))
	}
	d, err := URI{Type: KSK, Doc: "gpl.txt"}.Document()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, data []byte) {
		if len(name) != 32 {
			return
		}
		id := ID{KindRecord, [32]byte(name)}
		b, err := Verify(id, data)
		// A store that authenticated the wrong bytes must not bring a reader down.
		RecordVersion(Restore(id, data))
		RecordExpiry(Restore(id, data))
		if _, openErr := d.Open(Restore(d.ID(), data)); openErr != nil && openErr != ErrWrongKey {
			t.Fatalf("Open fails with %v", openErr)
		}
		if err != nil {
			return
		}
		if b.ID() != id || !bytes.Equal(b.Data(), data) {
			t.Fatal("Verify changed the block")
		}
		if len(data) > MaxRecordSize || !isRecordSize(len(data)) {
			t.Fatalf("a record of %d bytes", len(data))
		}
		if !ed25519.Verify(name, recordMessage(id, data), data[:offBody]) {
			t.Fatal("plain Ed25519 refuses it")
		}
	})
}

// FuzzOpenRecord checks K8 behind the encryption, where only the author of a document can write.
func FuzzOpenRecord(f *testing.F) {
	for _, class := range recordClasses {
		f.Add(padded(5, []byte("hello"), class))
		f.Add(padded(class, bytes.Repeat([]byte("p"), class), class))
		f.Add(padded(class+1, nil, class))
	}
	m := newRecordMaker(URI{Type: KSK, Doc: "gpl.txt"})
	d, err := m.uri.Document()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		body := m.body(Record{Version: 1}, plain, m.doc.key, nil)
		b := Restore(d.ID(), append(make([]byte, offBody), body...))
		r, err := d.Open(b)
		if err != nil {
			if err != ErrWrongKey || r.Payload != nil {
				t.Fatalf("got %v", err)
			}
			return
		}
		if !bytes.Equal(padded(len(r.Payload), r.Payload, len(plain)-lengthSize), plain) {
			t.Fatal("two plaintexts open to one record")
		}
	})
}
