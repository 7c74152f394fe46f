package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// keeper remembers what it was asked, and knows one passphrase.
type keeper struct {
	passphrase string
	asked      []string
}

func (k *keeper) check(p []byte) error {
	switch {
	case string(p) == k.passphrase:
		return nil
	case k.passphrase == "":
		return ErrNoPassphrase
	}
	return ErrPassphrase
}

func (k *keeper) Unlock(p []byte) error {
	k.asked = append(k.asked, "unlock")
	return k.check(p)
}

func (k *keeper) Lock() error {
	k.asked = append(k.asked, "lock")
	if k.passphrase == "" {
		return ErrNoPassphrase
	}
	return nil
}

func (k *keeper) SetPassphrase(old, new []byte) error {
	k.asked = append(k.asked, "passphrase")
	if err := k.check(old); err != nil {
		return err
	}
	k.passphrase = string(new)
	return nil
}

func (k *keeper) Wipe() error {
	k.asked = append(k.asked, "wipe")
	return nil
}

// Invariant 7, for every route at once.
func TestLockedNodeDoesNothingElse(t *testing.T) {
	for _, state := range []string{StateLocked, StateOpening} {
		k := &keeper{passphrase: "secret"}
		s := New(Config{Token: testToken, State: state, Keeper: k, Stop: func() {}})
		works := map[string]bool{
			"GET openapi.yaml": true, "GET status": true, "POST store/unlock": true, "POST store/wipe": true, "POST shutdown": true,
		}
		for _, r := range s.routes() {
			path := strings.Replace(strings.Replace(r.path, "{id}", "x", 1), "{name}", "x", 1)
			status, code := serve(t, s, request(r.method, path, "", nil))
			if locked := status == http.StatusLocked && code == "locked"; locked == works[r.method+" "+r.path] {
				t.Errorf("%s: %s %s: %d %s", state, r.method, r.path, status, code)
			}
			if status, _ := serve(t, s, request(r.method, path, "", func(r *http.Request) { r.Header.Del("Authorization") })); !r.open && status != http.StatusUnauthorized {
				t.Errorf("%s: %s %s without a token: %d", state, r.method, r.path, status)
			}
		}
		w := newRecorder()
		s.ServeHTTP(w, request("GET", "status", "", nil))
		var st Status
		if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil || st.State != state || st.PID == 0 {
			t.Errorf("%+v %v", st, err)
		}
	}
}

func TestUnlock(t *testing.T) {
	k := &keeper{passphrase: "secret"}
	s := New(Config{Token: testToken, State: StateLocked, Keeper: k})
	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{`{"passphrase":"wrong"}`, 403, "wrong_passphrase"},
		{`{"passphrase":""}`, 403, "wrong_passphrase"},
		{`{"passphrase":"secret","x":1}`, 400, "bad_request"},
		{`{"passphrase":"secret"}`, 200, ""},
	} {
		if status, code := serve(t, s, request("POST", "store/unlock", c.body, nil)); status != c.status || code != c.code {
			t.Errorf("%s: %d %s", c.body, status, code)
		}
	}
	open := New(Config{Token: testToken, Keeper: k})
	if status, code := serve(t, open, request("POST", "store/unlock", `{"passphrase":"secret"}`, nil)); status != 400 || code != "bad_request" {
		t.Errorf("one that is open: %d %s", status, code)
	}
}

func TestPassphraseRoutes(t *testing.T) {
	k := &keeper{}
	s := New(Config{Token: testToken, Keeper: k})
	for _, c := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"store/lock", "", 409, "no_passphrase"},
		{"store/passphrase", `{"old":"x","new":"y"}`, 409, "no_passphrase"},
		{"store/passphrase", `{"new":"first"}`, 200, ""},
		{"store/passphrase", `{"new":"second"}`, 403, "wrong_passphrase"},
		{"store/passphrase", `{"old":"first","new":"second"}`, 200, ""},
		{"store/lock", "", 202, ""},
		{"store/wipe", "", 202, ""},
	} {
		if status, code := serve(t, s, request("POST", c.path, c.body, nil)); status != c.status || code != c.code {
			t.Errorf("%s %s: %d %s", c.path, c.body, status, code)
		}
	}
	if k.passphrase != "second" || k.asked[len(k.asked)-1] != "wipe" {
		t.Errorf("%+v", k)
	}
}
