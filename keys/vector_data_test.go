package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"

	"nightjar/crypto"
)

// A data vector names its block instead of holding it: the plaintext is the counter stream of "plain", encrypted under
// "key"; then "size" cuts the ciphertext or lengthens it with zeros, and the bit "flip", if not -1, is flipped.
func dataVectors() (vs []vector) {
	key := counter32("data key")
	honest := append([]byte{byte(KindData)}, dataName(counterBytes("block", DataSize), key)...)
	add := func(name, comment, expect string, id []byte, size, flip int) {
		vs = append(vs, vector{"data/" + name, comment, []field{
			{"expect", expect}, {"id", hex.EncodeToString(id)}, {"key", hex.EncodeToString(key[:])},
			{"plain", strconv.Quote("block")}, {"size", strconv.Itoa(size)}, {"flip", strconv.Itoa(flip)},
		}})
	}
	add("accept", "an honest block", "accept", honest, DataSize, -1)
	add("flip-first", "the first bit differs", "reject", honest, DataSize, 0)
	add("flip-middle", "a bit in the middle differs", "reject", honest, DataSize, 4*DataSize+3)
	add("flip-last", "the last bit differs", "reject", honest, DataSize, 8*DataSize-1)
	add("short", "a byte is missing", "reject", honest, DataSize-1, -1)
	add("long", "a byte too many", "reject", honest, DataSize+1, -1)
	add("empty", "nothing", "reject", honest, 0, -1)
	short := append([]byte{byte(KindData)}, counterName(counterBytes("block", DataSize), key, DataSize-1)...)
	add("short-own-name", "a short block under its own hash", "reject", short, DataSize-1, -1)
	long := append([]byte{byte(KindData)}, counterName(counterBytes("block", DataSize), key, DataSize+1)...)
	add("long-own-name", "a long block under its own hash", "reject", long, DataSize+1, -1)
	wrong := bytes.Clone(honest)
	wrong[32] ^= 1
	add("wrong-name", "another name", "reject", wrong, DataSize, -1)
	record := bytes.Clone(honest)
	record[0] = byte(KindRecord)
	add("kind-record", "the name as that of a record", "reject", record, DataSize, -1)
	for _, kind := range []byte{0, 3, 255} {
		other := bytes.Clone(honest)
		other[0] = kind
		add("kind-"+strconv.Itoa(int(kind)), "an unknown kind", "bad-id", other, DataSize, -1)
	}
	add("id-short", "an ID of 32 bytes", "bad-id", honest[:32], DataSize, -1)
	return vs
}

// dataName is the hash of the ciphertext, without the package's own code.
func dataName(plain []byte, key [32]byte) []byte { return counterName(plain, key, len(plain)) }

func counterName(plain []byte, key [32]byte, size int) []byte {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	buf := make([]byte, max(size, len(plain)))
	cipher.NewCTR(c, make([]byte, 16)).XORKeyStream(buf, plain)
	h := sha256.Sum256(buf[:size])
	return h[:]
}

func TestDataVectors(t *testing.T) {
	eachVector(t, "data", func(t *testing.T, v vector, expect string) {
		id, rest, err := ParseID(v.bytes(t, "id"))
		if expect == "bad-id" {
			if err == nil {
				t.Error("the ID parses")
			}
			return
		}
		if err != nil || len(rest) != 0 || !bytes.Equal(id.Append(nil), v.bytes(t, "id")) {
			t.Fatalf("ID: %d bytes left, %v", len(rest), err)
		}
		key := crypto.Key(v.bytes(t, "key"))
		sealed := SealData(counterBytes(v.text(t, "plain"), DataSize), &key)
		data := append(bytes.Clone(sealed.Data()), 0)[:v.number(t, "size")]
		if flip := v.get(t, "flip"); flip != "-1" {
			bit := v.number(t, "flip")
			data[bit/8] ^= 1 << (bit % 8)
		}
		b, err := Verify(id, data)
		if expect == "reject" {
			if err != ErrInvalid || !b.IsZero() {
				t.Errorf("got %v, %v", b, err)
			}
			return
		}
		if err != nil || b.ID() != id || sealed.ID() != id {
			t.Fatalf("the block is refused or has another name: %v", err)
		}
		plain := make([]byte, DataSize)
		OpenData(plain, b, &key)
		if !bytes.Equal(plain, counterBytes(v.text(t, "plain"), DataSize)) {
			t.Error("the block does not open to its plaintext")
		}
	})
}
