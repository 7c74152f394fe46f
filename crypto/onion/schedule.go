package onion

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
)

// Labels (SPEC §1.2).
const (
	labelKey       = "nightjar onion key v1"
	labelHandshake = "nightjar onion v1 handshake"

	labelExt     = "ext"
	labelForward = "fwd"
	labelBack    = "bwd"
	labelConf    = "conf"
	labelAnswer  = "answer"
)

// secretSize is the size of a shared secret, a label's key and a hash.
const secretSize = 32

// transcript is th0: the relay and CREATE up to its sealed part (SPEC §4.1).
func transcript(relay [32]byte, create []byte) [32]byte {
	h := sha3.New256()
	h.Write([]byte(labelHandshake))
	h.Write(relay[:])
	h.Write(create[:atExt])
	return [32]byte(h.Sum(nil))
}

// extAEAD seals what CREATE carries. Its key is used once.
func extAEAD(ss1 *[secretSize]byte, th0 [32]byte) cipher.AEAD {
	prk := extract(th0[:], ss1[:])
	defer clear(prk)
	return onceAEAD(prk, labelExt)
}

// schedule is what both sides derive (SPEC §4.2).
type schedule struct {
	fwd, bwd *Layer
	conf     []byte
	answer   cipher.AEAD
}

func newSchedule(th0 [32]byte, ext, ctE []byte, ss1, ss2 *[secretSize]byte) schedule {
	h := sha3.New256()
	h.Write(th0[:])
	h.Write(ext)
	h.Write(ctE)
	th := h.Sum(nil)

	var secret [2 * secretSize]byte
	copy(secret[:], ss1[:])
	copy(secret[secretSize:], ss2[:])
	prk := extract(th, secret[:])
	clear(secret[:])
	defer clear(prk)

	kc := expand(prk, labelConf, secretSize)
	defer clear(kc)
	mac := hmac.New(sha256.New, kc)
	mac.Write(th)
	return schedule{
		fwd:    deriveLayer(prk, labelForward),
		bwd:    deriveLayer(prk, labelBack),
		conf:   mac.Sum(nil),
		answer: onceAEAD(prk, labelAnswer),
	}
}

func deriveLayer(prk []byte, label string) *Layer {
	k := expand(prk, label, layerKeys)
	defer clear(k)
	return newLayer(k)
}

// onceAEAD is AES-256-GCM under a key that seals one message, so that its nonce may be constant.
func onceAEAD(prk []byte, label string) cipher.AEAD {
	k := expand(prk, label, secretSize)
	defer clear(k)
	return gcm(k)
}

func gcm(key []byte) cipher.AEAD {
	a, err := cipher.NewGCM(block(key))
	if err != nil {
		panic("onion: " + err.Error()) // AES has the block size that GCM wants
	}
	return a
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("onion: " + err.Error()) // the length is right
	}
	return b
}

func extract(salt, secret []byte) []byte {
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("onion: " + err.Error()) // only FIPS mode refuses, and only short secrets
	}
	return prk
}

func expand(prk []byte, label string, n int) []byte {
	k, err := hkdf.Expand(sha256.New, prk, label, n)
	if err != nil {
		panic("onion: " + err.Error()) // n is within bounds
	}
	return k
}
