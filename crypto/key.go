package crypto

// KeySize is the size in bytes of every symmetric secret.
const KeySize = 32

// Key is a symmetric secret of 32 bytes. It prints redacted.
type Key [KeySize]byte

// Wipe overwrites the secret.
func (k *Key) Wipe() { clear(k[:]) }

// String hides the secret, so that a key that reaches a log by mistake says nothing.
func (k Key) String() string { return "crypto.Key(redacted)" }

// GoString hides the secret from %#v as String does from %v.
func (k Key) GoString() string { return k.String() }
