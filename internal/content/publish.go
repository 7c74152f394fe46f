package content

import (
	"cmp"
	"encoding/binary"
	"slices"

	"nightjar/crypto"
	"nightjar/keys"
)

const (
	// labelRoot derives a root block's key from the manifest, for inserts that can be done again.
	labelRoot crypto.Label = "convergent root v1"
	// labelVersion derives where a document's record versions begin.
	labelVersion crypto.Label = "record version v1"

	// spilled is the most that a stream takes up in a manifest once nothing of it is carried: the table of one segment
	// of one block.
	spilled = 256
	// comfortable is up to where a nested manifest is left as it is: two round trips either way, and each stream that
	// is moved out of it costs its reader a third.
	comfortable = 4 << 20
)

// draft is a manifest to be written, whose streams may still be on their way.
type draft struct {
	m       *manifest
	streams []placed
}

// placed is a stream and where the manifest has it.
type placed struct {
	s  *stored
	at *stream
}

// encode waits for the names of all blocks and encodes the manifest.
func (d *draft) encode() ([]byte, error) {
	for _, s := range d.streams {
		if err := s.s.place(s.at); err != nil {
			return nil, err
		}
	}
	return encodeManifest(d.m)
}

// publish inserts the manifest after everything that it names, as a record or as a root block, and returns the URI.
func (p *putter) publish(d *draft) (keys.URI, error) {
	encoded, err := d.encode()
	if err != nil {
		return keys.URI{}, err
	}
	record := p.o.Target != (keys.URI{})
	if record && len(encoded) <= roomInRecord {
		return p.insertRecord(encoded)
	}
	if encoded, err = p.fit(d, encoded); err != nil {
		return keys.URI{}, err
	}
	uri, err := p.insertRoot(encoded)
	if err != nil || !record {
		return uri, err
	}
	encoded, err = encodeManifest(&manifest{Version: formatVersion, Kind: kindRedirect, Root: slices.Concat(uri.Routing[:], uri.Read[:])})
	uri.Wipe()
	if err != nil {
		return keys.URI{}, err
	}
	return p.insertRecord(encoded)
}

// fit makes a manifest that fits in a root block: the manifest itself; or compressed in a nested one; or with what it
// carries moved out; or all of it stored as a stream.
func (p *putter) fit(d *draft, encoded []byte) ([]byte, error) {
	if len(encoded) <= roomInRoot {
		return encoded, nil
	}
	if nested, err := p.nestInline(encoded); nested != nil || err != nil {
		return nested, err
	}
	encoded, err := d.shrink(encoded, roomInRoot)
	if err != nil || len(encoded) <= roomInRoot {
		return encoded, err
	}
	if len(encoded) > comfortable {
		if encoded, err = d.shrink(encoded, comfortable); err != nil {
			return nil, err
		}
	}
	s, err := p.store(encoded, nil, true, MaxManifest)
	if err != nil {
		return nil, err
	}
	m := &manifest{Version: formatVersion, Kind: kindNested, Stream: new(stream)}
	nested := &draft{m: m, streams: []placed{{s, m.Stream}}}
	if encoded, err = nested.encode(); err != nil || len(encoded) <= roomInRoot {
		return encoded, err
	}
	return nested.shrink(encoded, roomInRoot)
}

// nestInline compresses a manifest into a nested one that needs no further block, or returns nil.
func (p *putter) nestInline(encoded []byte) ([]byte, error) {
	packed := p.zstd.try(encoded)
	if packed == nil || len(packed) > maxInline || len(encoded)/maxRatio > len(packed) {
		return nil, nil
	}
	nested, err := encodeManifest(&manifest{Version: formatVersion, Kind: kindNested, Stream: &stream{
		Size: uint64(len(encoded)), Codec: codecZstd, Packed: uint64(len(packed)), Inline: packed,
	}})
	if err != nil || len(nested) > roomInRoot {
		return nil, err
	}
	return nested, nil
}

// shrink moves out the largest of what the manifest carries, as much as makes it fit in room. If nothing does, the
// manifest stays as it is.
func (d *draft) shrink(encoded []byte, room int) ([]byte, error) {
	carrying := slices.DeleteFunc(slices.Clone(d.streams), func(s placed) bool { return s.s.w.carried() <= spilled })
	slices.SortStableFunc(carrying, func(a, b placed) int { return cmp.Compare(b.s.w.carried(), a.s.w.carried()) })
	size := len(encoded)
	for i, s := range carrying {
		size -= s.s.w.carried() - spilled
		if size <= room {
			carrying = carrying[:i+1]
			break
		}
	}
	if size > room {
		return encoded, nil
	}
	for _, s := range carrying {
		if err := s.s.w.spill(); err != nil {
			return nil, err
		}
	}
	return d.encode()
}

// insertRoot inserts a root block once everything else is in the network.
func (p *putter) insertRoot(encoded []byte) (keys.URI, error) {
	key, err := p.keyFor(labelRoot, nil, encoded)
	if err != nil {
		return keys.URI{}, err
	}
	uri := keys.URI{Type: keys.CHK, Path: p.o.Name, Read: key}
	if err := p.ins.drain(); err != nil {
		return keys.URI{}, err
	}
	b := keys.SealData(formatRoot(encoded), &uri.Read)
	if err := p.ins.insertTop(b); err != nil {
		return keys.URI{}, err
	}
	uri.Routing = b.ID().Name
	return uri, nil
}

// formatRoot is the plaintext of a root block (SPEC §2.1).
func formatRoot(encoded []byte) []byte {
	plain := make([]byte, keys.DataSize)
	binary.BigEndian.PutUint32(plain, uint32(len(encoded)))
	copy(plain[rootLength:], encoded)
	return plain
}

// insertRecord inserts the target's record once everything else is in the network.
func (p *putter) insertRecord(payload []byte) (keys.URI, error) {
	if err := p.ins.drain(); err != nil {
		return keys.URI{}, err
	}
	var err error
	if doc := p.o.Target.DocName(); p.o.Target.Type == keys.USK {
		err = p.insertEdition(payload)
	} else {
		err = p.insertSealed(doc, p.firstVersion(doc)+uint64(p.o.Now().UnixMilli()), payload)
	}
	if err != nil {
		return keys.URI{}, err
	}
	return p.o.Target.Public()
}

// insertSealed inserts a record of the target's author.
func (p *putter) insertSealed(doc string, version uint64, payload []byte) error {
	b, err := p.seal(doc, version, payload)
	if err != nil {
		return err
	}
	return p.ins.insertTop(b)
}

// seal makes a record of the target's author.
func (p *putter) seal(doc string, version uint64, payload []byte) (keys.Block, error) {
	author, err := p.o.Target.Author()
	if err != nil {
		return keys.Block{}, err
	}
	defer author.Wipe()
	return author.Seal(doc, keys.Record{Version: version, Payload: payload}, p.random)
}

// firstVersion is where a document's versions begin, which only its writers can compute (keys SPEC §4.7, SPEC §2.2).
// What is added to it, milliseconds or editions, makes later records replace earlier ones and tells nobody else the
// time or a number.
func (p *putter) firstVersion(doc string) uint64 {
	secret := p.o.Target.Routing[:]
	if p.o.Target.Type == keys.KSK {
		secret = []byte(p.o.Target.Doc)
	}
	key := crypto.DeriveKey(secret, labelVersion, []byte(doc))
	defer key.Wipe()
	return binary.BigEndian.Uint64(key[:]) >> 16
}
