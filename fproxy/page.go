package fproxy

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/keys"
)

// Reserved paths. A URI has an @ before its first slash, so that none of them is one.
const (
	ownPath  = "/-/"
	openPath = ownPath + "open"
)

//go:embed pages
var files embed.FS

var templates = template.Must(template.ParseFS(files, "pages/*.html"))

// assets are the files that the proxy's own pages use.
var assets = map[string]struct{ file, contentType string }{
	ownPath + "style.css": {"pages/style.css", "text/css; charset=utf-8"},
	ownPath + "icon.svg":  {"pages/icon.svg", "image/svg+xml"},
	"/favicon.ico":        {"pages/icon.svg", "image/svg+xml"},
}

// view is what the templates are given. Exactly one of Start, Failure, Folder, Newer, Follow and Locked is set.
type view struct {
	Title   string
	Exposed bool // F8: the node was told not to hide who asks
	Start   *startView
	Failure *failureView
	Folder  *folderView
	Newer   *newerView
	Follow  *followView
	Locked  *lockedView
}

type startView struct {
	Peers   int
	Hidden  string // how
	Wait    string // why nothing can be fetched at the moment
	Weak    []string
	Running string
	Stored  string
	Quota   string
}

type failureView struct {
	Status int
	Said   string
	Detail string // why a URI is malformed, or a circuit cannot be built
	Advice []string
	Link   string // where to go on, "" = nowhere
	Label  string
}

// show sends a page.
func (p *Proxy) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Exposed = p.warn(w.Header())
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "page", v); err != nil {
		panic("fproxy: page template: " + err.Error())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	send(w, r, status, b.Bytes())
}

// send sends a whole body, or for HEAD only says how long it is.
func send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A browser that has gone needs no answer.
		_, _ = w.Write(body)
	}
}

// fail shows the page of an error. If the browser has gone there is nobody to show it to.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.failWith(w, r, err, "", "")
}

// failContent is fail for content that was asked for: a file that is not in its folder leads to the list of what is.
func (p *Proxy) failContent(w http.ResponseWriter, r *http.Request, uri keys.URI, err error) {
	if errors.Is(err, content.ErrNoEntry) {
		uri.Path = ""
		p.failWith(w, r, err, pathOf(uri, true, listQuery), "List the files of the folder")
		return
	}
	p.fail(w, r, err)
}

func (p *Proxy) failWith(w http.ResponseWriter, r *http.Request, err error, link, label string) {
	if errors.Is(err, context.Canceled) || r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	f := failureOf(err)
	v := failureView{Status: f.status, Said: f.said, Advice: f.advice, Link: link, Label: label}
	switch {
	case errors.Is(err, keys.ErrBadURI):
		v.Detail = strings.TrimPrefix(err.Error(), keys.ErrBadURI.Error()+": ")
	case errors.Is(err, node.ErrNoCircuit):
		v.Detail = err.Error()
		w.Header().Set("Refresh", "5")
	case errors.Is(err, errUninvited):
		// The link is made of the URI, never of the request's path, which might lead elsewhere ("//host/").
		v.Link, v.Label = "/", "Go to the start page instead"
		if uri, err := asked(r); err == nil && !uri.Insert {
			v.Link, v.Label = pathOf(uri, strings.HasSuffix(r.URL.Path, "/"), ""), "Open it"
		}
	}
	if f.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	p.show(w, r, f.status, view{Title: f.title, Failure: &v})
}

// start shows the start page.
func (p *Proxy) start(w http.ResponseWriter, r *http.Request) {
	s := p.status.get()
	v := startView{Peers: len(s.Peers), Stored: size(uint64(max(0, s.Store.Bytes))), Quota: size(uint64(max(0, s.Store.Quota)))}
	if !s.Started.IsZero() {
		v.Running = duration(time.Since(s.Started))
	}
	if o := s.Onion; o.Hops > 0 {
		v.Hidden, v.Weak = hiding(o), o.Warnings
		if o.Obstacle != nil {
			v.Wait = o.Obstacle.Error()
		}
	}
	p.show(w, r, http.StatusOK, view{Title: "Nightjar", Start: &v})
}

// hiding says what the node hides behind.
func hiding(o node.Onion) string {
	return fmt.Sprintf("behind %d other nodes, of %d that are known", o.Hops, o.Relays)
}

// open leads from the form on the start page to the content. It is a POST, so that the URI stands once less in the history.
func (p *Proxy) open(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		redirect(w, "/")
		return
	}
	// A writer without deadlines has no slow browser behind it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTime))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			p.fail(w, r, errBigForm)
			return
		}
		p.fail(w, r, keys.ErrBadURI)
		return
	}
	text := strings.TrimSpace(r.PostForm.Get("uri"))
	uri, err := keys.ParseURI(text)
	switch {
	case err != nil:
		p.fail(w, r, err)
	case uri.Insert:
		p.fail(w, r, errSecret)
	default:
		redirect(w, pathOf(uri, strings.HasSuffix(text, "/"), ""))
	}
}

// asset serves a file that the proxy's own pages use.
func (p *Proxy) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.URL.Path]
	if !ok {
		p.fail(w, r, errNoPage)
		return
	}
	b, err := files.ReadFile(a.file)
	if err != nil {
		panic("fproxy: " + err.Error())
	}
	w.Header().Set("Content-Type", a.contentType)
	send(w, r, http.StatusOK, b)
}

// label makes a name from the network fit to be shown: what a reader cannot see, and what turns text around so that
// "exe.jpg" reads as "gpj.exe", becomes a replacement mark.
func label(name string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsGraphic(r) {
			return '\uFFFD'
		}
		return r
	}, name)
}

// size is a number of bytes for people.
func size(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if f /= 1024; f < 1023.95 {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(f/1024, 'f', 1, 64) + " EiB"
}

// duration is a time for people, coarse.
func duration(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return strconv.Itoa(max(0, int(d.Seconds()))) + " seconds"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " minutes"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " hours"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

func itoa(n uint16) string { return strconv.Itoa(int(n)) }
