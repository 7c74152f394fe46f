package api

import (
	"fmt"
	"net/http"

	"nightjar/store"
)

// Shelf is the block store, as far as its user decides on it.
type Shelf interface {
	// Resize changes how many bytes the store may take on the disk, now and at the next starts. It returns at once.
	Resize(quota int64) error
	// Ailment says for people why the store takes no blocks just now, "" if it takes them.
	Ailment() string
}

// MinQuota is the smallest quota that makes sense, in bytes: the smallest files of a store are a part of it.
const MinQuota = 16 << 20

func (s *Server) setQuota(w http.ResponseWriter, r *http.Request) error {
	var body Quota
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.Quota < MinQuota {
		return fmt.Errorf("%w: a quota of %d bytes; %d is the least", ErrRequest, body.Quota, MinQuota)
	}
	if s.cfg.Shelf == nil {
		return fmt.Errorf("%w: there is no store", ErrRequest)
	}
	s.sizing.Lock()
	defer s.sizing.Unlock()
	if err := s.cfg.Shelf.Resize(body.Quota); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, body)
}

func newStore(st store.Stats) Store {
	return Store{Blocks: st.Blocks, Bytes: st.Bytes, Quota: st.Quota, Usable: st.Usable}
}

// trouble is what the node's user should know.
func (s *Server) trouble() []string {
	all := s.cfg.Jobs.Trouble()
	if s.cfg.Shelf != nil {
		if a := s.cfg.Shelf.Ailment(); a != "" {
			all = append(all[:len(all):len(all)], a)
		}
	}
	return all
}
