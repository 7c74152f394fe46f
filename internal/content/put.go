package content

import (
	"context"
	"crypto/hkdf"
	crand "crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// PutFile inserts what r holds and returns its request URI. Memory is bounded by two segments. Before the network is
// asked for anything it returns ErrBadType, or an error that wraps ErrBadPath or keys.ErrBadURI, for options that cannot be.
func PutFile(ctx context.Context, dst Sink, r io.Reader, o PutOptions) (keys.URI, error) {
	p, err := newPutter(ctx, dst, o)
	if err != nil {
		return keys.URI{}, err
	}
	defer p.close()
	uri, err := p.file(r)
	return uri, p.cause(err)
}

// PutFolder inserts the files that r gives as one folder and returns its request URI. Files may come in any order;
// those of a directory should come together. PutOptions.Name and MIME are not used. ErrChanged if a file is not what its
// FileInfo.Sum says.
func PutFolder(ctx context.Context, dst Sink, r FolderReader, o PutOptions) (keys.URI, error) {
	uri, _, err := insertFolder(ctx, dst, r, o, nil)
	return uri, err
}

// PutFolderEdition is PutFolder, and says where everything went, so that it can be the Base of the next edition.
func PutFolderEdition(ctx context.Context, dst Sink, r FolderReader, o PutOptions) (keys.URI, *Edition, error) {
	sums := map[string][32]byte{}
	uri, m, err := insertFolder(ctx, dst, r, o, sums)
	if err != nil {
		return keys.URI{}, nil, err
	}
	return uri, editionOf(m, sums), nil
}

func insertFolder(ctx context.Context, dst Sink, r FolderReader, o PutOptions, sums map[string][32]byte) (keys.URI, *manifest, error) {
	o.Name, o.MIME = "", ""
	p, err := newPutter(ctx, dst, o)
	if err != nil {
		return keys.URI{}, nil, err
	}
	defer p.close()
	uri, m, err := p.folder(r, sums)
	return uri, m, p.cause(err)
}

// putter is one insert.
type putter struct {
	o      PutOptions
	dst    Sink
	there  []byte // payload of the edition to be written, if it is in the network already
	ins    *inserter
	meter  *meter
	random io.Reader
	rng    *rand.Rand
	memory *Memory
	zstd   *compressor
	code   *erasure.Code
	carry  int // bytes that manifests to be written are known to carry, see streamWriter
}

func newPutter(ctx context.Context, dst Sink, o PutOptions) (*putter, error) {
	if err := checkOptions(&o); err != nil {
		return nil, err
	}
	p := &putter{o: o, dst: dst, meter: &meter{report: o.Progress}, random: o.Random, memory: o.Memory.orNew()}
	if p.random == nil {
		p.random = crand.Reader
	}
	var seed [32]byte
	if _, err := io.ReadFull(p.random, seed[:]); err != nil {
		return nil, fmt.Errorf("content: drawing a seed: %w", err)
	}
	p.rng = rand.New(rand.NewChaCha8(seed))
	p.ins = newInserter(ctx, dst, o, p.meter)
	p.zstd = p.memory.compressor()
	if err := p.lookBefore(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// checkOptions looks at everything that can be known to fail.
func checkOptions(o *PutOptions) error {
	if !o.Redundancy.valid() {
		return errRedundancy
	}
	if o.MIME != "" && !validMIME(o.MIME) {
		return ErrBadType
	}
	if o.Name != "" && (strings.Contains(o.Name, "/") || !checkPath(o.Name)) {
		return fmt.Errorf("%w: the file's name", ErrBadPath)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Target == (keys.URI{}) || o.Target.Type == keys.CHK {
		o.Target = keys.URI{}
		return nil
	}
	o.Target.Path = ""
	author, err := o.Target.Author()
	if err != nil {
		return err
	}
	author.Wipe()
	if o.Target.Type == keys.USK {
		if err := CheckSiteName(o.Target.Doc); err != nil {
			return err
		}
	}
	_, err = o.Target.Document()
	return err
}

// close stops what is left of the insert and waits for it.
func (p *putter) close() {
	p.ins.close()
	p.memory.keepCompressor(p.zstd)
	p.memory.keepCode(p.code)
}

// cause prefers the Sink's error, which is why everything else failed, to the error that followed from it.
func (p *putter) cause(err error) error {
	if err == nil {
		return nil
	}
	p.ins.mu.Lock()
	defer p.ins.mu.Unlock()
	if p.ins.err != nil {
		return p.ins.err
	}
	return err
}

// codeFor gives the code for segments of k data blocks; the last one is kept, for nearly all segments are full.
func (p *putter) codeFor(k int) (*erasure.Code, error) {
	if p.code == nil || p.code.Data() != k {
		p.memory.keepCode(p.code)
		p.code = nil
		code, err := p.memory.code(k, p.o.Redundancy.total(k))
		if err != nil {
			return nil, err
		}
		p.code = code
	}
	return p.code, nil
}

// keyFor draws the key of what parts hold; or derives it from them, so that it never seals anything else (SPEC §6.4).
func (p *putter) keyFor(label crypto.Label, context []byte, parts ...[]byte) (k crypto.Key, err error) {
	if !p.o.Convergent && p.o.Salt == nil {
		if _, err = io.ReadFull(p.random, k[:]); err != nil {
			return k, fmt.Errorf("content: drawing a key: %w", err)
		}
		return k, nil
	}
	h := sha256.New()
	for _, b := range parts {
		h.Write(b)
	}
	if p.o.Convergent {
		return crypto.DeriveKey(h.Sum(nil), label, context), nil
	}
	b, err := hkdf.Key(sha256.New, h.Sum(nil), p.o.Salt[:], string(label)+string(context), crypto.KeySize)
	if err != nil {
		return k, fmt.Errorf("content: deriving a key: %w", err)
	}
	copy(k[:], b)
	clear(b)
	return k, nil
}

func (p *putter) file(r io.Reader) (keys.URI, error) {
	head, rest, err := p.sample(r)
	if err != nil {
		return keys.URI{}, err
	}
	m := &manifest{Version: formatVersion, Kind: kindFile, MIME: p.o.MIME, Stream: new(stream)}
	if m.MIME == "" {
		m.MIME = typeOf(p.o.Name, head)
	}
	room := roomInRoot
	if p.o.Target != (keys.URI{}) {
		room = roomInRecord
	}
	// What fits as it is would not be stored in fewer blocks.
	fits := rest == nil && len(head)+maxMIME+tableOverhead <= room
	s, err := p.store(head, rest, !fits && worthTrying(m.MIME), MaxStream)
	if err != nil {
		return keys.URI{}, err
	}
	p.meter.add(Progress{Size: s.size})
	return p.publish(&draft{m: m, streams: []placed{{s, m.Stream}}})
}

// sample reads the beginning of r; rest is nil if that is all of it. head is good until the next sample.
func (p *putter) sample(r io.Reader) (head []byte, rest io.Reader, err error) {
	r = &taken{r, p.meter}
	head = p.zstd.head[:0]
	defer func() { p.zstd.head = head }()
	for {
		n, err := r.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		switch {
		case err == io.EOF:
			return head, nil, nil
		case err != nil:
			return nil, nil, err
		case len(head) == sampleSize:
			return head, r, nil
		case len(head) == cap(head):
			head = append(make([]byte, 0, min(max(4<<10, 4*cap(head)), sampleSize)), head...)
		}
	}
}

// taken counts the content bytes that are taken in.
type taken struct {
	r io.Reader
	m *meter
}

func (t *taken) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	if n > 0 {
		t.m.add(Progress{Bytes: uint64(n)})
	}
	return n, err
}

// stored is a stream on its way to the network.
type stored struct {
	w     *streamWriter
	size  uint64
	codec uint64
}

// place says in s where the stream is. It waits until the names of its blocks are known.
func (s *stored) place(at *stream) error {
	*at = stream{Size: s.size, Codec: s.codec}
	if s.codec != codecNone {
		at.Packed = s.w.stored
	}
	return s.w.place(at)
}

// store writes a stream: head, and rest unless it is nil. held is the limit for what readers hold in memory.
func (p *putter) store(head []byte, rest io.Reader, try bool, held uint64) (*stored, error) {
	s := &stored{w: p.newStream(), size: uint64(len(head))}
	packed := []byte(nil)
	if try {
		sample := head
		if rest != nil {
			sample = head[:min(len(head), probeSize)]
		}
		packed = p.zstd.try(sample)
	}
	if held < MaxStream && len(packed) > 0 && s.size/maxRatio > uint64(len(packed)) {
		packed = nil // readers refuse to blow something up that far
	}
	var err error
	switch {
	case packed == nil:
		err = p.copy(s, s.w, head, rest)
	case rest == nil:
		s.codec = codecZstd
		_, err = s.w.Write(packed)
	default:
		s.codec = codecZstd
		z := p.zstd.into(s.w)
		if err = p.copy(s, z, head, rest); err == nil {
			err = z.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.w.Close(); err != nil {
		return nil, err
	}
	return s, nil
}

// copy writes head and rest to w, which is the stream or compresses into it.
func (p *putter) copy(s *stored, w io.Writer, head []byte, rest io.Reader) error {
	if _, err := w.Write(head); err != nil {
		return err
	}
	if rest == nil {
		return nil
	}
	n, err := io.Copy(w, rest)
	s.size += uint64(n)
	return err
}

const (
	// generous and frugal bound what manifests carry themselves. The more of a small folder is in its root, the fewer
	// round trips; but a folder of 100 000 large files must not be held in memory by whoever writes or reads it.
	generousCarry = 4 << 20
	frugalTable   = 512
)

// newStream makes a writer that carries little once all streams of the insert together carry much.
func (p *putter) newStream() *streamWriter {
	if p.carry > generousCarry {
		return &streamWriter{p: p, direct: frugalTable}
	}
	return &streamWriter{p: p, direct: maxDirectTable, inline: maxInline}
}
