package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/store/vault"
)

// siteRig is a rig with a book of sites, in which there is a site called blog.
type siteRig struct {
	*rig
	book   *sites.Book
	folder string
}

func newSiteRig(t *testing.T) *siteRig {
	r := &siteRig{rig: &rig{t: t, dir: t.TempDir(), net: newNetwork()}, folder: t.TempDir()}
	r.open()
	if _, err := r.book.Create("blog", rand.Reader); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.folder, "index.html"), []byte("<p>first"))
	write(t, filepath.Join(r.folder, "film.bin"), noise(3, 400_000))
	return r
}

// open starts the manager with the book in its own vault.
func (r *siteRig) open() {
	r.t.Helper()
	v, err := vault.Open(filepath.Join(r.dir, "vault"), [32]byte{1})
	if err != nil {
		r.t.Fatal(err)
	}
	r.book = sites.New(v, vault.ErrNotFound)
	r.vault = v
	r.Manager = New(Config{Network: r.net.each, Vault: v, Dir: filepath.Join(r.dir, "jobs"), Sites: r.book})
	if _, err := r.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.end)
}

func (r *siteRig) publish() Snapshot {
	r.t.Helper()
	j := r.queue(PutSpec{Path: r.folder, Site: "blog"})
	<-j.Ended()
	return j.Snapshot()
}

func (r *siteRig) site() sites.Site {
	r.t.Helper()
	s, err := r.book.Site("blog")
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// newest reads a file of the newest edition, as a reader does who has the site's URI.
func (r *siteRig) newest(path string) (edition int64, text string) {
	r.t.Helper()
	s := r.site()
	uri, err := s.Request(-1)
	if err != nil {
		r.t.Fatal(err)
	}
	uri.Path = path
	o, err := content.Open(r.t.Context(), r.net, uri, content.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	var b strings.Builder
	if err := o.WriteTo(r.t.Context(), &b); err != nil {
		r.t.Fatal(err)
	}
	return o.URI().Edition, b.String()
}

func TestPublishingASiteInsertsWhatHasChanged(t *testing.T) {
	r := newSiteRig(t)
	first := r.publish()
	if first.State != Done || first.URI.Type != keys.USK || first.URI.Edition != 0 || first.URI.Insert || first.Site != "blog" {
		t.Fatalf("%s (%v), edition %d", first.State, first.Err, first.URI.Edition)
	}
	all := len(r.net.blocks)
	write(t, filepath.Join(r.folder, "index.html"), []byte("<p>second"))
	second := r.publish()
	if second.State != Done || second.URI.Edition != 1 {
		t.Fatalf("%s (%v), edition %d", second.State, second.Err, second.URI.Edition)
	}
	if added := len(r.net.blocks) - all; added > 10 {
		t.Errorf("%d blocks were inserted for one page, and %d for the whole site", added, all)
	}
	if n, text := r.newest("index.html"); n != 1 || text != "<p>second" {
		t.Errorf("edition %d says %q", n, text)
	}
	if n, film := r.newest("film.bin"); n != 1 || film != string(noise(3, 400_000)) {
		t.Errorf("edition %d has another film", n)
	}
	s := r.site()
	if s.Newest != 1 || s.Files != 2 || s.Folder != r.folder || s.Size != 400_009 {
		t.Errorf("the book says edition %d, %d files, %d bytes", s.Newest, s.Files, s.Size)
	}
}

// Two machines have the site's key, and both publish.
func TestAnEditionFromElsewhereIsNotOverwritten(t *testing.T) {
	r := newSiteRig(t)
	for n := range int64(3) {
		target := r.site().Insert
		target.Edition = n
		if _, err := content.PutFile(t.Context(), r.net, strings.NewReader("theirs"), content.PutOptions{Target: target, Now: time.Now}); err != nil {
			t.Fatal(err)
		}
	}
	s := r.publish()
	conflict, ok := errors.AsType[*ConflictError](s.Err)
	if s.State != Failed || !ok || !errors.Is(s.Err, content.ErrConflict) || conflict.Newest != 2 || conflict.Site != "blog" {
		t.Fatalf("%s: %v", s.State, s.Err)
	}
	if got := newFault(s.Err); !errors.Is(got, content.ErrConflict) || !strings.Contains(got.Text, "edition 2") {
		t.Errorf("after a restart the error is %q", got.Text)
	}
	if s = r.publish(); s.State != Done || s.URI.Edition != 3 {
		t.Errorf("the next run: %s (%v), edition %d", s.State, s.Err, s.URI.Edition)
	}
}

// The process ends when the book knows of the edition and the queue does not yet know of the end.
func TestAPublicationIsNotMadeTwice(t *testing.T) {
	r := newSiteRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.net.hold = make(chan struct{}) // nothing is taken yet
	j := r.queue(PutSpec{Path: r.folder, Site: "blog"})
	untilState(t, j, Running)
	s := r.site()
	// What publish does last, done by the process that ends.
	j.update(func(p *progress) { p.Placing = true })
	if err := j.save(); err != nil {
		t.Fatal(err)
	}
	if err := r.book.Published("blog", sites.Outcome{Number: s.Newest + 1, Edition: []byte("no edition at all"), Day: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.end()
	r.net.hold = nil
	r.open()
	again, err := r.Job(j.ID())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-again.Ended():
	case <-ctx.Done():
	}
	if got := again.Snapshot(); got.State != Done || got.Err != nil {
		t.Errorf("%s: %v", got.State, got.Err)
	}
	if n := len(r.net.blocks); n > 0 {
		t.Errorf("%d blocks were inserted again", n)
	}
}

// The process ends, or the job, when the edition is in the network and the book does not know it yet; and the folder changes. The edition is this node's own, and no
// conflict: what is there now is the next one. What is not known for its own is a conflict.
func TestAnOwnEditionIsNoConflict(t *testing.T) {
	r := newSiteRig(t)
	before, err := r.vault.Get("sites", []byte("blog"))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.publish(); s.State != Done || s.URI.Edition != 0 {
		t.Fatalf("%s (%v), edition %d", s.State, s.Err, s.URI.Edition)
	}
	forget := func() {
		t.Helper()
		if err := errors.Join(r.vault.Put("sites", []byte("blog"), before), r.vault.Delete("editions", []byte("blog"))); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	write(t, filepath.Join(r.folder, "index.html"), []byte("<p>changed"))
	s := r.publish()
	if s.State != Done || s.URI.Edition != 1 {
		t.Fatalf("%s (%v), edition %d", s.State, s.Err, s.URI.Edition)
	}
	if n, text := r.newest("index.html"); n != 1 || text != "<p>changed" {
		t.Errorf("edition %d says %q", n, text)
	}
	if got := r.site().Newest; got != 1 {
		t.Errorf("the book says edition %d", got)
	}

	// Editions 0 and 1 are there, and the book knows marks of 1 alone: 0 may be anybody's.
	forget()
	write(t, filepath.Join(r.folder, "index.html"), []byte("<p>changed again"))
	if s = r.publish(); s.State != Failed || !errors.Is(s.Err, content.ErrConflict) {
		t.Errorf("with an edition that is not known for its own: %s (%v)", s.State, s.Err)
	}
}

func TestWhatCannotBePublished(t *testing.T) {
	r := newSiteRig(t)
	file := filepath.Join(r.folder, "index.html")
	for name, c := range map[string]struct {
		spec PutSpec
		want error
	}{
		"a file":           {PutSpec{Path: file, Site: "blog"}, ErrSpec},
		"no site":          {PutSpec{Path: r.folder, Site: "glob"}, sites.ErrNoSite},
		"a name":           {PutSpec{Path: r.folder, Site: "blog", Name: "x"}, ErrSpec},
		"a target as well": {PutSpec{Path: r.folder, Site: "blog", Target: keys.URI{Type: keys.KSK, Doc: "word"}}, ErrSpec},
		"convergent":       {PutSpec{Path: r.folder, Site: "blog", Convergent: true}, ErrSpec},
		"a long name":      {PutSpec{Path: r.folder, Site: strings.Repeat("x", 256)}, ErrSpec},
	} {
		if _, err := r.Queue(c.spec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.net.hold = make(chan struct{})
	j := r.queue(PutSpec{Path: r.folder, Site: "blog"})
	if _, err := r.Queue(PutSpec{Path: t.TempDir(), Site: "blog"}); !errors.Is(err, ErrTarget) {
		t.Errorf("another folder at the same time: %v", err)
	}
	if same, err := r.Queue(PutSpec{Path: r.folder, Site: "blog"}); err != nil || same != j {
		t.Errorf("the same again: %v, %v", same, err)
	}
	j.Cancel()
	<-j.Ended()
}

// Times travel on demand alone.
func TestTimesOfFiles(t *testing.T) {
	r := newRig(t, Config{})
	folder := t.TempDir()
	when := time.Date(2021, 3, 4, 5, 6, 7, 8, time.UTC)
	if err := os.Chtimes(write(t, filepath.Join(folder, "a"), []byte("a")), when, when); err != nil {
		t.Fatal(err)
	}
	for _, times := range []bool{false, true} {
		j := r.queue(PutSpec{Path: folder, Times: times})
		uri := untilState(t, j, Done).URI
		o, err := content.Open(t.Context(), r.net, uri, content.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Files()[0].ModTime; got.IsZero() == times || times && !got.Equal(when.Truncate(time.Second)) {
			t.Errorf("Times %v: %v", times, got)
		}
	}
}
