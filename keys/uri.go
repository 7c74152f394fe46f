package keys

import (
	"errors"

	"nightjar/crypto"
)

// Type is the type of a URI.
type Type uint8

// The four types of URI.
const (
	CHK Type = iota + 1
	SSK
	USK
	KSK
)

// ErrHyphanetKey reports a well-formed key of the Hyphanet network, which Nightjar cannot read.
var ErrHyphanetKey = errors.New("this key belongs to Hyphanet, not to Nightjar")

// ErrBadURI reports text that is no URI; the error returned wraps it and says why.
var ErrBadURI = errors.New("not a Nightjar URI")

// URI names content for people. It is comparable and prints redacted; Encode spells it out.
type URI struct {
	Type    Type
	Routing [32]byte   // CHK: name of the root block. SSK, USK: the author's public key, or the author's seed if Insert
	Read    crypto.Key // CHK: key of the root block. SSK, USK: the read capability
	Insert  bool       // SSK, USK: the URI can write
	Doc     string     // SSK: document name. USK: site name. KSK: the word
	Edition int64      // USK: edition; negative = look for the newest
	Path    string     // path inside the content, slash-separated, no leading slash; "" = the root
}

// ParseURI reads a URI in any accepted spelling. Errors wrap ErrBadURI or are ErrHyphanetKey.
func ParseURI(s string) (URI, error) { return URI{}, ErrBadURI }

// Encode spells the URI out, secrets included; ParseURI(u.Encode()) == u.
func (u URI) Encode() string { return "" }

// String hides everything but the type.
func (u URI) String() string { return "keys.URI(redacted)" }

// Public is the request URI that belongs to an insert URI; a request URI is returned unchanged.
func (u URI) Public() (URI, error) { return u, nil }

// Document derives the capability to read the record that an SSK, KSK or USK edition names.
func (u URI) Document() (Document, error) { return Document{}, ErrBadURI }

// Author derives the capability to write from an insert URI or a KSK.
func (u URI) Author() (Author, error) { return Author{}, ErrBadURI }

// DocName is the document name under which the author's record is sealed: Doc, or Doc-Edition for a USK.
func (u URI) DocName() string { return u.Doc }
