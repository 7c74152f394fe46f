package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"testing"
	"time"
)

const blockSize = 32768

// rawBlock is the baseline: AES-256-CTR and SHA-256 from the standard library, one after the other, with the cipher
// and the stream made for the block as a single-use key demands.
func rawBlock(buf []byte, key *Key, iv *[aes.BlockSize]byte) [32]byte {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	cipher.NewCTR(c, iv[:]).XORKeyStream(buf, buf)
	return sha256.Sum256(buf)
}

// BenchmarkSealBlock measures what inserting a block costs here, key derivation included, beside the raw library; the
// last line runs both in turn and reports our speed as a percentage of the library's.
//
//	go test -bench SealBlock -run '^$' ./crypto
func BenchmarkSealBlock(b *testing.B) {
	buf := make([]byte, blockSize)
	file := Key{1}
	seal := func(i int) {
		k := BlockKey(&file, 0, uint32(i))
		SealBlock(buf, buf, &k)
	}
	raw := func(int) { rawBlock(buf, &file, new([aes.BlockSize]byte)) }
	b.Run("nightjar", func(b *testing.B) { benchBlocks(b, seal) })
	b.Run("raw", func(b *testing.B) { benchBlocks(b, raw) })
	b.Run("percent-of-raw", func(b *testing.B) {
		var ours, theirs time.Duration
		for i := 0; b.Loop(); i++ {
			start := time.Now()
			seal(i)
			middle := time.Now()
			raw(i)
			ours += middle.Sub(start)
			theirs += time.Since(middle)
		}
		b.ReportMetric(100*float64(theirs)/float64(ours), "%raw")
	})
}

func benchBlocks(b *testing.B, f func(i int)) {
	b.SetBytes(blockSize)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f(i)
	}
}

func BenchmarkOpenBlock(b *testing.B) {
	buf := make([]byte, blockSize)
	key := Key{1}
	benchBlocks(b, func(int) { OpenBlock(buf, buf, &key) })
}

func BenchmarkBlockKey(b *testing.B) {
	file := Key{1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		BlockKey(&file, 0, uint32(i))
	}
}

// BenchmarkVerifySignature is what a storing node pays for a record; BenchmarkBlindPublic what a reader pays to find one.
func BenchmarkVerifySignature(b *testing.B) {
	s := NewSigner(&Key{1}, &Key{2}, "doc")
	message := make([]byte, 4096)
	sig, err := s.Sign(message, zeros{})
	if err != nil {
		b.Fatal(err)
	}
	public := s.Public()
	for b.Loop() {
		if !VerifySignature(&public, message, sig[:]) {
			b.Fatal("signature does not verify")
		}
	}
}

func BenchmarkBlindPublic(b *testing.B) {
	public := PublicKey(&Key{1})
	for b.Loop() {
		if _, _, err := BlindPublic(&public, &Key{2}, "doc"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	message := make([]byte, 4096)
	for b.Loop() {
		s := NewSigner(&Key{1}, &Key{2}, "doc")
		if _, err := s.Sign(message, zeros{}); err != nil {
			b.Fatal(err)
		}
	}
}

// zeros is a random source that has failed.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
