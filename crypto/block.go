package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
)

// SealBlock encrypts src into dst (same length, may be the same slice) under a key that is used for this one
// block and never again, and returns the SHA-256 of the ciphertext: the block's name and its integrity.
// The cipher is AES-256-CTR with a zero counter block, which is safe because the key is used once.
func SealBlock(dst, src []byte, key *Key) [32]byte {
	xorBlock(dst, src, key)
	return sha256.Sum256(dst)
}

// OpenBlock reverses SealBlock. The caller has already checked the name of src: the cipher alone authenticates nothing.
func OpenBlock(dst, src []byte, key *Key) { xorBlock(dst, src, key) }

func xorBlock(dst, src []byte, key *Key) {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic("crypto: AES refused a 32-byte key: " + err.Error())
	}
	var iv [aes.BlockSize]byte
	cipher.NewCTR(c, iv[:]).XORKeyStream(dst[:len(src)], src)
}
