package content

import (
	"bytes"
	"context"
	"math"
	"time"

	"nightjar/keys"
)

// kindHint is the kind of a date hint's payload: like a manifest, and none (SPEC §2.4).
const kindHint = 5

// dateHint is the payload of a date hint.
type dateHint struct {
	Version uint64 `cbor:"0,keyasint"`
	Kind    uint64 `cbor:"1,keyasint"`
	Edition uint64 `cbor:"8,keyasint"`
}

// The formats of what stands in a date hint's name behind the site's.
const (
	hintYear  = "2006"
	hintMonth = "2006-01"
	hintDay   = "2006-01-02"
)

// hintDocument names the date hint of a site for the time that a format takes of t.
func hintDocument(site string, t time.Time, format string) string {
	return site + "-hint-" + t.UTC().Format(format)
}

// encodeHint is a date hint's payload.
func encodeHint(edition int64) ([]byte, error) {
	return encodeMode.Marshal(dateHint{formatVersion, kindHint, uint64(edition)})
}

// decodeHint reads a date hint's payload, which has one encoding.
func decodeHint(b []byte) (int64, bool) {
	var h dateHint
	if len(b) > roomInRecord || decodeMode.Unmarshal(b, &h) != nil || h.Version != formatVersion || h.Kind != kindHint || h.Edition > math.MaxInt64 {
		return 0, false
	}
	if again, err := encodeMode.Marshal(h); err != nil || !bytes.Equal(again, b) {
		return 0, false
	}
	return int64(h.Edition), true
}

// hintDocuments lists the date hints to ask for: of this year, month and day, and of the year before. A site whose name leaves no room for a date
// has none.
func (f *finder) hintDocuments(site keys.URI) (list []keys.URI) {
	now := f.now().UTC()
	for _, doc := range []string{
		hintDocument(site.Doc, now, hintYear), hintDocument(site.Doc, now, hintMonth), hintDocument(site.Doc, now, hintDay),
		hintDocument(site.Doc, time.Date(now.Year()-1, 1, 1, 0, 0, 0, 0, time.UTC), hintYear),
	} {
		if u := (keys.URI{Type: keys.SSK, Routing: site.Routing, Read: site.Read, Doc: doc}); u.Check() == nil {
			list = append(list, u)
		}
	}
	return list
}

// hint is the edition that a date hint names, or noGuess: whatever is wrong with it, editions are found without.
func (f *finder) hint(ctx context.Context, u keys.URI) int64 {
	b, err := f.fetchRecord(ctx, u)
	if err != nil {
		return noGuess
	}
	doc, err := u.Document()
	if err != nil {
		return noGuess
	}
	defer doc.Wipe()
	r, err := doc.Open(b)
	if err != nil {
		return noGuess
	}
	if edition, ok := decodeHint(r.Payload); ok {
		return edition
	}
	return noGuess
}
