package keys

import (
	"io"
	"strconv"

	"nightjar/crypto"
)

// NewAuthor draws a new author: the SSK insert URI of a namespace that nobody has written to. Set Type to USK and Doc
// to publish a site in it. The error is the reader's.
func NewAuthor(random io.Reader) (URI, error) {
	seed, err := crypto.NewKey(random)
	if err != nil {
		return URI{}, err
	}
	read, err := crypto.NewKey(random)
	if err != nil {
		return URI{}, err
	}
	return URI{Type: SSK, Routing: seed, Read: read, Insert: true}, nil
}

// Public is the request URI that belongs to an insert URI; a request URI is returned unchanged.
func (u URI) Public() (URI, error) {
	if err := u.Check(); err != nil {
		return URI{}, err
	}
	if u.Insert {
		u.Routing = crypto.PublicKey((*crypto.Key)(&u.Routing))
		u.Insert = false
	}
	return u, nil
}

// Document derives the capability to read the record that an SSK, KSK or USK edition names. The error wraps ErrBadURI
// if u names no record (a CHK, a namespace without a document name, a negative edition) or its public key is none.
func (u URI) Document() (Document, error) {
	if err := u.checkNamesRecord(); err != nil {
		return Document{}, err
	}
	read := u.Read
	public := u.Routing
	switch {
	case u.Type == KSK:
		a := keywordAuthor(u.Doc)
		defer a.Wipe()
		read, public = a.read, crypto.PublicKey(&a.seed)
	case u.Insert:
		public = crypto.PublicKey((*crypto.Key)(&u.Routing))
	}
	defer read.Wipe()
	name, key, err := crypto.BlindPublic(&public, &read, u.DocName())
	if err != nil {
		return Document{}, badURI("its public key is none that an author can have")
	}
	return Document{ID{KindRecord, name}, key}, nil
}

// Author derives the capability to write from an insert URI or a KSK. The error wraps ErrBadURI if u cannot write.
func (u URI) Author() (Author, error) {
	if err := u.Check(); err != nil {
		return Author{}, err
	}
	switch {
	case u.Type == KSK:
		return keywordAuthor(u.Doc), nil
	case u.Insert:
		return Author{seed: u.Routing, read: u.Read}, nil
	}
	return Author{}, badURI("it can read and not write; writing needs the insert URI")
}

// DocName is the document name under which the author's record is sealed: Doc, or Doc-Edition for a USK.
func (u URI) DocName() string {
	if u.Type == USK {
		return u.Doc + "-" + strconv.FormatInt(u.Edition, 10)
	}
	return u.Doc
}

func (u URI) checkNamesRecord() error {
	if err := u.Check(); err != nil {
		return err
	}
	switch {
	case u.Type == CHK:
		return badURI("a CHK names a block, not a record")
	case u.Doc == "":
		return badURI("a document name is missing")
	case u.Type == USK && u.Edition < 0:
		return badURI("a negative edition asks for the newest and names no record itself")
	}
	return nil
}

// keywordAuthor is the key pair that everybody who knows the word has.
func keywordAuthor(word string) Author {
	return Author{
		seed: crypto.DeriveKey([]byte(word), crypto.LabelKeywordSeed, nil),
		read: crypto.DeriveKey([]byte(word), crypto.LabelKeywordRead, nil),
	}
}
