package api

import (
	"errors"
	"strings"
	"testing"
)

// Each limit of what a request says holds at its number, and not beyond.
func TestLimitsOfRequests(t *testing.T) {
	for _, n := range []int{maxName, maxName + 1} {
		for field, req := range map[string]JobRequest{"name": {Name: strings.Repeat("a", n)}, "mime": {MIME: strings.Repeat("a", n)}} {
			if _, err := putSpec(req); errors.Is(err, ErrRequest) != (n > maxName) {
				t.Errorf("a %s of %d bytes: %v", field, n, err)
			}
		}
	}
	client := newRig(t).client
	for _, n := range []int{0, 1, maxPassphrase, maxPassphrase + 1} {
		_, err := client.ImportSite(t.Context(), "rubbish", strings.Repeat("a", n))
		if err == nil || errors.Is(err, ErrRequest) != (n == 0 || n > maxPassphrase) {
			t.Errorf("a passphrase of %d bytes: %v", n, err)
		}
	}
}
