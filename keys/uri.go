package keys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

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

// String is the type as it is spelled in a URI.
func (t Type) String() string {
	switch t {
	case CHK:
		return "CHK"
	case SSK:
		return "SSK"
	case USK:
		return "USK"
	case KSK:
		return "KSK"
	}
	return "?"
}

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
	Verify  bool       // CHK: a verify capability: it names and opens a list of blocks, and nothing that can be read
	Doc     string     // SSK: document name, "" = the namespace itself. USK: site name. KSK: the word
	Edition int64      // USK: edition; negative = look for the newest
	Path    string     // path inside the content, slash-separated, no leading slash; "" = the root
}

// base64URI is Freenet's alphabet: standard base64 with ~ for + and - for /, without padding. Strict refuses bits
// that no byte needs, so that a field has one spelling.
var base64URI = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~-").
	WithPadding(base64.NoPadding).Strict()

// algorithm is Nightjar's number in the extra field, where Hyphanet has 2 and 3.
const algorithm = 'N'

// extra is the third field of a URI, in Freenet's layout: CHK algorithm 2, control document 1, compression 2;
// SSK and USK version 1, insert 1, algorithm 1, hash 2.
type extra [5]byte

var (
	extraCHK     = extra{0, algorithm, 2, 0xff, 0xff}
	extraVerify  = extra{0, algorithm, 6, 0xff, 0xff}
	extraRequest = extra{1, 0, algorithm, 0, 1}
	extraInsert  = extra{1, 1, algorithm, 0, 1}
)

// Encode spells the URI out, secrets included; ParseURI(u.Encode()) == u for every u for which Check returns nil.
func (u URI) Encode() string {
	var b strings.Builder
	b.WriteString(u.Type.String())
	b.WriteByte('@')
	if u.Type != KSK {
		b.WriteString(base64URI.EncodeToString(u.Routing[:]))
		b.WriteByte(',')
		b.WriteString(base64URI.EncodeToString(u.Read[:]))
		b.WriteByte(',')
		e := u.extra()
		b.WriteString(base64URI.EncodeToString(e[:]))
	}
	switch u.Type {
	case SSK:
		b.WriteByte('/')
		appendEscaped(&b, u.Doc)
	case USK:
		b.WriteByte('/')
		appendEscaped(&b, u.Doc)
		b.WriteByte('/')
		b.WriteString(strconv.FormatInt(u.Edition, 10))
	case KSK:
		appendEscaped(&b, u.Doc)
	}
	if u.Path != "" {
		b.WriteByte('/')
		appendEscaped(&b, u.Path)
	}
	return b.String()
}

func (u URI) extra() extra {
	switch {
	case u.Verify:
		return extraVerify
	case u.Type == CHK:
		return extraCHK
	case u.Insert:
		return extraInsert
	}
	return extraRequest
}

// Check reports why u is no URI that ParseURI could return, as an error that wraps ErrBadURI. Code that builds a URI
// from parts calls it; it does not look whether the public key is a point of the curve, which Document does.
func (u URI) Check() error {
	if u.Verify && (u.Type != CHK || u.Path != "") {
		return badURI("a verify capability is a CHK and has no path")
	}
	switch u.Type {
	case CHK:
		if u.Insert || u.Doc != "" || u.Edition != 0 {
			return badURI("a CHK has neither a document nor an edition")
		}
	case SSK:
		if u.Edition != 0 {
			return badURI("only a USK has an edition")
		}
		if u.Doc == "" {
			if u.Path != "" {
				return badURI("a path needs a document name before it")
			}
			return nil
		}
	case USK:
	case KSK:
		if u.Insert || u.Edition != 0 || u.Routing != [32]byte{} || u.Read != (crypto.Key{}) {
			return badURI("a KSK has nothing but a word and a path")
		}
	default:
		return badURI("unknown type")
	}
	if u.Type != CHK {
		if err := checkComponent(u.Doc, MaxDoc); err != nil {
			return err
		}
	}
	return checkPath(u.Path)
}

// Wipe overwrites the keys of the URI. Names and paths are strings and stay.
func (u *URI) Wipe() {
	clear(u.Routing[:])
	u.Read.Wipe()
}

// String hides everything but the type.
func (u URI) String() string { return "keys.URI(" + u.Type.String() + " redacted)" }

// GoString hides the URI from %#v as String does from %v.
func (u URI) GoString() string { return u.String() }

// Format hides the URI from the verbs that ignore String.
func (u URI) Format(f fmt.State, _ rune) { io.WriteString(f, u.String()) }

// LogValue hides the URI from structured logs.
func (u URI) LogValue() slog.Value { return slog.StringValue(u.String()) }

func badURI(why string) error { return fmt.Errorf("%w: %s", ErrBadURI, why) }
