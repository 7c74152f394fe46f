package crypto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
	"testing/iotest"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"
)

func drawKey(t *rapid.T, label string) Key {
	return Key(rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(t, label))
}

func TestPublicKeyIsThatOfRFC8032(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := drawKey(t, "seed")
		want := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
		if got := PublicKey(&seed); !bytes.Equal(got[:], want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

func TestC3AuthorAndReaderDeriveOneKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, read, doc := drawKey(t, "seed"), drawKey(t, "read"), rapid.String().Draw(t, "doc")
		public := PublicKey(&seed)
		blinded, record, err := BlindPublic(&public, &read, doc)
		if err != nil {
			t.Fatal(err)
		}
		s := NewSigner(&seed, &read, doc)
		if s.Public() != blinded || s.RecordKey() != record {
			t.Fatal("author and reader derive different keys")
		}
		p, ok := decodePoint(blinded[:])
		if !ok || !torsionFree(p) || isSmallOrder(p) {
			t.Fatal("the blinded key is outside the prime-order subgroup")
		}
		if blinded == public {
			t.Fatal("the key is not blinded")
		}
	})
}

func TestC3EveryInputChangesTheBlindedKey(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, s := range map[string]*Signer{
		"base":      NewSigner(&Key{1}, &Key{1}, "doc"),
		"seed":      NewSigner(&Key{2}, &Key{1}, "doc"),
		"read":      NewSigner(&Key{1}, &Key{2}, "doc"),
		"doc":       NewSigner(&Key{1}, &Key{1}, "dod"),
		"doc+NUL":   NewSigner(&Key{1}, &Key{1}, "doc\x00"),
		"empty doc": NewSigner(&Key{1}, &Key{1}, ""),
	} {
		for what, k := range map[string][32]byte{"public": s.Public(), "record": s.RecordKey()} {
			if other, ok := seen[k]; ok {
				t.Errorf("%s of %s is also %s", what, name, other)
			}
			seen[k] = what + " of " + name
		}
	}
}

func TestC4SignaturesArePlainEd25519(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, read := drawKey(t, "seed"), drawKey(t, "read")
		message := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "message")
		s := NewSigner(&seed, &read, "doc")
		sig, err := s.Sign(message, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public := s.Public()
		if !ed25519.Verify(public[:], message, sig[:]) || !VerifySignature(&public, message, sig[:]) {
			t.Fatal("the signature does not verify")
		}
		i := rapid.IntRange(0, 8*SignatureSize-1).Draw(t, "bit")
		sig[i/8] ^= 1 << (i % 8)
		if VerifySignature(&public, message, sig[:]) {
			t.Fatal("a flipped bit still verifies")
		}
	})
}

func TestC6NoncesNeverRepeatAcrossDocumentsOrMessages(t *testing.T) {
	seed, read := Key{1}, Key{2}
	seen := map[string]string{}
	for _, doc := range []string{"a", "b"} {
		for _, message := range []string{"m", "n"} {
			sig, err := NewSigner(&seed, &read, doc).Sign([]byte(message), zeros{})
			if err != nil {
				t.Fatal(err)
			}
			r := string(sig[:32])
			if other, ok := seen[r]; ok {
				t.Errorf("%s/%s signs with the nonce of %s: two equations in one unknown", doc, message, other)
			}
			seen[r] = doc + "/" + message
		}
	}
}

func TestC6TheNonceIsHedged(t *testing.T) {
	s := NewSigner(&Key{1}, &Key{2}, "doc")
	first, err := s.Sign([]byte("m"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Sign([]byte("m"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("the random source does not reach the nonce")
	}
	broken := errors.New("broken")
	if _, err := s.Sign([]byte("m"), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a broken random source went unnoticed: %v", err)
	}
}

func TestBlindingIsDrawnAgainWhenTheFactorIsZero(t *testing.T) {
	// 0 and ℓ both reduce to 0.
	zero, order := make([]byte, 96), make([]byte, 96)
	addScalarOrder(order[:32])
	wide := [][]byte{zero, order, bytes.Repeat([]byte{3}, 96)}
	var tries []int
	b := blindingFrom(func(try int) []byte {
		tries = append(tries, try)
		return wide[try]
	})
	if len(tries) != 3 || b.kd != Key(bytes.Repeat([]byte{3}, 32)) || b.h.Equal(edwards25519.NewScalar()) == 1 {
		t.Errorf("tries %v, kd %x", tries, b.kd[:])
	}
}

func TestReadersRefuseKeysThatNoAuthorHas(t *testing.T) {
	for name, public := range badPublicKeys(t) {
		_, _, err := BlindPublic(&public, &Key{1}, "doc")
		if !errors.Is(err, ErrPublicKey) {
			t.Errorf("%s (%x): got %v", name, public, err)
		}
	}
	good := PublicKey(&Key{1})
	if _, _, err := BlindPublic(&good, &Key{1}, "doc"); err != nil {
		t.Errorf("an author's key is refused: %v", err)
	}
}

// order8 is a point of order 8, and smallOrder the encodings of all eight points of the torsion subgroup.
func order8(t testing.TB) *edwards25519.Point {
	p, err := new(edwards25519.Point).SetBytes(unhex(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func smallOrder(t testing.TB) [][32]byte {
	var all [][32]byte
	p := edwards25519.NewIdentityPoint()
	for range 8 {
		all = append(all, [32]byte(p.Bytes()))
		p.Add(p, order8(t))
	}
	if p.Equal(edwards25519.NewIdentityPoint()) != 1 {
		t.Fatal("the point is not of order 8")
	}
	return all
}

func badPublicKeys(t testing.TB) map[string][32]byte {
	base := edwards25519.NewGeneratorPoint()
	bad := map[string][32]byte{
		"no point":             {2},
		"x = 0 with sign":      {0: 1, 31: 0x80},
		"y = p, order 4":       [32]byte(unhex(t, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
		"y = p+1, identity":    [32]byte(unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
		"y = p+1 with sign":    [32]byte(unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")),
		"y = p+3, large order": [32]byte(unhex(t, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
		"y = p-1 with sign":    [32]byte(unhex(t, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")),
		"all bits":             [32]byte(bytes.Repeat([]byte{0xff}, 32)),
		"base plus order 8":    [32]byte(new(edwards25519.Point).Add(base, order8(t)).Bytes()),
	}
	two := new(edwards25519.Point).Double(order8(t))
	two.Double(two)
	bad["base plus order 2"] = [32]byte(two.Add(base, two).Bytes())
	for i, p := range smallOrder(t) {
		bad["small order "+hex.EncodeToString([]byte{byte(i)})] = p
	}
	return bad
}

// The library accepts each of these for every message, or for one in eight: C5 is not theory.
func TestC5SmallOrderKeysSignNothing(t *testing.T) {
	for _, a := range smallOrder(t) {
		public := ed25519.PublicKey(a[:])
		forged := false
		for i := range byte(64) {
			message := []byte{i}
			for _, r := range smallOrder(t) {
				var sig [SignatureSize]byte // S = 0
				copy(sig[:], r[:])
				forged = forged || ed25519.Verify(public, message, sig[:])
				if VerifySignature(&a, message, sig[:]) {
					t.Fatalf("a signature is accepted under %x", a)
				}
			}
		}
		if !forged {
			t.Errorf("%x: the library refuses as well, so the test shows nothing", a)
		}
	}
}

func TestC5OneEncodingOfEachPoint(t *testing.T) {
	decodable := 0
	for name, b := range badPublicKeys(t) {
		p, err := new(edwards25519.Point).SetBytes(b[:])
		if err != nil {
			continue
		}
		_, ok := decodePoint(b[:])
		canonical := bytes.Equal(p.Bytes(), b[:])
		if ok != canonical {
			t.Errorf("%s: decoded %v, canonical %v", name, ok, canonical)
		}
		if !canonical {
			decodable++
		}
	}
	if decodable < 5 {
		t.Errorf("only %d second encodings were tried", decodable)
	}
}

func TestC5ScalarsAreReduced(t *testing.T) {
	s := NewSigner(&Key{1}, &Key{2}, "doc")
	public := s.Public()
	sig, err := s.Sign([]byte("m"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	high := sig
	addScalarOrder(high[32:])
	if VerifySignature(&public, []byte("m"), high[:]) {
		t.Error("S + ℓ is accepted: one record would have two forms")
	}
	for _, n := range []int{0, 32, 63, 65} {
		if VerifySignature(&public, []byte("m"), append(sig[:], 0)[:n]) {
			t.Errorf("a signature of %d bytes is accepted", n)
		}
	}
}

// addScalarOrder adds ℓ = 2^252 + 27742317777372353535851937790883648493 to a little-endian number.
func addScalarOrder(s []byte) {
	ell := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
	carry := 0
	for i := range ell {
		carry += int(s[i]) + int(ell[i])
		s[i] = byte(carry)
		carry >>= 8
	}
}

// A key with a component of small order is its maker's own business as long as all verifiers agree on it: only
// the cofactorless equation counts.
func TestC5VerificationIsCofactorless(t *testing.T) {
	s := NewSigner(&Key{1}, &Key{2}, "doc")
	mixed := [32]byte(new(edwards25519.Point).Add(new(edwards25519.Point).ScalarBaseMult(&s.a), order8(t)).Bytes())
	accepted := 0
	for i := range byte(64) {
		message := []byte{i}
		sig := sign(&s.a, &mixed, &[64]byte{i}, message)
		ok := VerifySignature(&mixed, message, sig[:])
		k := hashToScalar(sig[:32], mixed[:], message)
		if want := k.Bytes()[0]&7 == 0; ok != want {
			t.Fatalf("message %d: accepted %v, cofactorless %v", i, ok, want)
		}
		if ok {
			accepted++
		}
	}
	if accepted == 0 || accepted == 64 {
		t.Errorf("%d of 64 accepted: the test shows nothing", accepted)
	}
}
