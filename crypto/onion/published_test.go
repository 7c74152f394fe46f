package onion

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/cloudflare/circl/kem/xwing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// draft-connolly-cfrg-xwing-kem, appendix C: the library's X-Wing, through our keys, and the reference's.
func TestXWingVectorsOfTheDraft(t *testing.T) {
	raw, err := os.ReadFile("testdata/published/xwing.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Seed, ESeed, SS, SK, PK, CT string }
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 3 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for i, v := range vectors {
		seed, ss, pk, ct := unhex(t, v.Seed), unhex(t, v.SS), unhex(t, v.PK), unhex(t, v.CT)
		key := RestoreSecretKey([32]byte(seed))
		if k := key.Seed(); !bytes.Equal(key.Public().Bytes(), pk) || hex.EncodeToString(k[:]) != v.SK {
			t.Errorf("%d: another key pair", i)
		}
		public, err := ParsePublicKey(pk)
		if err != nil {
			t.Fatal(err)
		}
		gotCT, gotSS := make([]byte, xwing.CiphertextSize), make([]byte, xwing.SharedKeySize)
		public.key.EncapsulateTo(gotCT, gotSS, unhex(t, v.ESeed))
		if !bytes.Equal(gotCT, ct) || !bytes.Equal(gotSS, ss) {
			t.Errorf("%d: another encapsulation", i)
		}
		if key.key.DecapsulateTo(gotSS, ct); !bytes.Equal(gotSS, ss) {
			t.Errorf("%d: another secret", i)
		}
		ref := newRefXWing(t, seed)
		refCT, refSS := refEncap(t, pk, unhex(t, v.ESeed))
		if !bytes.Equal(ref.public(), pk) || !bytes.Equal(refCT, ct) || !bytes.Equal(refSS, ss) || !bytes.Equal(ref.decap(t, ct), ss) {
			t.Errorf("%d: the reference differs", i)
		}
	}
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13, 14 and 16. That the layer's hash is GHASH
// then follows from TestLayerIsTheReference.
func TestGHASHVectorsOfTheGCMPaper(t *testing.T) {
	for _, v := range []struct{ name, key, nonce, aad, text, tag string }{
		{"13", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
			"530f8afbc74536b9a963b4f1c4cb738b"},
		{"14", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
			"cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
		{"16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
			"76fc6ece0f4e1768cddf8853bb2d551b"},
	} {
		got := refTag([32]byte(unhex(t, v.key)), [12]byte(unhex(t, v.nonce)), unhex(t, v.aad), unhex(t, v.text))
		if hex.EncodeToString(got[:]) != v.tag {
			t.Errorf("case %s: the reference's tag is %x", v.name, got)
		}
	}
}

// SP 800-38A, F.5.5 (CTR-AES256).
func TestCTRVectorOfSP80038A(t *testing.T) {
	key := unhex(t, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
	counter := unhex(t, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
	got := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	want := unhex(t, "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"+
		"2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6")
	if xorAll(got, refCTR([32]byte(key), [16]byte(counter), len(got))); !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
}

// FIPS 197, C.3 (AES-256), for the three places where a layer uses the block cipher itself.
func TestAESVectorOfFIPS197(t *testing.T) {
	key := unhex(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	l := newLayer(cat(key, key, key, make([]byte, blockSize)))
	for _, c := range []cipher.Block{l.key, l.middle, l.nonces} {
		b := unhex(t, "00112233445566778899aabbccddeeff")
		if c.Encrypt(b, b); hex.EncodeToString(b) != "8ea2b7ca516745bfeafc49904b496089" {
			t.Errorf("%x", b)
		}
	}
}
