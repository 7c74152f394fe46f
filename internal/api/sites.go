package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/sites"
	"nightjar/keys"
)

// maxPassphrase bounds a passphrase in bytes.
const maxPassphrase = 1024

// book is the sites of the node; a node without a vault has none.
func (s *Server) book() (*sites.Book, error) {
	if s.cfg.Sites == nil {
		return nil, jobs.ErrNoQueue
	}
	return s.cfg.Sites, nil
}

func newSite(s *sites.Site) (Site, error) {
	newest, err := s.Request(-1)
	if err != nil {
		return Site{}, err
	}
	answer := Site{Name: s.Name(), URI: newest.Encode(), Edition: s.Newest, Files: s.Files, Size: s.Size, Folder: s.Folder}
	if s.Newest >= 0 {
		newest.Edition = s.Newest
		answer.EditionURI = newest.Encode()
	}
	if !s.Published.IsZero() {
		answer.Published = s.Published.UTC().Format(time.DateOnly)
	}
	return answer, nil
}

func (s *Server) listSites(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	all, damaged := book.List()
	answer := Sites{Sites: []Site{}}
	for i := range all {
		defer all[i].Wipe()
		site, err := newSite(&all[i])
		if err != nil {
			return err
		}
		answer.Sites = append(answer.Sites, site)
	}
	if damaged != nil {
		answer.Trouble = damaged.Error()
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *Server) createSite(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	var body SiteName
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	site, err := book.Create(body.Name, rand.Reader)
	return s.answerSite(w, http.StatusCreated, &site, err)
}

func (s *Server) showSite(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	site, err := book.Site(r.PathValue("name"))
	return s.answerSite(w, http.StatusOK, &site, err)
}

func (s *Server) answerSite(w http.ResponseWriter, status int, site *sites.Site, err error) error {
	if err != nil {
		return err
	}
	defer site.Wipe()
	answer, err := newSite(site)
	if err != nil {
		return err
	}
	return writeJSON(w, status, answer)
}

func (s *Server) removeSite(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := book.Remove(name); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, SiteName{name})
}

func (s *Server) exportSite(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	var body SealedSite
	if err := readSealed(w, r, &body); err != nil {
		return err
	}
	site, err := book.Site(r.PathValue("name"))
	if err != nil {
		return err
	}
	defer site.Wipe()
	s.sealing.Lock() // it takes 256 MiB of memory
	defer s.sealing.Unlock()
	text, err := sites.Seal(&site, []byte(body.Passphrase), rand.Reader)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, SealedSite{Sealed: text})
}

func (s *Server) importSite(w http.ResponseWriter, r *http.Request) error {
	book, err := s.book()
	if err != nil {
		return err
	}
	var body SealedSite
	if err := readSealed(w, r, &body); err != nil {
		return err
	}
	s.sealing.Lock()
	insert, newest, err := sites.Unseal(body.Sealed, []byte(body.Passphrase))
	s.sealing.Unlock()
	if err != nil {
		return err
	}
	defer insert.Wipe()
	site, err := book.Add(insert, newest)
	return s.answerSite(w, http.StatusCreated, &site, err)
}

func readSealed(w http.ResponseWriter, r *http.Request, body *SealedSite) error {
	if err := readJSON(w, r, body); err != nil {
		return err
	}
	if n := len(body.Passphrase); n == 0 || n > maxPassphrase {
		return fmt.Errorf("%w: a passphrase has 1 to %d bytes", ErrRequest, maxPassphrase)
	}
	return nil
}

// follow waits until a site has an edition newer than the URI's, however long that takes.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, func(n jobs.Network, uri keys.URI) (keys.URI, error) { return content.Follow(r.Context(), n, uri) })
}

// newest finds the newest edition of a site.
func (s *Server) newest(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, func(n jobs.Network, uri keys.URI) (keys.URI, error) {
		return content.Newest(r.Context(), n, uri, max(uri.Edition, 0))
	})
}

// verify makes the verify capability of some content.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, func(n jobs.Network, uri keys.URI) (keys.URI, error) {
		return content.VerifyURI(r.Context(), n, n, uri)
	})
}

// ask answers a question about a URI with another one. It takes what it takes, or until the client goes away.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, question func(jobs.Network, keys.URI) (keys.URI, error)) error {
	var body URI
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	uri, err := keys.ParseURI(body.URI)
	if err != nil {
		return err
	}
	if s.cfg.Network == nil {
		return jobs.ErrClosed
	}
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("lift the limit on the time of a request: %w", err)
	}
	network := s.cfg.Network()
	defer network.Close()
	answer, err := question(network, uri)
	if deadlineErr := rc.SetWriteDeadline(time.Now().Add(jsonTime)); deadlineErr != nil {
		return deadlineErr
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, URI{answer.Encode()})
}
