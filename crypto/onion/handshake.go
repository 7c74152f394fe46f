package onion

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cloudflare/circl/kem/xwing"
)

// ErrHandshake reports a handshake message that is malformed, not for this relay or key, or not by who answers for it.
var ErrHandshake = errors.New("onion: the handshake failed")

// The layout of CREATE (SPEC §3.1).
const (
	createVersion = 1
	createType    = 1

	atNonce = 2
	atHash  = atNonce + 16
	atCtB   = atHash + 32
	atE     = atCtB + xwing.CiphertextSize
	atExt   = atE + KeySize
	tagSize = 16
)

// The layout of CREATED (SPEC §3.2).
const (
	atConf   = xwing.CiphertextSize
	atAnswer = atConf + 32
)

const labelHandshake = "nightjar onion v1 handshake"

// Handshake is the originator's half while the answer is awaited. It is used once.
type Handshake struct {
	secret xwing.PrivateKey // of E
	ss1    []byte
	th0    [32]byte
	ext    [ExtSize + tagSize]byte
	used   bool
}

// Begin starts a handshake with the relay that has the given identity and onion key; ext reaches it sealed. create has
// CreateSize bytes. E is drawn anew for every handshake.
func Begin(rand io.Reader, relay [32]byte, key *PublicKey, ext *[ExtSize]byte) (h *Handshake, create []byte, err error) {
	random := make([]byte, 16+32+xwing.EncapsulationSeedSize)
	if _, err := io.ReadFull(rand, random); err != nil {
		return nil, nil, fmt.Errorf("onion: randomness: %w", err)
	}
	defer clear(random)
	nonce, seedE, seedB := random[:16], random[16:48], random[48:]
	secret, public := xwing.DeriveKeyPair(seedE)
	create = make([]byte, atExt, CreateSize)
	create[0], create[1] = createVersion, createType
	copy(create[atNonce:], nonce)
	hash := key.Hash()
	copy(create[atHash:], hash[:])
	h = &Handshake{secret: *secret, ss1: make([]byte, xwing.SharedKeySize)}
	key.key.EncapsulateTo(create[atCtB:atE], h.ss1, seedB)
	public.Pack(create[atE:atExt])
	h.th0 = transcript(relay, create)
	create = extAEAD(h.ss1, h.th0).Seal(create, zeroNonce(), ext[:], nil)
	copy(h.ext[:], create[atExt:])
	return h, create, nil
}

// transcript is th0: the relay and CREATE up to its sealed part.
func transcript(relay [32]byte, create []byte) [32]byte {
	h := sha3.New256()
	h.Write([]byte(labelHandshake))
	h.Write(relay[:])
	h.Write(create[:atExt])
	return [32]byte(h.Sum(nil))
}

// extAEAD seals what CREATE carries. Its key is used once.
func extAEAD(ss1 []byte, th0 [32]byte) cipher.AEAD {
	return onceAEAD(derive(hkdfExtract(th0[:], ss1), "ext", 32))
}

func onceAEAD(key []byte) cipher.AEAD {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("onion: " + err.Error()) // the length is right
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		panic("onion: " + err.Error())
	}
	return a
}

func zeroNonce() []byte { return make([]byte, 12) }

func hkdfExtract(salt, secret []byte) []byte {
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("onion: " + err.Error()) // only FIPS mode refuses
	}
	return prk
}

func derive(prk []byte, label string, n int) []byte {
	k, err := hkdf.Expand(sha256.New, prk, label, n)
	if err != nil {
		panic("onion: " + err.Error()) // n is within bounds
	}
	return k
}

// schedule is what both sides derive (SPEC §4).
type schedule struct {
	fwd, bwd *Layer
	conf     []byte
	answer   cipher.AEAD
}

func newSchedule(th0 [32]byte, ext, ctE, ss1, ss2 []byte) schedule {
	h := sha3.New256()
	h.Write(th0[:])
	h.Write(ext)
	h.Write(ctE)
	th := h.Sum(nil)
	prk := hkdfExtract(th, slices.Concat(ss1, ss2))
	mac := hmac.New(sha256.New, derive(prk, "conf", 32))
	mac.Write(th)
	return schedule{
		fwd:    newLayer(derive(prk, "fwd", layerKeys)),
		bwd:    newLayer(derive(prk, "bwd", layerKeys)),
		conf:   mac.Sum(nil),
		answer: onceAEAD(derive(prk, "answer", 32)),
	}
}

// Finish takes the relay's answer: the layers of the hop, and what the relay sealed for the originator. The error is
// ErrHandshake; the handshake is over either way, and its secrets are gone.
func (h *Handshake) Finish(created []byte) (fwd, bwd *Layer, answer [AnswerSize]byte, err error) {
	if h.used || len(created) != CreatedSize {
		return nil, nil, answer, ErrHandshake
	}
	h.used = true
	ss2 := make([]byte, xwing.SharedKeySize)
	h.secret.DecapsulateTo(ss2, created[:atConf])
	s := newSchedule(h.th0, h.ext[:], created[:atConf], h.ss1, ss2)
	clear(ss2)
	clear(h.ss1)
	h.secret = xwing.PrivateKey{}
	if !hmac.Equal(s.conf, created[atConf:atAnswer]) {
		return nil, nil, answer, ErrHandshake
	}
	plain, err := s.answer.Open(nil, zeroNonce(), created[atAnswer:], nil)
	if err != nil {
		return nil, nil, answer, ErrHandshake
	}
	return s.fwd, s.bwd, [AnswerSize]byte(plain), nil
}

// Accept is the relay's side: it checks CREATE against the keys that it still takes, asks answer what to say to the sealed
// extension, and returns CREATED and the layers. fwd is to be decrypted with, bwd to encrypt with. The error is ErrHandshake.
func Accept(rand io.Reader, relay [32]byte, keys []*SecretKey, create []byte, answer func(ext *[ExtSize]byte) [AnswerSize]byte) (created []byte, fwd, bwd *Layer, err error) {
	if len(create) != CreateSize || create[0] != createVersion || create[1] != createType {
		return nil, nil, nil, ErrHandshake
	}
	i := slices.IndexFunc(keys, func(k *SecretKey) bool { return k.hash == [32]byte(create[atHash:atCtB]) })
	if i < 0 {
		return nil, nil, nil, ErrHandshake
	}
	ss1 := make([]byte, xwing.SharedKeySize)
	keys[i].key.DecapsulateTo(ss1, create[atCtB:atE])
	th0 := transcript(relay, create)
	plain, err := extAEAD(ss1, th0).Open(nil, zeroNonce(), create[atExt:], nil)
	if err != nil {
		return nil, nil, nil, ErrHandshake
	}
	e, err := ParsePublicKey(create[atE:atExt]) // after the seal: a stranger pays for that first
	if err != nil {
		return nil, nil, nil, ErrHandshake
	}
	seed := make([]byte, xwing.EncapsulationSeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, nil, nil, fmt.Errorf("onion: randomness: %w", err)
	}
	created = make([]byte, atAnswer, CreatedSize)
	ss2 := make([]byte, xwing.SharedKeySize)
	e.key.EncapsulateTo(created[:atConf], ss2, seed)
	s := newSchedule(th0, create[atExt:], created[:atConf], ss1, ss2)
	clear(seed)
	clear(ss1)
	clear(ss2)
	copy(created[atConf:], s.conf)
	say := answer((*[ExtSize]byte)(plain))
	return s.answer.Seal(created, zeroNonce(), say[:], nil), s.fwd, s.bwd, nil
}

// ReplayTag is what a relay remembers of a CREATE to refuse it a second time. create has CreateSize bytes.
func ReplayTag(create []byte) [16]byte {
	h := sha3.New256()
	h.Write(create[atNonce:atHash])
	h.Write(create[atCtB:atE])
	return [16]byte(h.Sum(nil))
}
