package api

import (
	"net/http"
	"slices"
	"testing"
)

// shelf remembers its quota.
type shelf struct {
	quota   int64
	ailment string
}

func (s *shelf) Resize(quota int64) error {
	s.quota = quota
	return nil
}

func (s *shelf) Ailment() string { return s.ailment }

func TestQuota(t *testing.T) {
	s, there := newServer(t), new(shelf)
	s.cfg.Shelf = there
	for body, want := range map[string]int{
		`{"quota":1073741824}`: http.StatusAccepted,
		`{"quota":16777215}`:   http.StatusBadRequest,
		`{"quota":-1}`:         http.StatusBadRequest,
		`{"quota":1e99}`:       http.StatusBadRequest,
		`{}`:                   http.StatusBadRequest,
	} {
		there.quota = 7
		if status, code := serve(t, s, request("POST", "store/quota", body, nil)); status != want {
			t.Errorf("%s: %d %s", body, status, code)
		}
		if set := there.quota == 1<<30; set != (want == http.StatusAccepted) {
			t.Errorf("%s: the quota is %d", body, there.quota)
		}
	}
	s.cfg.Shelf = nil
	if status, _ := serve(t, s, request("POST", "store/quota", `{"quota":1073741824}`, nil)); status != http.StatusBadRequest {
		t.Errorf("without a store: %d", status)
	}
}

// TestAilmentIsTrouble: what is wrong with the disk is in the status, and is not there when it is over.
func TestAilmentIsTrouble(t *testing.T) {
	s, there := newServer(t), &shelf{ailment: "the disk is full"}
	s.cfg.Shelf = there
	if !slices.Contains(s.trouble(), "the disk is full") {
		t.Errorf("the trouble is %q", s.trouble())
	}
	there.ailment = ""
	if len(s.trouble()) > 0 {
		t.Errorf("the trouble is %q", s.trouble())
	}
}
