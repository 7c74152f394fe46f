package content

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// MaxEdition bounds an encoded Edition. What does not fit is left out and will be inserted again.
const MaxEdition = 15 << 20

// editionVersion is the only version of an Edition's encoding (SPEC §12).
const editionVersion = 1

// Edition is what an insert of a folder left in the network: the sum of each file's content, and where it is. With
// PutOptions.Base the next insert takes from it what has not changed. It holds the keys of what it lists and prints
// redacted; MarshalBinary spells it out, to be kept encrypted.
type Edition struct {
	containers []stream
	files      []keptFile
}

// keptFile is a file of an Edition, which is not empty. Paths are not kept: a file that is renamed is the same content.
type keptFile struct {
	Sum       [32]byte `cbor:"1,keyasint"` // SHA-256 of the content
	Size      uint64   `cbor:"2,keyasint"`
	Container uint64   `cbor:"3,keyasint,omitempty"` // number of the container, from 1, or
	Offset    uint64   `cbor:"4,keyasint,omitempty"` // (in the container)
	Stream    *stream  `cbor:"5,keyasint,omitempty"`
}

// editionBody is SPEC §12.
type editionBody struct {
	Version    uint64     `cbor:"0,keyasint"`
	Containers []stream   `cbor:"1,keyasint,omitempty"`
	Files      []keptFile `cbor:"2,keyasint,omitempty"`
}

// entry is the file as the manifest of a folder has it.
func (k *keptFile) entry() entry {
	return entry{Size: k.Size, Container: k.Container, Offset: k.Offset, Stream: k.Stream}
}

// editionOf describes a folder whose manifest is written. sums are by path.
func editionOf(m *manifest, sums map[string][32]byte) *Edition {
	e := &Edition{}
	for i := range m.Containers {
		e.containers = append(e.containers, *m.Containers[i].clone())
	}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Size > 0 {
			e.files = append(e.files, keptFile{sums[f.Path], f.Size, f.Container, f.Offset, f.Stream.clone()})
		}
	}
	return e
}

// clone copies a stream with all that it carries: editions are wiped one by one.
func (s *stream) clone() *stream {
	if s == nil {
		return nil
	}
	c := *s
	c.Inline, c.Table, c.Nested = bytes.Clone(s.Inline), bytes.Clone(s.Table), s.Nested.clone()
	return &c
}

// MarshalBinary encodes the edition in at most MaxEdition bytes, keys included.
func (e *Edition) MarshalBinary() ([]byte, error) {
	body := editionBody{Version: editionVersion, Containers: e.containers, Files: e.files}
	for {
		b, err := encodeMode.Marshal(&body)
		if err != nil {
			return nil, fmt.Errorf("content: encoding an edition: %w", err)
		}
		if len(b) <= MaxEdition {
			return b, nil
		}
		body.Files = body.Files[:len(body.Files)-len(body.Files)/16-1] // no single file is that large
		body = body.pruned()
	}
}

// pruned leaves out containers that have no file any more.
func (b editionBody) pruned() editionBody {
	at := make([]uint64, len(b.Containers))
	p := editionBody{Version: b.Version}
	for _, f := range b.Files {
		if f.Container != 0 {
			if at[f.Container-1] == 0 {
				p.Containers = append(p.Containers, b.Containers[f.Container-1])
				at[f.Container-1] = uint64(len(p.Containers))
			}
			f.Container = at[f.Container-1]
		}
		p.Files = append(p.Files, f)
	}
	return p
}

// ParseEdition reads what MarshalBinary wrote. Errors wrap ErrMalformed.
func ParseEdition(b []byte) (*Edition, error) {
	if len(b) > MaxEdition {
		return nil, malformed("an edition is larger than %d bytes", MaxEdition)
	}
	var body editionBody
	if err := decodeMode.Unmarshal(b, &body); err != nil {
		return nil, malformed("an edition is not the CBOR that it must be")
	}
	if body.Version != editionVersion {
		return nil, malformed("an edition has version %d; this program reads version %d", body.Version, editionVersion)
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	again, err := encodeMode.Marshal(&body)
	if err != nil || !bytes.Equal(again, b) {
		return nil, malformed("an edition is not in deterministic CBOR")
	}
	return &Edition{body.Containers, body.Files}, nil
}

// check looks at everything that a folder's manifest must obey: what is taken from an edition goes into one.
func (b *editionBody) check() error {
	if len(b.Files) > MaxFiles || len(b.Containers) > len(b.Files) {
		return malformed("an edition has too many files or containers")
	}
	if err := checkContainers(b.Containers); err != nil {
		return err
	}
	places := make([]entry, len(b.Files))
	for i := range b.Files {
		if b.Files[i].Size == 0 {
			return malformed("an edition has an empty file")
		}
		places[i] = b.Files[i].entry()
		if err := places[i].checkPlace(len(b.Containers)); err != nil {
			return err
		}
	}
	return checkPlaces(b.Containers, places)
}

// Wipe overwrites the keys in the edition.
func (e *Edition) Wipe() {
	for i := range e.containers {
		e.containers[i].wipe()
	}
	for i := range e.files {
		clear(e.files[i].Sum[:])
		if s := e.files[i].Stream; s != nil {
			s.wipe()
		}
	}
	e.containers, e.files = nil, nil
}

func (s *stream) wipe() {
	for ; s != nil; s = s.Nested {
		clear(s.Inline)
		clear(s.Table)
	}
}

const redactedEdition = "content.Edition(redacted)"

// String hides the edition.
func (e *Edition) String() string { return redactedEdition }

// GoString hides the edition from %#v as String does from %v.
func (e *Edition) GoString() string { return redactedEdition }

// Format hides the edition from the verbs that ignore String.
func (e *Edition) Format(f fmt.State, _ rune) { io.WriteString(f, redactedEdition) }

// LogValue hides the edition from structured logs.
func (e *Edition) LogValue() slog.Value { return slog.StringValue(redactedEdition) }
