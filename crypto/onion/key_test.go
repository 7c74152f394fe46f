package onion

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// SPEC §2.
func TestParsePublicKey(t *testing.T) {
	key := onionKey(1)
	raw := key.Public().Bytes()
	p, err := ParsePublicKey(raw)
	if err != nil || !bytes.Equal(p.Bytes(), raw) || p.Hash() != key.Hash() || KeyHash(raw) != key.Hash() {
		t.Fatalf("%v", err)
	}
	want := refSHA3([]byte("nightjar onion key v1"), raw)
	if h := p.Hash(); !bytes.Equal(h[:], want) {
		t.Errorf("the hash is %x, want %x", h, want)
	}
	p.Bytes()[0] ^= 1
	raw[1] ^= 1
	if p.Hash() != key.Hash() {
		t.Error("the key shares bytes with its caller")
	}
	raw[1] ^= 1
	for _, n := range []int{0, 1, 32, KeySize - 1, KeySize + 1} {
		if p, err := ParsePublicKey(append(bytes.Clone(raw), 0)[:n]); p != nil || err != ErrKey {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	// A coefficient is 12 bits, below q = 3329: two a triple of bytes. FIPS 203 §7.2 refuses the others.
	for _, at := range []int{0, 1, 383, 767} {
		bad := bytes.Clone(raw)
		i := at / 2 * 3
		if at%2 == 0 {
			bad[i], bad[i+1] = 0x01, bad[i+1]&0xf0|0x0d // 0xd01 = q
		} else {
			bad[i+1], bad[i+2] = bad[i+1]&0x0f|0x10, 0xd0
		}
		if p, err := ParsePublicKey(bad); p != nil || err != ErrKey {
			t.Errorf("coefficient %d is q: %v", at, err)
		}
	}
}

// Invariant 7, under every verb, by value, by pointer and within other values.
func TestSecretsDoNotPrint(t *testing.T) {
	key := onionKey(1)
	h, _ := begin(t, key, 2)
	l, _ := ends(3)
	seed, ss := key.Seed(), h.ss1
	type holder struct {
		K *SecretKey
		H *Handshake
		L *Layer
		V Layer
	}
	values := []any{key, *key, h, *h, l, *l, holder{key, h, l, *l}, []any{key, h, l}, map[string]*SecretKey{"k": key}}
	for _, secret := range [][]byte{seed[:], ss[:], l.chain[:]} {
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
				got := fmt.Sprintf(verb, v)
				for _, form := range []string{"%x", "%X", "%d", "%q", "%s"} {
					if secret := strings.Trim(fmt.Sprintf(form, secret[:6]), "[]\""); strings.Contains(got, secret) {
						t.Errorf("%s of %T prints a secret", verb, v)
					}
				}
				if !strings.Contains(got, "redacted") {
					t.Errorf("%s of %T does not say that it hides one", verb, v)
				}
			}
		}
	}
}

// Two relays' worth of work at one time under one key (doc.go, "Concurrency"); it shows under the race detector.
func TestAKeyMayBeSharedByMany(t *testing.T) {
	key := onionKey(1)
	for n := range uint64(4) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			for i := range uint64(5) {
				h, create := begin(t, key, 10*n+i)
				created, _, _ := accept(t, key, create, n)
				if _, _, _, err := h.Finish(created); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
