package content

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"nightjar/crypto"
	"nightjar/keys"
)

// Open finds what uri names, path included: redirects and records are followed, a folder's path is looked up.
// A path that names a folder (or "") gives a folder Object. Behind a CHK of a file one name may stand, which is for people.
func Open(ctx context.Context, src Source, uri keys.URI, o GetOptions) (*Object, error) {
	return (&finder{src: src, opts: o, meter: &meter{report: o.Progress}}).open(ctx, uri)
}

func (f *finder) open(ctx context.Context, uri keys.URI) (*Object, error) {
	if uri.Verify {
		return nil, ErrVerifyOnly
	}
	uri, err := uri.Public()
	if err != nil {
		return nil, err
	}
	var m *manifest
	if uri.Type == keys.CHK {
		m, err = f.root(ctx, uri.Routing, &uri.Read)
	} else {
		uri, m, err = f.record(ctx, uri)
	}
	if err == nil {
		m, err = f.resolve(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	if m.Kind == kindBlocks {
		return nil, malformed("the URI names a list of blocks as if it were content")
	}
	return newTree(f.src, f.opts, f.meter, m).object(uri)
}

// object makes the Object that a URI with this manifest names.
func (t *tree) object(uri keys.URI) (*Object, error) {
	m := t.manifest
	if m.Kind == kindFolder {
		path := uri.Path
		uri.Path = ""
		root := &Object{t: t, uri: uri, files: m.Files, info: FileInfo{Size: totalSize(m.Files)}}
		return root.at(path)
	}
	if uri.Path != "" && (uri.Type != keys.CHK || strings.Contains(uri.Path, "/")) {
		return nil, ErrNoEntry
	}
	if limit := t.opts.MaxSize; limit > 0 && m.Stream.Size > limit {
		return nil, ErrTooLarge
	}
	return &Object{t: t, uri: uri, stream: m.Stream, info: FileInfo{Path: uri.Path, Size: m.Stream.Size, MIME: m.MIME}}, nil
}

// finder follows a URI to its manifest.
type finder struct {
	src    Source
	opts   GetOptions
	meter  *meter
	passed *surveyed // notes what led to the manifest, unless it is nil
}

// note takes down a top block that was found.
func (f *finder) note(b keys.Block) {
	if f.passed != nil {
		f.passed.tops = append(f.passed.tops, b)
	}
}

// fetchTop fetches a top block.
func (f *finder) fetchTop(ctx context.Context, id keys.ID) (keys.Block, error) {
	if k, ok := f.src.(Keeper); ok {
		k.Needed(id)
	}
	b, err := f.src.Fetch(ctx, id, true)
	if err != nil {
		return keys.Block{}, err
	}
	if b.ID() != id {
		return keys.Block{}, fmt.Errorf("%w: another block came", ErrNotFound)
	}
	f.meter.add(Progress{Need: 1, Done: 1}) // together: a probe that finds nothing is not something to be done
	return b, nil
}

// root fetches and reads a root block.
func (f *finder) root(ctx context.Context, name [nameSize]byte, key *crypto.Key) (*manifest, error) {
	b, err := f.fetchTop(ctx, keys.ID{Kind: keys.KindData, Name: name})
	if err != nil {
		return nil, err
	}
	f.note(b)
	plain := make([]byte, keys.DataSize)
	keys.OpenData(plain, b, key)
	encoded, err := parseRoot(plain)
	if err != nil {
		return nil, err
	}
	return decodeManifest(encoded)
}

// parseRoot finds the manifest in the plaintext of a root block (SPEC §2.1).
func parseRoot(plain []byte) ([]byte, error) {
	n := binary.BigEndian.Uint32(plain)
	if n > uint32(len(plain)-rootLength) {
		return nil, malformed("the block is not the root of a file or folder, or the URI has another block's key")
	}
	padding := plain[rootLength+int(n):]
	// All bytes are the first one's equals: many times faster than looking at each.
	if len(padding) > 0 && (padding[0] != 0 || !bytes.Equal(padding[1:], padding[:len(padding)-1])) {
		return nil, malformed("the padding of a root block is not zero")
	}
	return plain[rootLength:][:n], nil
}

// record fetches and reads the record that an SSK, USK or KSK names, and returns the URI with the edition found.
func (f *finder) record(ctx context.Context, uri keys.URI) (keys.URI, *manifest, error) {
	var b keys.Block
	var err error
	if uri.Type == keys.USK && uri.Edition < 0 {
		uri, b, err = f.newest(ctx, uri)
	} else {
		b, err = f.fetchRecord(ctx, uri)
	}
	if err != nil {
		return uri, nil, err
	}
	f.note(b)
	doc, err := uri.Document()
	if err != nil {
		return uri, nil, err
	}
	defer doc.Wipe()
	r, err := doc.Open(b)
	if err != nil {
		return uri, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	m, err := decodeManifest(r.Payload)
	return uri, m, err
}

// fetchRecord fetches the record of one document.
func (f *finder) fetchRecord(ctx context.Context, uri keys.URI) (keys.Block, error) {
	doc, err := uri.Document()
	if err != nil {
		return keys.Block{}, err
	}
	defer doc.Wipe()
	return f.fetchTop(ctx, doc.ID())
}

// resolve follows redirects and nested manifests to a file or folder. Both are counted, so that no cycle is endless.
func (f *finder) resolve(ctx context.Context, m *manifest) (*manifest, error) {
	redirects, nested := 0, 0
	for {
		var err error
		switch m.Kind {
		case kindRedirect:
			if redirects++; redirects > maxRedirects {
				return nil, malformed("more than %d redirects", maxRedirects)
			}
			key := crypto.Key(m.Root[nameSize:])
			m, err = f.root(ctx, [nameSize]byte(m.Root), &key)
			key.Wipe()
		case kindNested:
			if nested++; nested > maxNestedManifests {
				return nil, malformed("a nested manifest in a nested manifest")
			}
			if f.passed != nil {
				f.passed.parts = append(f.passed.parts, part{"", m.Stream})
			}
			var encoded []byte
			r := reading{f.src, f.opts.Parallel, f.meter, f.opts.Heal, f.opts.Memory, true}
			encoded, err = readAll(ctx, r, m.Stream, wholeShuffled)
			if err == nil {
				m, err = decodeManifest(encoded)
			}
		default:
			return m, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
