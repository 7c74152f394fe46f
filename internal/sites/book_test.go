package sites

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/keys"
	"nightjar/store/vault"
)

func openVault(t *testing.T, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(dir, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newBook(t *testing.T) (*Book, *vault.Vault) {
	t.Helper()
	v := openVault(t, t.TempDir())
	return New(v, vault.ErrNotFound), v
}

func create(t *testing.T, b *Book, name string) Site {
	t.Helper()
	s, err := b.Create(name, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSiteSurvivesReopening(t *testing.T) {
	dir := t.TempDir()
	v := openVault(t, dir)
	s := create(t, New(v, vault.ErrNotFound), "blog")
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := New(openVault(t, dir), vault.ErrNotFound).Site("blog")
	if err != nil || got != s {
		t.Errorf("Site: %v, the same: %v", err, got == s)
	}
}

func TestRequestURIsAreTheSitesOwn(t *testing.T) {
	b, _ := newBook(t)
	s := create(t, b, "blog")
	newest, err := s.Request(-1)
	if err != nil || newest.Insert || newest.Type != keys.USK || newest.Edition != -1 || newest.Doc != "blog" {
		t.Errorf("Request(-1): %v, insert %v, edition %d", err, newest.Insert, newest.Edition)
	}
}

// S1.
func TestNothingReplacesAnIdentity(t *testing.T) {
	b, _ := newBook(t)
	s := create(t, b, "blog")
	if _, err := b.Create("blog", rand.Reader); !errors.Is(err, ErrTaken) {
		t.Errorf("Create again: %v", err)
	}
	if _, err := b.Add(newInsert(t, "blog"), 3); !errors.Is(err, ErrTaken) {
		t.Errorf("Add over it: %v", err)
	}
	if got, err := b.Site("blog"); err != nil || got != s {
		t.Errorf("the site has changed: %v", err)
	}
	if err := b.Remove("blog"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Site("blog"); !errors.Is(err, ErrNoSite) {
		t.Errorf("after Remove: %v", err)
	}
	if err := b.Remove("blog"); !errors.Is(err, ErrNoSite) {
		t.Errorf("Remove again: %v", err)
	}
}

func TestAddRefusesWhatCannotPublish(t *testing.T) {
	b, _ := newBook(t)
	request, err := newInsert(t, "blog").Public()
	if err != nil {
		t.Fatal(err)
	}
	ssk := newInsert(t, "blog")
	ssk.Type = keys.SSK
	for name, u := range map[string]keys.URI{
		"request": request, "SSK": ssk, "bad name": newInsert(t, "a/b"), "no name": newInsert(t, ""), "long name": newInsert(t, strings.Repeat("x", keys.MaxDoc+1)),
		"own hints": newInsert(t, "x-hint"), "hints of a year": newInsert(t, "x-hint-2026"), "hints of a month": newInsert(t, "x-hint-2026-11"),
	} {
		if _, err := b.Add(u, -1); !errors.Is(err, keys.ErrBadURI) || errors.Is(err, ErrName) == (name == "request" || name == "SSK") {
			t.Errorf("%s: %v, want ErrBadURI, and ErrName if it is the name", name, err)
		}
	}
	if _, err := b.Add(newInsert(t, strings.Repeat("x", keys.MaxDoc)), -1); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	for _, name := range []string{"", strings.Repeat("x", keys.MaxDoc+1), strings.Repeat("x", 10_000)} {
		if _, err := b.Site(name); !errors.Is(err, ErrNoSite) || len(err.Error()) > 100 {
			t.Errorf("a name of %d bytes: %v", len(name), err)
		}
		if err := b.Remove(name); !errors.Is(err, ErrNoSite) {
			t.Errorf("removing a name of %d bytes: %v", len(name), err)
		}
	}
	if _, err := b.Create("x-hints", rand.Reader); err != nil {
		t.Errorf("a name like that of a hint: %v", err)
	}
	if _, err := b.Create("x-hint", rand.Reader); !errors.Is(err, keys.ErrBadURI) {
		t.Errorf("a new site with the name of a hint: %v", err)
	}
}

// S2.
func TestEditionsOnlyGrow(t *testing.T) {
	b, _ := newBook(t)
	create(t, b, "blog")
	day := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	publish := func(n int64, what string) {
		t.Helper()
		if err := b.Published("blog", Outcome{Number: n, Edition: []byte(what), Files: 3, Size: 10, Folder: "/home", Day: day}); err != nil {
			t.Fatal(err)
		}
	}
	publish(4, "four")
	publish(3, "three")
	publish(4, "four again")
	if err := b.Found("blog", 2); err != nil {
		t.Fatal(err)
	}
	s, err := b.Site("blog")
	if err != nil || s.Newest != 4 || s.Insert.Edition != 5 || s.Files != 3 || s.Folder != "/home" {
		t.Errorf("Site: %v, newest %d, next %d", err, s.Newest, s.Insert.Edition)
	}
	if !s.Published.Equal(day.Truncate(24 * time.Hour)) {
		t.Errorf("it remembers %v, finer than a day", s.Published)
	}
	if e, err := b.Edition("blog"); err != nil || string(e) != "four" {
		t.Errorf("Edition: %q, %v", e, err)
	}
	if err := b.Found("blog", 9); err != nil {
		t.Fatal(err)
	}
	if s, _ := b.Site("blog"); s.Newest != 9 || s.Insert.Edition != 10 {
		t.Errorf("after Found(9): newest %d, next %d", s.Newest, s.Insert.Edition)
	}
}

// brittle is a Keep that takes so many values more.
type brittle struct {
	Keep
	left int
}

var errBroken = errors.New("broken")

func (k *brittle) Put(space string, id, value []byte) error {
	if k.left == 0 {
		return errBroken
	}
	k.left--
	return k.Keep.Put(space, id, value)
}

// S6: wherever a publication is broken off, what is remembered of an edition is of one that is known.
func TestNoEditionIsRememberedThatIsNotKnown(t *testing.T) {
	for left := range 3 {
		whole, v := newBook(t)
		create(t, whole, "blog")
		if err := whole.Published("blog", Outcome{Number: 0, Edition: []byte("0")}); err != nil {
			t.Fatal(err)
		}
		b := New(&brittle{v, left}, vault.ErrNotFound)
		if err := b.Published("blog", Outcome{Number: 1, Edition: []byte("1")}); (err == nil) != (left == 2) {
			t.Errorf("%d values: %v", left, err)
		}
		s, err := b.Site("blog")
		if err != nil {
			t.Fatal(err)
		}
		e, err := b.Edition("blog")
		if err != nil || len(e) != 1 || int64(e[0]-'0') > s.Newest {
			t.Errorf("%d values: edition %d is known and %q remembered, %v", left, s.Newest, e, err)
		}
	}
}

// S4.
func TestADamagedEntryHidesNoOther(t *testing.T) {
	b, v := newBook(t)
	for _, name := range []string{"b", "a", "c"} {
		create(t, b, name)
	}
	for name, raw := range map[string]string{
		"torn": `{"version":1,"insert":"USK@`, "later": `{"version":2}`, "empty": "", "other": `{"version":1,"insert":"KSK@x","newest":-1}`,
	} {
		if err := v.Put(spaceSites, []byte(name), []byte(raw)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Site(name); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
		if _, err := b.Create(name, rand.Reader); !errors.Is(err, ErrTaken) {
			t.Errorf("%s could be replaced: %v", name, err)
		}
	}
	all, err := b.List()
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("List says nothing of the damage: %v", err)
	}
	var names []string
	for i := range all {
		names = append(names, all[i].Name())
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Error(diff)
	}
}

// S5.
func TestSitesPrintRedacted(t *testing.T) {
	s := Site{Insert: newInsert(t, "blog"), Folder: "/home/me"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, v := range []any{s, &s} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "blog") || strings.Contains(got, "home") || len(got) > 40 {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
}
