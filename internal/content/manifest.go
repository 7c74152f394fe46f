package content

import (
	"bytes"
	"fmt"

	"nightjar/crypto/erasure"

	"github.com/fxamacker/cbor/v2"
)

// formatVersion is the only version of the format (SPEC §9).
const formatVersion = 1

// The kinds of manifest.
const (
	kindFile     = 1
	kindFolder   = 2
	kindRedirect = 3
	kindNested   = 4
	kindBlocks   = 6 // 5 is a date hint's
)

// The codecs of a stream.
const (
	codecNone = 0
	codecZstd = 1
)

// manifest is SPEC §3. Which fields a kind has is the business of check; a field that is absent is zero.
type manifest struct {
	Version    uint64   `cbor:"0,keyasint"`
	Kind       uint64   `cbor:"1,keyasint"`
	MIME       string   `cbor:"2,keyasint,omitempty"` // file
	Stream     *stream  `cbor:"3,keyasint,omitempty"` // file, nested
	MIMEs      []string `cbor:"4,keyasint,omitempty"` // folder: sorted, each used
	Containers []stream `cbor:"5,keyasint,omitempty"` // folder
	Files      []entry  `cbor:"6,keyasint,omitempty"` // folder: sorted by path
	Root       []byte   `cbor:"7,keyasint,omitempty"` // redirect: name and key of the root block
}

// stream is SPEC §4: where the bytes of something are.
type stream struct {
	Size   uint64  `cbor:"1,keyasint,omitempty"` // decoded
	Codec  uint64  `cbor:"2,keyasint,omitempty"`
	Packed uint64  `cbor:"3,keyasint,omitempty"` // stored size; absent without a codec, where it is Size
	Inline []byte  `cbor:"4,keyasint,omitempty"` // the stored bytes themselves, or
	Table  []byte  `cbor:"5,keyasint,omitempty"` // the segments' keys and names, or
	Nested *stream `cbor:"6,keyasint,omitempty"` // the stream that holds the table
	// Redundancy is that of the segments, and of the tables below.
	Redundancy Redundancy `cbor:"7,keyasint,omitempty"`
}

// entry is one file of a folder: in a container, in a stream of its own, or empty.
type entry struct {
	Path      string  `cbor:"1,keyasint"`
	Size      uint64  `cbor:"2,keyasint,omitempty"`
	MIME      uint64  `cbor:"3,keyasint,omitempty"` // index into MIMEs
	Container uint64  `cbor:"4,keyasint,omitempty"` // number of the container, from 1
	Offset    uint64  `cbor:"5,keyasint,omitempty"` // in the container
	Stream    *stream `cbor:"6,keyasint,omitempty"`
	Modified  uint64  `cbor:"7,keyasint,omitempty"` // Unix seconds
	Exec      bool    `cbor:"8,keyasint,omitempty"`
}

// encodeMode and decodeMode are constants in all but name: deterministic CBOR (RFC 8949 §4.2.1) and nothing else.
var (
	encodeMode = mustMode(cbor.CoreDetEncOptions().EncMode())
	decodeMode = mustMode(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  MaxFiles,
		MaxMapPairs:       16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func mustMode[T any](mode T, err error) T {
	if err != nil {
		panic("content: the CBOR options contradict themselves: " + err.Error())
	}
	return mode
}

// malformed makes an error that wraps ErrMalformed. why must not quote the content.
func malformed(why string, args ...any) error {
	return fmt.Errorf("%w: "+why, append([]any{ErrMalformed}, args...)...)
}

// encodeManifest gives the one encoding of m.
func encodeManifest(m *manifest) ([]byte, error) {
	b, err := encodeMode.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("content: encoding a manifest: %w", err)
	}
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("%w: the manifest is larger than %d bytes", ErrTooLarge, MaxManifest)
	}
	return b, nil
}

// decodeManifest reads and checks a manifest that is all of b. Errors wrap ErrMalformed.
func decodeManifest(b []byte) (*manifest, error) {
	if len(b) > MaxManifest {
		return nil, malformed("the manifest is larger than %d bytes", MaxManifest)
	}
	// A later version may have other fields, so that it must be told apart before they are looked at.
	var head struct {
		Version uint64 `cbor:"0,keyasint"`
	}
	m := new(manifest)
	if err := decodeMode.Unmarshal(b, m); err != nil {
		if lenientMode.Unmarshal(b, &head) == nil && head.Version > formatVersion {
			return nil, malformed("the manifest has version %d; this program reads version %d", head.Version, formatVersion)
		}
		return nil, malformed("the manifest is not the CBOR that it must be")
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	// One manifest has one encoding: this finds integers that are not shortest, keys out of order, explicit zeros, nulls.
	again, err := encodeMode.Marshal(m)
	if err != nil || !bytes.Equal(again, b) {
		return nil, malformed("the manifest is not in deterministic CBOR")
	}
	return m, nil
}

// lenientMode reads the version of a manifest that decodeMode refuses.
var lenientMode = mustMode(cbor.DecOptions{
	IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, MaxNestedLevels: 32, MaxArrayElements: MaxFiles, MaxMapPairs: 64,
}.DecMode())

// check looks at everything that the format says about a manifest except its encoding.
func (m *manifest) check() error {
	if m.Version != formatVersion {
		return malformed("the manifest has version %d; this program reads version %d", m.Version, formatVersion)
	}
	file := m.MIME != "" || m.Stream != nil
	folder := len(m.MIMEs) > 0 || len(m.Containers) > 0 || len(m.Files) > 0
	redirect := len(m.Root) > 0
	switch {
	case m.Kind == kindFile && !folder && !redirect:
		if !validMIME(m.MIME) {
			return malformed("a file has no valid MIME type")
		}
		if m.Stream == nil {
			return malformed("a file has no stream")
		}
		return m.Stream.check()
	case m.Kind == kindFolder && !file && !redirect:
		return m.checkFolder()
	case m.Kind == kindRedirect && !file && !folder:
		if len(m.Root) != nameSize+keySize {
			return malformed("a redirect does not name a root block")
		}
		return nil
	case m.Kind == kindNested && m.MIME == "" && !folder && !redirect:
		if m.Stream == nil || m.Stream.Size == 0 {
			return malformed("a nested manifest has no stream")
		}
		return m.Stream.checkHeld(MaxManifest)
	case m.Kind == kindBlocks && m.MIME == "" && !folder && !redirect:
		if m.Stream == nil || m.Stream.Size == 0 || m.Stream.Size%listEntry != 0 || m.Stream.Codec != codecNone {
			return malformed("a list of blocks has no stream of whole entries")
		}
		return m.Stream.check()
	}
	return malformed("the manifest's kind does not go with its fields")
}

// stored is the size of what is stored, encoded.
func (s *stream) stored() uint64 {
	if s.Codec == codecNone {
		return s.Size
	}
	return s.Packed
}

// layout says how the stored bytes are cut into segments.
func (s *stream) layout() layout { return layoutWith(s.stored(), s.Redundancy) }

// check looks at a stream and the tables below it.
func (s *stream) check() error { return s.checkDepth(maxTableDepth) }

// checkHeld is check for what readers hold in memory: at most limit bytes, and not blown up from next to nothing.
func (s *stream) checkHeld(limit uint64) error {
	if s.Size > limit {
		return malformed("something to be held in memory is larger than %d bytes", limit)
	}
	if s.Codec != codecNone && s.Size/maxRatio > s.Packed {
		return malformed("something to be held in memory is compressed more than %d-fold", maxRatio)
	}
	return s.check()
}

func (s *stream) checkDepth(tables int) error {
	if s.Size > MaxStream {
		return malformed("a stream is larger than 2^44 bytes")
	}
	switch s.Codec {
	case codecNone:
		if s.Packed != 0 {
			return malformed("a stream without a codec has two sizes")
		}
	case codecZstd:
		if s.Size == 0 || s.Packed == 0 || s.Packed > s.Size+s.Size/maxGrowth+1024 {
			return malformed("the sizes of a compressed stream contradict each other")
		}
	default:
		return malformed("a stream has an unknown codec")
	}
	if !s.Redundancy.valid() || s.Redundancy != 0 && s.Table == nil && s.Nested == nil {
		return malformed("a stream has a redundancy that does not exist, or no blocks to have one")
	}
	return s.checkPlace(s.layout(), tables)
}

// checkPlace looks at where the stored bytes are.
func (s *stream) checkPlace(l layout, tables int) error {
	places := 0
	for _, has := range []bool{len(s.Inline) > 0, len(s.Table) > 0, s.Nested != nil} {
		if has {
			places++
		}
	}
	switch {
	case l.stored == 0 && places == 0:
		return nil
	case places != 1 || l.stored == 0:
		return malformed("a stream is not in exactly one place")
	case s.Inline != nil:
		if l.stored > maxInline || uint64(len(s.Inline)) != l.stored {
			return malformed("inline bytes have another size than their stream")
		}
	case s.Table != nil:
		if l.tableSize() > maxDirectTable || uint64(len(s.Table)) != l.tableSize() {
			return malformed("a table of names has another size than its stream needs")
		}
	case tables == 0:
		return malformed("tables of names are nested more than %d deep", maxTableDepth)
	case s.Nested.Size != l.tableSize() || s.Nested.Codec != codecNone || s.Nested.Inline != nil || s.Nested.Redundancy != s.Redundancy:
		return malformed("a nested table of names is not what its stream needs")
	default:
		return s.Nested.checkDepth(tables - 1)
	}
	return nil
}

// blocks is how many data blocks hold the stream: what a reader must fetch, tables aside.
func (s *stream) blocks() uint64 {
	if s.Inline != nil {
		return 0
	}
	return s.layout().blocks
}

// Every k of the format must have a code.
var _ = [1]struct{}{}[maxData-erasure.MaxData]
