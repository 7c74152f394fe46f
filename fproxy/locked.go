package fproxy

import (
	"errors"
	"net/http"
	"time"

	"nightjar/internal/node"
)

// unlockPath takes the form of the page that asks for a passphrase.
const unlockPath = ownPath + "unlock"

// maxPassphrase is the longest passphrase in bytes that is tried.
const maxPassphrase = 1024

// lockedView is what the page of a locked node says.
type lockedView struct {
	Opening bool // it has the passphrase
	Wrong   bool // it was given another one
}

// Locked is the handler while the store waits for its passphrase: one page, which asks for it, and nothing else. It asks nothing of the network.
type Locked struct {
	pages  *Proxy // without a network behind it
	unlock func(passphrase []byte) (right bool, err error)
}

// NewLocked returns the page that gives what is typed into it to unlock; with nil it only says that the node is being opened.
func NewLocked(unlock func(passphrase []byte) (right bool, err error)) *Locked {
	return &Locked{&Proxy{status: newStatus(noNode{})}, unlock}
}

// noNode has nothing to say, and no reason to warn: it asks nobody.
type noNode struct{}

func (noNode) Status() node.Status { return node.Status{Onion: node.Onion{Hops: node.Hops}} }

func (l *Locked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	extend(w)
	ownHeaders(w.Header())
	if err := l.pages.guard(r); err != nil {
		l.pages.fail(w, r, err)
		return
	}
	if _, ok := assets[r.URL.Path]; ok {
		l.pages.asset(w, r)
		return
	}
	if r.Method == http.MethodPost {
		l.try(w, r)
		return
	}
	l.show(w, r, false)
}

// show asks for the passphrase, whatever was asked for.
func (l *Locked) show(w http.ResponseWriter, r *http.Request, wrong bool) {
	v := lockedView{Opening: l.unlock == nil, Wrong: wrong}
	status := http.StatusLocked
	title := "Locked"
	switch {
	case v.Opening:
		status, title = http.StatusServiceUnavailable, "Opening"
		w.Header().Set("Refresh", "1")
	case wrong:
		status = http.StatusForbidden
	}
	l.pages.show(w, r, status, view{Title: title, Locked: &v})
}

// try takes the form.
func (l *Locked) try(w http.ResponseWriter, r *http.Request) {
	if l.unlock == nil || r.URL.Path != unlockPath {
		redirect(w, "/")
		return
	}
	// A writer without deadlines has no slow browser behind it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTime))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			l.pages.fail(w, r, errBigForm)
			return
		}
		l.show(w, r, true)
		return
	}
	typed := r.PostForm.Get("passphrase")
	if typed == "" || len(typed) > maxPassphrase {
		l.show(w, r, true)
		return
	}
	right, err := l.unlock([]byte(typed))
	switch {
	case err != nil:
		l.pages.fail(w, r, err)
	case !right:
		l.show(w, r, true)
	default:
		redirect(w, "/")
	}
}
