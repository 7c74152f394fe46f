package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"nightjar/internal/jobs"
	"nightjar/internal/node"
	"nightjar/internal/sites"
)

// Prefix is the path below which the API is mounted.
const Prefix = "/api/v1/"

const (
	maxJSON  = 64 << 10 // a URI of the longest kind and a name fit several times over
	jsonTime = 30 * time.Second
)

//go:embed openapi.yaml
var openAPI []byte

// Config is what a Server needs.
type Config struct {
	Node    *node.Node
	Jobs    *jobs.Manager
	Token   string
	Version string
	FProxy  string // where the proxy is reached, for status
	Stop    func() // asks the node to stop; must return at once

	Sites   *sites.Book         // nil = there are none
	Network func() jobs.Network // for questions about a URI, one for each

	Shelf   Shelf  // nil = nobody decides on the store
	Keeper  Keeper // nil = the key of the store is not this node's to lock, change or wipe
	State   string // StateOpen, which "" means too; in others a node has no Node and no Jobs yet
	Started time.Time
}

// Server is the node's side of the API, mounted at Prefix.
type Server struct {
	cfg     Config
	mux     *http.ServeMux
	sealing sync.Mutex // held while a passphrase is made a key
	sizing  sync.Mutex // held while the quota is changed: what is remembered is what holds
}

// New returns a Server.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux()}
	for _, r := range s.routes() {
		h := s.answer(r.handle)
		if !s.open() && !r.locked {
			h = s.answer(s.refuseLocked)
		}
		if !r.open {
			h = s.authorized(h)
		}
		s.mux.Handle(r.method+" "+Prefix+r.path, h)
	}
	s.mux.Handle(Prefix, s.authorized(s.answer(s.unknown)))
	return s
}

// route is one operation of the API.
type route struct {
	method, path string
	handle       func(http.ResponseWriter, *http.Request) error
	open         bool // needs no token
	locked       bool // works without the key of the store
}

func (s *Server) routes() []route {
	return []route{
		{method: "GET", path: "openapi.yaml", handle: s.describe, open: true, locked: true},
		{method: "GET", path: "status", handle: s.status, locked: true},
		{method: "GET", path: "ref", handle: s.ref},
		{method: "GET", path: "peers", handle: s.peers},
		{method: "POST", path: "peers", handle: s.addPeer},
		{method: "GET", path: "jobs", handle: s.listJobs},
		{method: "POST", path: "jobs", handle: s.createJob},
		{method: "GET", path: "jobs/events", handle: s.allEvents},
		{method: "POST", path: "jobs/clear", handle: s.clearJobs},
		{method: "GET", path: "jobs/{id}", handle: s.showJob},
		{method: "DELETE", path: "jobs/{id}", handle: s.cancelJob},
		{method: "POST", path: "jobs/{id}/pause", handle: s.pauseJob},
		{method: "POST", path: "jobs/{id}/resume", handle: s.resumeJob},
		{method: "POST", path: "jobs/{id}/priority", handle: s.setPriority},
		{method: "POST", path: "jobs/{id}/remove", handle: s.removeJob},
		{method: "PUT", path: "jobs/{id}/data", handle: s.upload},
		{method: "GET", path: "jobs/{id}/data", handle: s.download},
		{method: "GET", path: "jobs/{id}/events", handle: s.events},
		{method: "GET", path: "sites", handle: s.listSites},
		{method: "POST", path: "sites", handle: s.createSite},
		{method: "POST", path: "sites/import", handle: s.importSite},
		{method: "GET", path: "sites/{name}", handle: s.showSite},
		{method: "DELETE", path: "sites/{name}", handle: s.removeSite},
		{method: "POST", path: "sites/{name}/export", handle: s.exportSite},
		{method: "POST", path: "newest", handle: s.newest},
		{method: "POST", path: "follow", handle: s.follow},
		{method: "POST", path: "verify", handle: s.verify},
		{method: "POST", path: "store/quota", handle: s.setQuota},
		{method: "POST", path: "store/unlock", handle: s.unlockStore, locked: true},
		{method: "POST", path: "store/lock", handle: s.lockStore},
		{method: "POST", path: "store/passphrase", handle: s.setPassphrase},
		{method: "POST", path: "store/wipe", handle: s.wipeStore, locked: true},
		{method: "POST", path: "shutdown", handle: s.shutdown, locked: true},
	}
}

// ServeHTTP guards and serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if err := local(r); err != nil {
		writeError(w, err)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// answer turns a handler that returns an error into one that reports it.
func (s *Server) answer(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			writeError(w, err)
		}
	})
}

// unknown says whether it is the path or the method that the API does not have.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != Prefix {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		return ErrNoEndpoint
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return ErrMethod
}

func (s *Server) describe(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, err := w.Write(openAPI)
	return err
}

// readJSON reads the one JSON value that a request's body must be.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if err := limitTime(w); err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fmt.Errorf("%w: the body must be application/json", ErrRequest)
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body must be one JSON value", ErrRequest)
	}
	return nil
}

// limitTime bounds how long a client may take over a small exchange.
func limitTime(w http.ResponseWriter) error {
	rc := http.NewResponseController(w)
	deadline := time.Now().Add(jsonTime)
	if err := errors.Join(rc.SetReadDeadline(deadline), rc.SetWriteDeadline(deadline)); err != nil {
		return fmt.Errorf("limit the time of a request: %w", err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // a client that went away is nobody to tell
	return nil
}

func writeError(w http.ResponseWriter, err error) {
	body := struct {
		Error *Error `json:"error"`
	}{newError(err)}
	writeJSON(w, classify(err).status, body) // an Error always encodes
}
