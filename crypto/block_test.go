package crypto

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestSealBlockEncryptsNamesAndOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "plain")
		key := Key(rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(t, "key"))
		apart := make([]byte, len(plain))
		name := SealBlock(apart, plain, &key)
		if name != sha256.Sum256(apart) {
			t.Fatal("the name is not the hash of the ciphertext")
		}
		inPlace := bytes.Clone(plain)
		if SealBlock(inPlace, inPlace, &key) != name || !bytes.Equal(inPlace, apart) {
			t.Fatal("sealing in place differs")
		}
		OpenBlock(inPlace, inPlace, &key)
		if !bytes.Equal(inPlace, plain) {
			t.Fatal("the block does not open to what was sealed")
		}
	})
}

// The key stream under the zero key, as another implementation gives it:
//
//	head -c 32 /dev/zero | openssl enc -aes-256-ctr -K $(printf '00%.0s' $(seq 32)) -iv $(printf '00%.0s' $(seq 16)) | xxd -p
func TestSealBlockIsAES256CTRFromZero(t *testing.T) {
	dst := make([]byte, 32)
	SealBlock(dst, make([]byte, 32), &Key{})
	const want = "dc95c078a2408989ad48a21492842087" + "530f8afbc74536b9a963b4f1c4cb738b"
	if hex.EncodeToString(dst) != want {
		t.Errorf("key stream is %x", dst)
	}
}

func TestC8OpenFailsAlikeWhateverIsWrong(t *testing.T) {
	key, nonce, ad := Key{1}, [NonceSize]byte{2}, []byte("context")
	sealed := Seal([]byte("head"), &key, &nonce, []byte("message"), ad)
	if string(sealed[:4]) != "head" || len(sealed) != 4+len("message")+Overhead {
		t.Fatalf("sealed is %d bytes", len(sealed))
	}
	sealed = sealed[4:]
	got, err := Open([]byte("head"), &key, &nonce, sealed, ad)
	if err != nil || string(got) != "headmessage" {
		t.Fatalf("got %q, %v", got, err)
	}
	flipped := bytes.Clone(sealed)
	flipped[3] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"key":        func() ([]byte, error) { return Open(nil, &Key{9}, &nonce, sealed, ad) },
		"nonce":      func() ([]byte, error) { return Open(nil, &key, &[NonceSize]byte{9}, sealed, ad) },
		"ciphertext": func() ([]byte, error) { return Open(nil, &key, &nonce, flipped, ad) },
		"truncated":  func() ([]byte, error) { return Open(nil, &key, &nonce, sealed[:len(sealed)-1], ad) },
		"too short":  func() ([]byte, error) { return Open(nil, &key, &nonce, sealed[:3], ad) },
		"empty":      func() ([]byte, error) { return Open(nil, &key, &nonce, nil, ad) },
		"context":    func() ([]byte, error) { return Open(nil, &key, &nonce, sealed, nil) },
	} {
		if out, err := open(); !errors.Is(err, ErrOpen) || err.Error() != ErrOpen.Error() || out != nil {
			t.Errorf("wrong %s: got %q, %v", name, out, err)
		}
	}
}
