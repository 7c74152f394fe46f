package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
)

// An edition of a site is written once (SPEC §2.2): its record's version never replaces another. So there are three moments:
//
//	before    the record is looked for. If it is there, nothing is inserted any more; an insert that can be done again
//	          (Salt, Convergent) goes on into nowhere, to see whether it is its own
//	after     it is looked for again: another machine may have written the edition at the same time
//	besides   date hints say that it is there, whosoever it is

// lookBefore finds the edition that is to be written, if it is there.
func (p *putter) lookBefore(ctx context.Context) error {
	if p.o.Target.Type != keys.USK || p.o.Check == nil {
		return nil
	}
	payload, err := written(p.o.Target, func(id keys.ID) (keys.Block, error) { return p.o.Check.Fetch(ctx, id, true) })
	switch {
	case absent(err):
		return nil
	case err != nil && !errors.Is(err, ErrConflict):
		return fmt.Errorf("content: looking whether the edition is there: %w", err)
	case err != nil || p.o.Salt == nil && !p.o.Convergent:
		return ErrConflict
	}
	p.there = payload
	p.ins.dst = Nowhere{}
	return nil
}

// written is the payload of the edition's record in the network, ErrConflict if it is none.
func written(edition keys.URI, fetch func(keys.ID) (keys.Block, error)) ([]byte, error) {
	doc, err := edition.Document()
	if err != nil {
		return nil, err
	}
	defer doc.Wipe()
	b, err := fetch(doc.ID())
	if err != nil {
		return nil, err
	}
	r, err := doc.Open(b)
	if err != nil {
		return nil, ErrConflict
	}
	return r.Payload, nil
}

// insertEdition inserts the record of a site's edition, hints to it, and looks what is there in the end.
func (p *putter) insertEdition(payload []byte) error {
	if p.there == nil {
		if p.o.Writing != nil {
			if err := p.o.Writing(markOf(payload)); err != nil {
				return err
			}
		}
		if err := p.insertSealed(p.o.Target.DocName(), p.firstVersion(p.o.Target.DocName()), payload); err != nil {
			return err
		}
	} else if !bytes.Equal(p.there, payload) {
		return ErrConflict
	}
	var hints sync.WaitGroup
	hints.Go(p.insertHints) // ends with its inserts, which the insert's context bounds
	defer hints.Wait()
	return p.lookAfter(payload)
}

// lookAfter looks for the record at each of its positions: of two machines that write at the same time one may come first here and the
// other there, and neither must believe that readers see what it wrote.
func (p *putter) lookAfter(payload []byte) error {
	if p.o.Check == nil || p.there != nil {
		return nil
	}
	var seen bool
	var failure error
	for _, f := range everywhere(p.ins.ctx, p.o.Check, p.o.Target) {
		err := f.err
		if err == nil && !bytes.Equal(f.payload, payload) {
			err = ErrConflict
		}
		switch {
		case err == nil:
			seen = true
		case errors.Is(err, ErrConflict), !absent(err) && !errors.Is(failure, ErrConflict):
			failure = err
		}
	}
	switch {
	case errors.Is(failure, ErrConflict):
		return ErrConflict
	case failure != nil && !seen:
		return fmt.Errorf("content: looking for the edition that was stored: %w", failure)
	}
	return nil
}

// found is what was found of a record at one of its positions.
type found struct {
	payload []byte
	err     error
}

// everywhere looks for the record of an edition at each of its positions. Of a source that is not Positioned it asks as often, and finds what it finds.
func everywhere(ctx context.Context, src Source, edition keys.URI) (all [keys.Rotations]found) {
	var wg sync.WaitGroup
	for position := range uint8(keys.Rotations) {
		// Ends with its one request, which ctx bounds.
		wg.Go(func() {
			f := &all[position]
			f.payload, f.err = written(edition, func(id keys.ID) (keys.Block, error) {
				if src, ok := src.(Positioned); ok {
					return src.FetchAt(ctx, id, position)
				}
				return src.Fetch(ctx, id, true)
			})
		})
	}
	wg.Wait()
	return all
}

// EditionMarks asks for the record of an edition at each of its positions and returns the different marks of what is there, as PutOptions.Writing was told
// them; of what cannot be read the zero mark. The error is ErrNotFound if nothing is, or what was in the way if nobody could look.
func EditionMarks(ctx context.Context, src Source, edition keys.URI) (marks [][32]byte, err error) {
	err = ErrNotFound
	for _, f := range everywhere(ctx, src, edition) {
		mark := [32]byte{}
		switch {
		case f.err == nil:
			mark = markOf(f.payload)
		case absent(f.err):
			continue
		case !errors.Is(f.err, ErrConflict):
			err = f.err
			continue
		}
		if !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
	}
	if len(marks) > 0 {
		return marks, nil
	}
	return nil, err
}

// labelMark begins the hash that is a mark.
const labelMark crypto.Label = "edition mark v1"

// markOf tells an edition's record from all others and nobody what is in it.
func markOf(payload []byte) [32]byte {
	return sha256.Sum256(append([]byte(labelMark), payload...))
}

// insertHints writes the date hints of the edition (SPEC §2.4). They only save time, so that nothing depends on them.
func (p *putter) insertHints() {
	var wg sync.WaitGroup
	for _, b := range p.hints() {
		// Ends with its insert, which the insert's context bounds.
		wg.Go(func() { p.dst.Insert(p.ins.ctx, b, true) })
	}
	wg.Wait()
}

// hints makes the date hints of today. Their versions grow with the edition, so that an older one replaces none.
func (p *putter) hints() (list []keys.Block) {
	payload, err := encodeHint(p.o.Target.Edition)
	if err != nil {
		return nil
	}
	now := p.o.Now()
	for _, format := range []string{hintYear, hintMonth, hintDay} {
		u := p.o.Target
		u.Type, u.Doc, u.Edition = keys.SSK, hintDocument(p.o.Target.Doc, now, format), 0
		if u.Check() != nil {
			continue // too long to be asked for
		}
		if b, err := p.seal(u.Doc, p.firstVersion(u.Doc)+uint64(p.o.Target.Edition), payload); err == nil {
			list = append(list, b)
		}
	}
	return list
}

// CheckSiteName refuses the names that no site can have because its editions would have those of date hints, its own or another site's. The error wraps
// keys.ErrBadURI.
func CheckSiteName(name string) error {
	if hintName(name) {
		return fmt.Errorf("%w: a site cannot be called %q, because its editions would have the names of date hints; choose a name without -hint at its end", keys.ErrBadURI, name)
	}
	return nil
}

// hintName reports whether a site's editions would have the names of another's date hints: if it is called x-hint,
// x-hint-2026 or x-hint-2026-11.
func hintName(site string) bool {
	_, date, ok := cutLast(site, "-hint")
	if !ok {
		return false
	}
	for _, format := range []string{"", "-" + hintYear, "-" + hintMonth} {
		if _, err := time.Parse(format, date); err == nil {
			return true
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
