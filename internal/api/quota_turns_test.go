package api

import (
	"net/http"
	"testing"
)

// heldShelf notes whether another quota could be set while one is.
type heldShelf struct {
	shelf
	of   *Server
	open bool
}

func (s *heldShelf) Resize(quota int64) error {
	if s.of.sizing.TryLock() {
		s.open = true
		s.of.sizing.Unlock()
	}
	return s.shelf.Resize(quota)
}

// TestQuotasTakeTurns: of two quotas at once, the one that is remembered for the next start is the one that holds.
func TestQuotasTakeTurns(t *testing.T) {
	s := newServer(t)
	there := &heldShelf{of: s}
	s.cfg.Shelf = there
	if status, code := serve(t, s, request("POST", "store/quota", `{"quota":1073741824}`, nil)); status != http.StatusAccepted || there.quota != 1<<30 {
		t.Errorf("%d %s, and the quota is %d", status, code, there.quota)
	}
	if there.open {
		t.Error("another quota could be set meanwhile")
	}
}
