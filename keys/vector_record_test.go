package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"

	"nightjar/crypto"
)

// recordMaker makes records with the reference, honest ones and others.
type recordMaker struct {
	curve        refCurve
	doc          refDocument
	uri          URI // insert URI of the document
	random       []byte
	nonce, hedge []byte // the two parts of random
}

func newRecordMaker(u URI) recordMaker {
	m := recordMaker{curve: newRefCurve(), uri: u, random: counterBytes("random", crypto.NonceSize+32)}
	m.nonce, m.hedge = m.random[:crypto.NonceSize], m.random[crypto.NonceSize:]
	seed, read := u.Routing, u.Read
	if u.Type == KSK {
		copy(seed[:], refHKDF(sha256.New, []byte(u.Doc), nil, []byte("ksk seed v1"), 32))
		copy(read[:], refHKDF(sha256.New, []byte(u.Doc), nil, []byte("ksk read v1"), 32))
	}
	m.doc = m.curve.document(seed, read, u.DocName())
	return m
}

// padded is the plaintext of SPEC §4.3.
func padded(length int, payload []byte, class int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(length))
	return append(append(b, payload...), make([]byte, class-len(payload))...)
}

// body encrypts plain under key and puts the fields before it that travel in clear.
func (m recordMaker) body(r Record, plain []byte, key crypto.Key, ad []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, r.Version)
	b = binary.BigEndian.AppendUint64(b, r.Expiry)
	if ad == nil {
		ad = slices.Concat([]byte("rec v1"), m.doc.id[:], b)
	}
	b = append(b, m.nonce...)
	return crypto.Seal(b, &key, (*[crypto.NonceSize]byte)(m.nonce), plain, ad)
}

// signed puts the author's signature before a body.
func (m recordMaker) signed(body []byte) []byte {
	message := slices.Concat([]byte("rec v1"), m.doc.id[:], body)
	return append(m.curve.sign(m.doc.aD, m.doc.id, m.curve.nonce(m.doc, m.hedge, message), message), body...)
}

func (m recordMaker) honest(r Record) []byte {
	class := 256
	for len(r.Payload) > class {
		class = map[int]int{256: 1024, 1024: 3840}[class]
	}
	return m.signed(m.body(r, padded(len(r.Payload), r.Payload, class), m.doc.key, nil))
}

func (m recordMaker) id() ID { return ID{KindRecord, m.doc.id} }

func recordVectors() (vs []vector) {
	m := newRecordMaker(with(newURIFixture().insert, SSK, "diary", 0, ""))
	vs = append(acceptedRecords(), m.touched()...)
	vs = append(vs, m.forged()...)
	vs = append(vs, m.smallOrder()...)
	vs = append(vs, m.mixedOrder()...)
	return append(vs, m.unreadable()...)
}

func recordVector(expect, name, comment string, id ID, block []byte) vector {
	return vector{"record/" + name, comment, []field{
		{"expect", expect}, {"id", hex.EncodeToString(id.Append(nil))}, {"block", hex.EncodeToString(block)}}}
}

func (v vector) and(more ...field) vector {
	v.fields = append(v.fields, more...)
	return v
}

func acceptedRecords() (vs []vector) {
	insert := newURIFixture().insert
	add := func(name, comment string, u URI, r Record) {
		m := newRecordMaker(u)
		vs = append(vs, recordVector("accept", name, comment, m.id(), m.honest(r)).and(
			field{"uri", strconv.Quote(u.Encode())}, field{"random", hex.EncodeToString(m.random)},
			field{"version", strconv.FormatUint(r.Version, 10)}, field{"expiry", strconv.FormatUint(r.Expiry, 10)},
			field{"payload", strconv.Quote(string(r.Payload))},
		))
	}
	diary := with(insert, SSK, "diary", 0, "")
	add("accept", "an honest record", diary, Record{1, 0, []byte("hello")})
	add("accept-empty", "no payload", diary, Record{2, 0, nil})
	add("accept-path", "the path of the URI does not matter", with(insert, SSK, "diary", 0, "a/b"), Record{1, 0, []byte("hello")})
	add("accept-numbers", "the largest version and expiry", diary, Record{math.MaxUint64, math.MaxUint64, []byte("x")})
	add("accept-256", "the largest payload of the first class", diary, Record{3, 0, []byte(repeat(256, "p"))})
	add("accept-257", "the smallest payload of the second class", diary, Record{4, 0, []byte(repeat(257, "p"))})
	add("accept-1024", "the largest payload of the second class", diary, Record{5, 0, []byte(repeat(1024, "p"))})
	add("accept-1025", "the smallest payload of the third class", diary, Record{6, 0, []byte(repeat(1025, "p"))})
	add("accept-3840", "the largest payload", diary, Record{7, 0, []byte(repeat(3840, "p"))})
	add("accept-usk", "an edition of a site", with(insert, USK, "site", 12, ""), Record{1, 1, []byte("hello")})
	add("accept-usk-as-ssk", "an edition of a site, by the document that it is", with(insert, SSK, "site-12", 0, ""), Record{1, 1, []byte("hello")})
	add("accept-ksk", "a word", URI{Type: KSK, Doc: "gpl.txt"}, Record{1, 0, []byte("hello")})
	return vs
}

// touched are honest records that were changed on the way.
func (m recordMaker) touched() (vs []vector) {
	honest := m.honest(Record{1, 0, []byte("hello")})
	add := func(name, comment string, id ID, block []byte) {
		vs = append(vs, recordVector("reject", name, comment, id, block))
	}
	for _, c := range []struct {
		name string
		bit  int
	}{
		{"r", 0}, {"s", 8 * 32}, {"s-top", 8*64 - 1}, {"version", 8*72 - 1}, {"expiry", 8 * 72}, {"nonce", 8 * 80},
		{"sealed", 8 * 104}, {"tag", 8*len(honest) - 1},
	} {
		b := bytes.Clone(honest)
		b[c.bit/8] ^= 1 << (c.bit % 8)
		add("flip-"+c.name, "a bit was flipped", m.id(), b)
	}
	for _, n := range []int{0, 1, 63, 64, 103, 104, 122, len(honest) - 1} {
		add("cut-"+strconv.Itoa(n), "the end is missing", m.id(), honest[:n])
	}
	add("long", "a byte too many", m.id(), append(bytes.Clone(honest), 0))
	add("long-class", "zeros up to the next size", m.id(), append(bytes.Clone(honest), make([]byte, 1024-256)...))
	add("long-4096", "zeros up to the largest record", m.id(), append(bytes.Clone(honest), make([]byte, 4096-len(honest))...))
	add("kind-data", "under the kind of a data block", ID{KindData, m.doc.id}, honest)
	other := newRecordMaker(with(m.uri, SSK, "diarx", 0, ""))
	add("other-document", "a record of the author's other document", other.id(), honest)
	add("author-key", "under the author's own key, unblinded", ID{KindRecord, m.doc.public}, honest)
	high := bytes.Clone(honest)
	copy(high[32:], scalarBytes(new(big.Int).Add(littleEndian(honest[32:64]), m.curve.l)))
	add("s-plus-order", "S + l, the second form of one signature", m.id(), high)
	return vs
}

// forged are signatures by the right key over the wrong thing, or by the wrong key over the right thing.
func (m recordMaker) forged() (vs []vector) {
	body := m.body(Record{1, 0, []byte("hello")}, padded(5, []byte("hello"), 256), m.doc.key, nil)
	r := m.curve.nonce(m.doc, m.hedge, body)
	add := func(name, comment string, a *big.Int, public [32]byte, message []byte) {
		vs = append(vs, recordVector("reject", name, comment, m.id(), append(m.curve.sign(a, public, r, message), body...)))
	}
	right := slices.Concat([]byte("rec v1"), m.doc.id[:], body)
	add("signed-body-only", "the signature covers neither label nor key", m.doc.aD, m.doc.id, body)
	add("signed-no-key", "the signature does not cover the key", m.doc.aD, m.doc.id, slices.Concat([]byte("rec v1"), body))
	add("signed-other-label", "the signature has another label", m.doc.aD, m.doc.id, slices.Concat([]byte("rec v2"), m.doc.id[:], body))
	add("signed-by-author-key", "signed with the key before it was blinded", m.doc.a, m.doc.public, right)
	add("signed-by-factor", "signed with the blinding factor, which every reader has", m.doc.h, m.doc.id, right)

	size := m.body(Record{1, 0, []byte("hello")}, padded(5, []byte("hello"), 300), m.doc.key, nil)
	vs = append(vs, recordVector("reject", "size-no-class", "a size that is none of the three, signed", m.id(), m.signed(size)))
	most := m.body(Record{1, 0, nil}, padded(0, nil, MaxRecordSize-overhead), m.doc.key, nil)
	vs = append(vs, recordVector("reject", "size-4096", "the largest record, which is none of the three sizes, signed", m.id(), m.signed(most)))

	// R = 0 with S = k·a verifies in plain Ed25519; its second encodings must not.
	for name, enc := range map[string]string{
		"r-zero-noncanonical": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"r-zero-sign":         "0100000000000000000000000000000000000000000000000000000000000080",
	} {
		point := mustHex32(enc)
		s := new(big.Int).Mul(m.curve.challenge(point, m.doc.id, right), m.doc.aD)
		sig := append(point[:], scalarBytes(s.Mod(s, m.curve.l))...)
		vs = append(vs, recordVector("reject", name, "R is the identity in a second encoding", m.id(), append(sig, body...)))
	}
	return vs
}

type badKey struct {
	name, comment string
	key           [32]byte
}

// badKeys are keys that no author has.
func badKeys() []badKey {
	c := newRefCurve()
	t8 := c.decode(mustHex32(order8Hex))
	t4 := c.add(t8, t8)
	t2 := c.add(t4, t4)
	base := c.base()
	return []badKey{
		{"identity", "the identity: everybody can sign", c.encode(c.add(t2, t2))},
		{"order-2", "a point of order 2", c.encode(t2)},
		{"order-4", "a point of order 4", c.encode(t4)},
		{"order-8", "a point of order 8", c.encode(t8)},
		{"identity-sign", "the identity with the sign bit: x = 0 has no sign", mustHex32("0100000000000000000000000000000000000000000000000000000000000080")},
		{"identity-plus-p", "the identity with y = p + 1", mustHex32("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		{"order-2-sign", "order 2 with the sign bit", mustHex32("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")},
		{"order-4-plus-p", "order 4 with y = p", mustHex32("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		{"large-plus-p", "a point of large order with y = p + 3", mustHex32("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		{"no-point", "y = 2 is on no point", [32]byte{2}},
		{"mixed-2", "a component of order 2", c.encode(c.add(base, t2))},
		{"mixed-8", "a component of order 8", c.encode(c.add(base, t8))},
	}
}

const order8Hex = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"

// smallOrder are records under keys without a secret: S = 0 and R = -kA verify in a library that does not look.
func (m recordMaker) smallOrder() (vs []vector) {
	torsion := []refPoint{{big.NewInt(0), big.NewInt(1)}}
	for len(torsion) < 8 {
		torsion = append(torsion, m.curve.add(torsion[len(torsion)-1], m.curve.decode(mustHex32(order8Hex))))
	}
	for _, k := range badKeys() {
		block := forgeWithoutSecret(m, k.key, torsion)
		if block == nil {
			continue
		}
		vs = append(vs, recordVector("reject", "key-"+k.name, k.comment+"; a library that does not look accepts this", ID{KindRecord, k.key}, block))
	}
	return vs
}

// forgeWithoutSecret looks for a body and an R of small order with R = -k·A, the equation for S = 0.
func forgeWithoutSecret(m recordMaker, key [32]byte, torsion []refPoint) []byte {
	for version := range uint64(64) {
		body := m.body(Record{Version: version}, padded(0, nil, 256), m.doc.key, nil)
		message := slices.Concat([]byte("rec v1"), key[:], body)
		for _, r := range torsion {
			sig := m.curve.encode(r)
			if ed25519.Verify(key[:], message, append(sig[:], make([]byte, 32)...)) {
				return slices.Concat(sig[:], make([]byte, 32), body)
			}
		}
	}
	return nil
}

// mixedOrder are records under a key with a component of small order, which its maker can sign for. Storing nodes
// accept it as long as the equation without cofactor holds, and all agree; no URI leads there.
func (m recordMaker) mixedOrder() (vs []vector) {
	key := m.curve.encode(m.curve.add(m.curve.decode(m.doc.id), m.curve.decode(mustHex32(order8Hex))))
	for version := uint64(0); len(vs) < 2; version++ {
		body := m.body(Record{Version: version}, padded(0, nil, 256), m.doc.key, nil)
		message := slices.Concat([]byte("rec v1"), key[:], body)
		sig := m.curve.sign(m.doc.aD, key, m.curve.nonce(m.doc, m.hedge, message), message)
		even := m.curve.challenge([32]byte(sig), key, message).Bits()[0]&7 == 0
		switch id := (ID{KindRecord, key}); {
		case even && (len(vs) == 0 || vs[0].fields[0].value != "stored"):
			vs = append(vs, recordVector("stored", "mixed-order-cofactorless", "a key of mixed order, k divisible by 8: the equation holds", id, append(sig, body...)))
		case !even && (len(vs) == 0 || vs[0].fields[0].value != "reject"):
			vs = append(vs, recordVector("reject", "mixed-order-cofactored", "a key of mixed order: the equation holds only after multiplying by 8", id, append(sig, body...)))
		}
	}
	return vs
}

// unreadable are records that verify and do not open: the author of the document is the only one who can make them.
func (m recordMaker) unreadable() (vs []vector) {
	r := Record{1, 0, []byte("hello")}
	plain := padded(5, []byte("hello"), 256)
	add := func(name, comment string, body []byte) {
		u, err := m.uri.Public()
		if err != nil {
			panic(err)
		}
		vs = append(vs, recordVector("unreadable", "unreadable-"+name, comment, m.id(), m.signed(body)).and(field{"uri", strconv.Quote(u.Encode())}))
	}
	add("key", "encrypted under another key", m.body(r, plain, crypto.Key{1}, nil))
	add("context-none", "encrypted without the associated data", m.body(r, plain, m.doc.key, []byte{}))
	replayed := m.body(r, plain, m.doc.key, nil)
	replayed[7]++
	add("context-version", "an old record's ciphertext under a new version", replayed)
	add("length-one-over", "a length one above the capacity", m.body(r, padded(257, []byte("hello"), 256), m.doc.key, nil))
	add("length-largest", "a length of 65535", m.body(r, padded(65535, []byte("hello"), 256), m.doc.key, nil))
	add("padding-first", "the first byte of the padding is not zero", m.body(r, padded(4, []byte("hello"), 256), m.doc.key, nil))
	last := bytes.Clone(plain)
	last[len(last)-1] = 1
	add("padding-last", "the last byte of the padding is not zero", m.body(r, last, m.doc.key, nil))
	add("garbage", "no ciphertext at all", append(m.body(r, plain, m.doc.key, nil)[:40], make([]byte, 258+16)...))
	return vs
}

func mustHex32(s string) [32]byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return [32]byte(b)
}

func TestRecordVectors(t *testing.T) {
	eachVector(t, "record", func(t *testing.T, v vector, expect string) {
		id, _, err := ParseID(v.bytes(t, "id"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Verify(id, v.bytes(t, "block"))
		if expect == "reject" {
			if err != ErrInvalid || !b.IsZero() {
				t.Errorf("got %v, %v", b, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("a storing node refuses it: %v", err)
		}
		if expect == "stored" {
			return
		}
		u, err := ParseURI(v.text(t, "uri"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := u.Document()
		if err != nil || d.ID() != id {
			t.Fatalf("the URI names another record: %v", err)
		}
		r, err := d.Open(b)
		if expect == "unreadable" {
			if err != ErrWrongKey || r.Payload != nil {
				t.Errorf("it opens: %v", err)
			}
			return
		}
		want := Record{v.number(t, "version"), v.number(t, "expiry"), []byte(v.text(t, "payload"))}
		if err != nil || r.Version != want.Version || r.Expiry != want.Expiry || !bytes.Equal(r.Payload, want.Payload) {
			t.Fatalf("it opens to another record: %v", err)
		}
		if RecordVersion(b) != want.Version || RecordExpiry(b) != want.Expiry {
			t.Error("version or expiry in clear differ")
		}
		author, err := u.Author()
		if err != nil {
			t.Fatal(err)
		}
		again, err := author.Seal(u.DocName(), want, bytes.NewReader(v.bytes(t, "random")))
		if err != nil || again.ID() != id || !bytes.Equal(again.Data(), b.Data()) {
			t.Errorf("sealing does not make the same bytes: %v", err)
		}
	})
}
