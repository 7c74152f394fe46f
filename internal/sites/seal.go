package sites

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"nightjar/crypto"
	"nightjar/keys"
)

// The layout of a sealed site, SPEC §2.
const (
	sealedStart = "nightjar-site-1:"
	offEffort   = crypto.SaltSize
	offNonce    = offEffort + 6
	offBox      = offNonce + crypto.NonceSize
	// MaxSealed bounds the text that Unseal reads, in bytes.
	MaxSealed = 8192
)

// ErrSealed reports text that is no sealed site, or a wrong passphrase: the two cannot be told apart.
var ErrSealed = errors.New("sites: not an exported site, or the passphrase is wrong")

// sealed is what is inside.
type sealed struct {
	Insert string `json:"insert"`
	Newest int64  `json:"newest"`
}

// Seal turns a site into one line of text that only the passphrase opens.
func Seal(s *Site, passphrase []byte, random io.Reader) (string, error) {
	return seal(s, passphrase, random, crypto.StandardEffort())
}

func seal(s *Site, passphrase []byte, random io.Reader, e crypto.Effort) (string, error) {
	var salt [crypto.SaltSize]byte
	var nonce [crypto.NonceSize]byte
	for _, b := range [][]byte{salt[:], nonce[:]} {
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fmt.Errorf("sites: drawing a salt: %w", err)
		}
	}
	key, err := crypto.PassphraseKey(passphrase, &salt, e)
	if err != nil {
		return "", err
	}
	defer key.Wipe()
	plain, err := json.Marshal(sealed{s.Insert.Encode(), s.Newest})
	if err != nil {
		return "", fmt.Errorf("sites: encoding %q: %w", s.Name(), err)
	}
	defer clear(plain)
	b := binary.BigEndian.AppendUint32(salt[:], e.Memory)
	b = append(b, e.Passes, e.Lanes)
	b = append(b, nonce[:]...)
	return sealedStart + base64.RawURLEncoding.EncodeToString(crypto.Seal(b, &key, &nonce, plain, associated(b))), nil
}

// associated binds everything before the box.
func associated(head []byte) []byte { return append([]byte(sealedStart), head[:offBox]...) }

// Unseal opens what Seal made, as an insert URI for Book.Add and the newest edition known; ErrSealed.
func Unseal(text string, passphrase []byte) (insert keys.URI, newest int64, err error) {
	if len(text) > MaxSealed {
		return keys.URI{}, 0, ErrSealed
	}
	body, ok := strings.CutPrefix(strings.TrimSpace(text), sealedStart)
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !ok || err != nil || strings.ContainsAny(body, "\r\n") || len(b) < offBox+crypto.Overhead { // package base64 skips line breaks
		return keys.URI{}, 0, ErrSealed
	}
	e := crypto.Effort{Memory: binary.BigEndian.Uint32(b[offEffort:]), Passes: b[offEffort+4], Lanes: b[offEffort+5]}
	salt, nonce := [crypto.SaltSize]byte(b), [crypto.NonceSize]byte(b[offNonce:])
	key, err := crypto.PassphraseKey(passphrase, &salt, e)
	if err != nil {
		return keys.URI{}, 0, errors.Join(ErrSealed, err)
	}
	defer key.Wipe()
	plain, err := crypto.Open(nil, &key, &nonce, b[offBox:], associated(b))
	if err != nil {
		return keys.URI{}, 0, ErrSealed
	}
	defer clear(plain)
	var in sealed
	if err := json.Unmarshal(plain, &in); err != nil {
		return keys.URI{}, 0, ErrSealed
	}
	insert, err = keys.ParseURI(in.Insert)
	if err != nil || insert.Type != keys.USK || !insert.Insert || in.Newest < -1 || in.Newest == math.MaxInt64 {
		return keys.URI{}, 0, ErrSealed
	}
	return insert, in.Newest, nil
}
