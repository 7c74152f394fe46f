package crypto

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// Label separates the uses of a secret or of a hash: two derivations with different labels have nothing in common.
// Labels are joined with what follows them without a separator, so none may be a prefix of another. Formats of other
// packages declare theirs as constants of this type and begin them with the package's name.
type Label string

// The labels of blocks and records. They are part of the formats: changing one makes content unreadable.
const (
	// LabelBlock derives the key of one block from the key of its file.
	LabelBlock Label = "block v1"
	// LabelBlind derives a document's blinding factor and its kd from the read capability.
	LabelBlind Label = "blind v1"
	// LabelNonce binds the prefix of a signature's nonce to the document.
	LabelNonce Label = "nonce v1"
	// LabelRecordKey derives the key that encrypts a document's records from kd.
	LabelRecordKey Label = "enc v1"
	// LabelRecord begins the message that a record's signature covers.
	LabelRecord Label = "rec v1"
	// LabelKeywordSeed derives a KSK's author seed from its word.
	LabelKeywordSeed Label = "ksk seed v1"
	// LabelKeywordRead derives a KSK's read capability from its word.
	LabelKeywordRead Label = "ksk read v1"
	// LabelRotation begins the hash that gives a block its positions on the ring.
	LabelRotation Label = "rot"
)

// labels lists the constants above for the test of C2.
func labels() []Label {
	return []Label{
		LabelBlock, LabelBlind, LabelNonce, LabelRecordKey, LabelRecord,
		LabelKeywordSeed, LabelKeywordRead, LabelRotation,
	}
}

// DeriveKey derives a key from a secret of any length and entropy: HKDF-SHA256 (RFC 5869) without salt, whose info is
// the label followed by context. The context has a fixed length or carries its own, for each label.
func DeriveKey(secret []byte, label Label, context []byte) (k Key) {
	b, err := hkdf.Key(sha256.New, secret, nil, string(label)+string(context), KeySize)
	if err != nil {
		panic("crypto: HKDF refused 32 bytes: " + err.Error())
	}
	copy(k[:], b)
	clear(b)
	return k
}

// BlockKey is the single-use key of one block of a file: HKDF-Expand with SHA-256 from the file's key, which is
// already uniform, and info = LabelBlock, segment and index as 4 bytes each, big-endian. Blocks that are not data or
// check blocks of the file, such as nested tables, need a file key of their own.
func BlockKey(file *Key, segment, index uint32) (k Key) {
	var info [len(LabelBlock) + 8]byte
	n := copy(info[:], LabelBlock)
	binary.BigEndian.PutUint32(info[n:], segment)
	binary.BigEndian.PutUint32(info[n+4:], index)
	b, err := hkdf.Expand(sha256.New, file[:], string(info[:]), KeySize)
	if err != nil {
		panic("crypto: HKDF refused 32 bytes: " + err.Error())
	}
	copy(k[:], b)
	clear(b)
	return k
}
