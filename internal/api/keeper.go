package api

import (
	"fmt"
	"net/http"
	"os"
)

// Keeper has the key of the store, which is locked with a passphrase or not. A passphrase that is nil is none.
type Keeper interface {
	// Unlock has the node go on; it returns before all of it works. Errors: ErrPassphrase.
	Unlock(passphrase []byte) error
	// Lock has the node close all that needs the key, forget it and wait for a passphrase. It returns at once. ErrNoPassphrase if there is none.
	Lock() error
	// SetPassphrase puts another passphrase in place of the old one. Errors: ErrPassphrase, ErrNoPassphrase for the old one; ErrLocked.
	SetPassphrase(old, new []byte) error
	// Wipe destroys the key and has the node end.
	Wipe() error
}

// What Config.State can be beside StateOpen.
const (
	StateOpen    = "open"
	StateLocked  = "locked"  // waits for a passphrase
	StateOpening = "opening" // has got it
)

func (s *Server) open() bool { return s.cfg.State == "" || s.cfg.State == StateOpen }

// refuseLocked stands in for what a node cannot do without the key.
func (s *Server) refuseLocked(http.ResponseWriter, *http.Request) error { return ErrLocked }

// statusLocked is what can be said without the key.
func (s *Server) statusLocked(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusOK, Status{Version: s.cfg.Version, PID: os.Getpid(), Started: s.cfg.Started, FProxy: s.cfg.FProxy, State: s.cfg.State})
}

func (s *Server) unlockStore(w http.ResponseWriter, r *http.Request) error {
	var body Passphrase
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if s.cfg.State != StateLocked {
		return fmt.Errorf("%w: the store is not locked", ErrRequest)
	}
	if err := s.cfg.Keeper.Unlock(secret(body.Passphrase)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) lockStore(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Keeper == nil {
		return ErrNoPassphrase
	}
	if err := s.cfg.Keeper.Lock(); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, struct{}{})
}

func (s *Server) setPassphrase(w http.ResponseWriter, r *http.Request) error {
	var body Passphrases
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if s.cfg.Keeper == nil {
		return ErrNoPassphrase
	}
	if err := s.cfg.Keeper.SetPassphrase(secret(body.Old), secret(body.New)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) wipeStore(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Keeper == nil {
		return fmt.Errorf("%w: there is no store", ErrRequest)
	}
	if err := s.cfg.Keeper.Wipe(); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, struct{}{})
}

// secret is a passphrase, or nil for none.
func secret(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
