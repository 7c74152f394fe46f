package fproxy

import (
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/keys"
)

// Address is where the proxy listens unless it is told otherwise.
const Address = "127.0.0.1:8888"

const (
	defaultFetches = 64
	maxOpens       = 6
	defaultTimeout = 60 * time.Second

	// maxTarget is the longest request target in bytes: the longest URI that keys.ParseURI reads, and some.
	maxTarget = 17 << 10
	// maxForm is the largest body in bytes of the form on the start page.
	maxForm = 64 << 10
	// formTime is how long the browser may take to send the form.
	formTime = 10 * time.Second
	// writeTime is how long the browser may take to accept a piece of an answer before it is given up.
	writeTime = 2 * time.Minute
)

// Node is what the proxy asks of the node itself.
type Node interface {
	Status() node.Status
}

// Source is where the blocks of one site come from.
type Source interface {
	content.Source
	// Expect says how many blocks a reader may ask for from now on, at most.
	Expect(blocks uint64)
}

// Config says what a proxy is made of. Source and Node are needed; the zero value of the rest is the default.
type Config struct {
	// Source is called with what names a site, or a file that belongs to none, so that the network can keep apart what is
	// asked for on behalf of different ones.
	Source func(site []byte) Source
	Node   Node
	// Heal is called once for each read, and what it returns is given the blocks that this read found missing and that the network should have
	// again (content.GetOptions.Heal); nil = nothing is given back.
	Heal func() func(b keys.Block, top bool)
	// Cache is where blocks are kept that were read of what a URI belongs to, so that what is read again needs no network; nil = nowhere.
	Cache func(uri keys.URI) content.Shelf
	// NoFollow says that the network is never asked for newer editions of a site except when somebody opens it.
	NoFollow bool
	MaxSize  uint64        // largest file in bytes that is served; 0 = no limit
	Fetches  int           // requests that may fetch at once; 0 = 64
	Timeout  time.Duration // how long the network may be silent before a fetch is given up; 0 = a minute
	// Hosts are further values of the Host header to answer to, as "name:port", for a proxy that is reached through
	// a forwarded port. Names that another person's DNS can answer open the proxy to that person's pages.
	Hosts []string
}

// Proxy is the handler. Its own pages live under reserved paths that are no URI: none has an @ before its first slash.
type Proxy struct {
	source  func(site []byte) Source
	recent  *recent
	cache   *cached
	status  *status
	heal    func() func(b keys.Block, top bool)
	follow  *editions
	memory  content.Memory
	maxSize uint64
	fetches chan struct{} // a token for each request that fetches
	waits   chan struct{} // a token for each page that waits for editions
	opens   chan struct{} // a token for each that reads a manifest
	timeout time.Duration
	hosts   []string
}

// New returns a proxy. Nothing is started before it is asked for something; Close ends what was.
func New(c Config) *Proxy {
	if c.Source == nil || c.Node == nil {
		panic("fproxy: Config needs Source and Node")
	}
	if c.Fetches <= 0 {
		c.Fetches = defaultFetches
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return &Proxy{
		source:  c.Source,
		recent:  newRecent(),
		cache:   newCached(c.Cache),
		status:  newStatus(c.Node),
		heal:    c.Heal,
		follow:  newEditions(c.Source, c.NoFollow),
		maxSize: c.MaxSize,
		fetches: make(chan struct{}, c.Fetches), opens: make(chan struct{}, maxOpens), waits: make(chan struct{}, maxWaits),
		timeout: c.Timeout,
		hosts:   c.Hosts,
	}
}

// Close ends what the proxy does behind the pages that were asked for, and the answers to pages that wait. It returns when nothing asks the network any
// more on its own account; requests end with their connections.
func (p *Proxy) Close() { p.follow.close() }

// Server returns a server for the handler with the limits that a proxy needs. Nothing is started. There is no limit on the
// time of a whole request or answer, because a large file takes what it takes; the handler bounds every piece instead. The
// control API may share the server.
func Server(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		// "OPTIONS *" is refused by the handler like every other method.
		DisableGeneralOptionsHandler: true,
		// The standard library logs addresses and, with some errors, parts of requests.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	extend(w)
	ownHeaders(w.Header())
	if err := p.guard(r); err != nil {
		p.fail(w, r, err)
		return
	}
	switch path := r.URL.Path; {
	case path == "/":
		p.start(w, r)
	case path == openPath:
		p.open(w, r)
	case path == unlockPath: // a page from before the node was unlocked
		redirect(w, "/")
	case strings.HasPrefix(path, followPath):
		p.following(w, r)
	case path == "/favicon.ico" || strings.HasPrefix(path, ownPath):
		p.asset(w, r)
	default:
		p.content(w, r)
	}
}

// extend gives the browser writeTime more to take what is written. A writer without deadlines has no slow browser behind it.
func extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
}

// redirect sends the browser to a path on this proxy.
func redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}
