package sites

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// The spaces of a Keep that a Book uses.
const (
	spaceSites    = "sites"
	spaceEditions = "editions"
	spaceMarks    = "marks"
)

// Version of a site's entry (SPEC §1).
const entryVersion = 1

var (
	// ErrNoSite reports a name that no site has.
	ErrNoSite = errors.New("sites: no site of this name")
	// ErrName reports a name that a site cannot have. What it comes with says why, and wraps keys.ErrBadURI, of which the name is a part.
	ErrName = errors.New("sites: no site can have this name")
	// ErrTaken reports a name that another site has.
	ErrTaken = errors.New("sites: there is a site of this name already")
	// ErrDamaged reports an entry that cannot be read.
	ErrDamaged = errors.New("sites: the entry of a site is damaged, or of a later version")
)

// Keep is where a Book keeps its entries: small records that are secret and durable. Get and Delete return an error that
// wraps New's absent for what is not there.
type Keep interface {
	Put(space string, id, value []byte) error
	Get(space string, id []byte) ([]byte, error)
	Delete(space string, id []byte) error
	Each(space string, f func(id, value []byte) error) error
}

// Site is one identity and what was published under it from here.
type Site struct {
	Insert    keys.URI  // USK insert URI; its Doc is the site's name, its Edition the next one as far as is known here
	Newest    int64     // edition that was published last, from here or found; -1 = none
	Published time.Time // when, to the day; zero = never from here
	Files     int       // of the newest edition published from here
	Size      uint64    // of its content in bytes
	Folder    string    // that it was published from
}

// Name is the site's name.
func (s *Site) Name() string { return s.Insert.Doc }

// Wipe overwrites the key.
func (s *Site) Wipe() { s.Insert.Wipe() }

// String hides the key.
func (s Site) String() string { return "sites.Site(redacted)" }

// GoString hides the key from %#v.
func (s Site) GoString() string { return s.String() }

// Format hides the key from all other verbs.
func (s Site) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// Request is the request URI of an edition; a negative one asks for the newest.
func (s *Site) Request(edition int64) (keys.URI, error) {
	uri, err := s.Insert.Public()
	uri.Edition = edition
	return uri, err
}

// entry is SPEC §1.
type entry struct {
	Version   int    `json:"version"`
	Insert    string `json:"insert"`
	Newest    int64  `json:"newest"`
	Published string `json:"published,omitempty"`
	Files     int    `json:"files,omitempty"`
	Size      uint64 `json:"size,omitempty"`
	Folder    string `json:"folder,omitempty"`
}

// Book is the sites of one node.
type Book struct {
	keep   Keep
	absent error // what a Keep's Get wraps for what is not there
	mu     sync.Mutex
}

// New returns the book whose entries are in keep; absent is the error that keep.Get wraps for what is not there.
func New(keep Keep, absent error) *Book { return &Book{keep: keep, absent: absent} }

// Create draws an identity for a new site; ErrTaken, or an error that wraps keys.ErrBadURI for a name that a site cannot have.
func (b *Book) Create(name string, random io.Reader) (Site, error) {
	insert, err := keys.NewAuthor(random)
	if err != nil {
		return Site{}, fmt.Errorf("sites: drawing a key: %w", err)
	}
	insert.Type, insert.Doc = keys.USK, name
	return b.Add(insert, -1)
}

// Add takes in an identity that exists: the insert URI of a USK, and the newest edition that is known of (-1 = none).
func (b *Book) Add(insert keys.URI, newest int64) (Site, error) {
	if insert.Type != keys.USK || !insert.Insert {
		return Site{}, fmt.Errorf("%w: a site needs the insert URI of a USK", keys.ErrBadURI)
	}
	insert.Path, insert.Edition = "", 0
	if err := errors.Join(insert.Check(), content.CheckSiteName(insert.Doc)); err != nil {
		return Site{}, fmt.Errorf("%w: %w", ErrName, err)
	}
	if _, err := insert.Public(); err != nil {
		return Site{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.keep.Get(spaceSites, []byte(insert.Doc)); !errors.Is(err, b.absent) {
		return Site{}, errors.Join(ErrTaken, err)
	}
	s := Site{Insert: insert, Newest: min(max(newest, -1), math.MaxInt64-1)}
	s.Insert.Edition = s.Newest + 1
	return s, b.save(&s)
}

// Site finds a site by its name; ErrNoSite or ErrDamaged.
func (b *Book) Site(name string) (Site, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.load(name)
}

func (b *Book) load(name string) (Site, error) {
	if !possible(name) {
		return Site{}, ErrNoSite
	}
	raw, err := b.keep.Get(spaceSites, []byte(name))
	if errors.Is(err, b.absent) {
		return Site{}, fmt.Errorf("%w: %q", ErrNoSite, name)
	}
	if err != nil {
		return Site{}, fmt.Errorf("sites: reading %q: %w", name, err)
	}
	defer clear(raw)
	return decode(name, raw)
}

// decode reads an entry. It is this node's own, but a program of a later version may have written it.
func decode(name string, raw []byte) (Site, error) {
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil || e.Version != entryVersion {
		return Site{}, fmt.Errorf("%w: %q", ErrDamaged, name)
	}
	insert, err := keys.ParseURI(e.Insert)
	if err != nil || insert.Type != keys.USK || !insert.Insert || insert.Doc != name || e.Newest < -1 || e.Newest == math.MaxInt64 {
		return Site{}, fmt.Errorf("%w: %q", ErrDamaged, name)
	}
	insert.Edition = e.Newest + 1
	s := Site{Insert: insert, Newest: e.Newest, Files: e.Files, Size: e.Size, Folder: e.Folder}
	if e.Published != "" {
		if s.Published, err = time.Parse(time.DateOnly, e.Published); err != nil {
			return Site{}, fmt.Errorf("%w: %q", ErrDamaged, name)
		}
	}
	return s, nil
}

// save writes a site's entry. b.mu is held.
func (b *Book) save(s *Site) error {
	e := entry{
		Version: entryVersion, Insert: s.Insert.Encode(), Newest: s.Newest, Files: s.Files, Size: s.Size, Folder: s.Folder,
	}
	if !s.Published.IsZero() {
		e.Published = s.Published.UTC().Format(time.DateOnly)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("sites: encoding %q: %w", s.Name(), err)
	}
	defer clear(raw)
	if err := b.keep.Put(spaceSites, []byte(s.Name()), raw); err != nil {
		return fmt.Errorf("sites: keeping %q: %w", s.Name(), err)
	}
	return nil
}

// possible reports whether a site may have this name. What it may not have is nobody's, and no id for a Keep.
func possible(name string) bool { return name != "" && len(name) <= keys.MaxDoc }

// List describes all sites by name. Sites that cannot be read are named in the error, and the others are listed all the same.
func (b *Book) List() ([]Site, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Site
	var damaged []error
	err := b.keep.Each(spaceSites, func(id, value []byte) error {
		s, err := decode(string(id), value)
		if err != nil {
			damaged = append(damaged, err)
			return nil
		}
		all = append(all, s)
		return nil
	})
	slices.SortFunc(all, func(a, b Site) int { return strings.Compare(a.Name(), b.Name()) })
	return all, errors.Join(append(damaged, err)...)
}

// Remove forgets a site for good: without a copy of its key nobody can ever publish under it again.
func (b *Book) Remove(name string) error {
	if !possible(name) {
		return ErrNoSite
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.keep.Get(spaceSites, []byte(name)); errors.Is(err, b.absent) {
		return fmt.Errorf("%w: %q", ErrNoSite, name)
	}
	// The key goes last, so that a removal that was cut short can be made again.
	for _, space := range []string{spaceMarks, spaceEditions} {
		if err := b.keep.Delete(space, []byte(name)); err != nil && !errors.Is(err, b.absent) {
			return fmt.Errorf("sites: removing %q: %w", name, err)
		}
	}
	if err := b.keep.Delete(spaceSites, []byte(name)); err != nil {
		return fmt.Errorf("sites: removing %q: %w", name, err)
	}
	return nil
}

// Edition is what the newest edition that was published from here holds, as content.Edition encodes it; nil if there is none.
func (b *Book) Edition(name string) ([]byte, error) {
	raw, err := b.keep.Get(spaceEditions, []byte(name))
	if errors.Is(err, b.absent) {
		return nil, nil
	}
	return raw, err
}

// Outcome is what a publication left.
type Outcome struct {
	Number  int64  // of the edition
	Edition []byte // as content.Edition encodes it
	Files   int
	Size    uint64
	Folder  string
	Day     time.Time
}

// Published notes an edition that is in the network. An edition that is not newer than what is known changes nothing.
func (b *Book) Published(name string, o Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.load(name)
	if err != nil || o.Number <= s.Newest {
		return err
	}
	// The number goes first. A memory that is older than the number costs another insert of what has changed; the memory of an edition that is
	// not known here would be the base of that same edition, if it is published again, and make other content of it.
	s.Newest, s.Files, s.Size, s.Folder, s.Published = o.Number, o.Files, o.Size, o.Folder, o.Day
	if err := b.save(&s); err != nil {
		return err
	}
	if err := b.keep.Put(spaceEditions, []byte(name), o.Edition); err != nil {
		return fmt.Errorf("sites: keeping what %q holds: %w", name, err)
	}
	return nil
}

// Found notes an edition that somebody else who has the key has published.
func (b *Book) Found(name string, edition int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.load(name)
	if err != nil || edition <= s.Newest || edition == math.MaxInt64 {
		return err
	}
	s.Newest = edition
	return b.save(&s)
}
