package link

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"

	"nightjar/crypto"
	"nightjar/routing/wire"
)

// Sizes in bytes of what the proof consists of (SPEC §4).
const (
	BindingSize = 32
	KnockSize   = 1 + sha256.Size
	ProofSize   = ed25519.PublicKeySize + ed25519.SignatureSize
)

// Labels and the version (SPEC §3, §4). A change to any format in SPEC §4 changes all of them.
const (
	proofVersion = 1
	knockLabel   = "nightjar link knock v1"
	proofLabel   = "nightjar link proof v1"
)

// Binding is a value that only the two ends of one channel know: the TLS exporter's output. It is different for every channel.
type Binding [BindingSize]byte

// The role byte in what an end signs, so that nobody can be shown its own signature.
const (
	roleInitiator = 1
	roleResponder = 2
)

// Knock is the first message: it shows that the initiator knows whom it calls, and tells nobody else who that is.
func Knock(b Binding, responder wire.NodeID) [KnockSize]byte {
	m := hmac.New(sha256.New, responder[:])
	m.Write([]byte(knockLabel))
	m.Write(b[:])
	knock := [KnockSize]byte{proofVersion}
	m.Sum(knock[:1])
	return knock
}

// CheckKnock reports whether a knock is for self on this channel.
func CheckKnock(knock [KnockSize]byte, b Binding, self wire.NodeID) bool {
	want := Knock(b, self)
	return subtle.ConstantTimeCompare(knock[:], want[:]) == 1
}

// ResponderProof is the second message. The initiator is not known yet, so that it has no place in the statement: the
// binding stands for it.
func ResponderProof(b Binding, key ed25519.PrivateKey) [ProofSize]byte {
	self := wire.NodeID(key.Public().(ed25519.PublicKey))
	return proof(key, statement(roleResponder, b, self, wire.NodeID{}))
}

// CheckResponder reports whether a proof is one by want on this channel.
func CheckResponder(p [ProofSize]byte, b Binding, want wire.NodeID) bool {
	id, sig := split(p)
	same := subtle.ConstantTimeCompare(id[:], want[:]) == 1
	return verify(want, statement(roleResponder, b, want, wire.NodeID{}), sig) && same
}

// InitiatorProof is the third message.
func InitiatorProof(b Binding, key ed25519.PrivateKey, responder wire.NodeID) [ProofSize]byte {
	self := wire.NodeID(key.Public().(ed25519.PublicKey))
	return proof(key, statement(roleInitiator, b, responder, self))
}

// CheckInitiator returns who the initiator is, if its proof is right for this channel and this responder, and it is not
// the responder itself.
func CheckInitiator(p [ProofSize]byte, b Binding, self wire.NodeID) (wire.NodeID, bool) {
	id, sig := split(p)
	if !verify(id, statement(roleInitiator, b, self, id), sig) || id == self {
		return wire.NodeID{}, false
	}
	return id, true
}

// statement is what is signed: label | role | binding | responder | initiator (SPEC §4.4). All fields have fixed sizes.
func statement(role byte, b Binding, responder, initiator wire.NodeID) []byte {
	s := make([]byte, 0, len(proofLabel)+1+BindingSize+2*len(responder))
	s = append(s, proofLabel...)
	s = append(s, role)
	s = append(s, b[:]...)
	s = append(s, responder[:]...)
	return append(s, initiator[:]...)
}

func proof(key ed25519.PrivateKey, statement []byte) (p [ProofSize]byte) {
	n := copy(p[:], key.Public().(ed25519.PublicKey))
	copy(p[n:], ed25519.Sign(key, statement))
	return p
}

func split(p [ProofSize]byte) (id wire.NodeID, sig []byte) {
	n := copy(id[:], p[:])
	return id, p[n:]
}

// verify checks a signature by the strict rules, under which an identity has one encoding, so that nobody has two places on
// the ring, and is nobody's but its owner's: for points of small order the standard library takes signatures by anybody.
func verify(id wire.NodeID, statement, sig []byte) bool {
	return crypto.VerifySignature((*[crypto.PublicKeySize]byte)(&id), statement, sig)
}
