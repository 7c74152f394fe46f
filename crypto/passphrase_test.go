package crypto

import (
	"encoding/hex"
	"errors"
	"testing"

	"golang.org/x/crypto/argon2"
)

// The known answer of the reference implementation (P-H-C/phc-winner-argon2, src/test.c: Argon2id, version 19, t=2, m=2^16, p=1).
func TestArgon2idKnownAnswer(t *testing.T) {
	const want = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
	if got := hex.EncodeToString(argon2.IDKey([]byte("password"), []byte("somesalt"), 2, 1<<16, 1, 32)); got != want {
		t.Errorf("Argon2id = %s, want %s", got, want)
	}
}

func TestPassphraseKeyDependsOnAllOfItsInput(t *testing.T) {
	e := Effort{Memory: minMemory, Passes: 1, Lanes: 1}
	derive := func(pass string, salt byte, e Effort) Key {
		k, err := PassphraseKey([]byte(pass), &[SaltSize]byte{salt}, e)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := derive("a", 1, e)
	if derive("a", 1, e) != base {
		t.Error("one passphrase gives two keys")
	}
	two := Effort{Memory: minMemory, Passes: 2, Lanes: 1}
	for name, other := range map[string]Key{"passphrase": derive("b", 1, e), "salt": derive("a", 2, e), "effort": derive("a", 1, two)} {
		if other == base {
			t.Errorf("the %s does not matter", name)
		}
	}
}

// C9.
func TestEffortHasBounds(t *testing.T) {
	at := func(m uint32, p, l uint8) Effort { return Effort{Memory: m, Passes: p, Lanes: l} }
	for e, want := range map[Effort]error{
		StandardEffort():              nil,
		at(minMemory, 1, 1):           nil,
		at(minMemory-1, 1, 1):         ErrEffort,
		at(maxMemory, 1, 1):           nil,
		at(maxMemory+1, 1, 1):         ErrEffort,
		at(minMemory, 0, 1):           ErrEffort,
		at(minMemory, maxPasses, 1):   nil,
		at(minMemory, maxPasses+1, 1): ErrEffort,
		at(minMemory, 1, 0):           ErrEffort,
		at(minMemory, 1, maxLanes):    nil,
		at(minMemory, 1, maxLanes+1):  ErrEffort,
		{}:                            ErrEffort,
		at(1<<32-1, 255, 255):         ErrEffort,
	} {
		if err := e.Check(); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", e, err, want)
		}
	}
	if _, err := PassphraseKey(nil, new([SaltSize]byte), Effort{}); !errors.Is(err, ErrEffort) {
		t.Errorf("a key at no cost: %v", err)
	}
}
