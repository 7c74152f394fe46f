package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nightjar/fproxy"
	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/store/badgerstore"
)

// wipeTime is how long a node whose key was destroyed may take to end in order. Then it ends at once: the key is still in its memory.
const wipeTime = 5 * time.Second

// errLockAsked is why a node ends that is to begin again, locked.
var errLockAsked = errors.New("the store is to be locked")

// gate is what of a node is there before its store is open: the data directory, held for this process, the proxy's port, and, while the store is
// locked with a passphrase, an API and a page that wait for it.
//
//	         Unlock                         Lock
//	locked ─────────► opening ──► open ─────────────► a gate that is locked, in a process that never had the key
//	                     ▲         │ │
//	  no passphrase, ────┘    Stop │ │ Wipe
//	  or it was given              ▼ ▼
//	                              the end
//
// It implements api.Keeper.
type gate struct {
	env      *env
	cfg      daemonConfig
	place    *badgerstore.Place
	listener net.Listener
	url      string
	token    string
	started  time.Time

	front  atomic.Pointer[http.Handler] // what answers at the port
	server *http.Server
	served chan error // of the server, which has ended
	right  chan struct{}
	first  sync.Once // closes right
	told   bool      // whoever started this node has read its line
	stop   context.CancelCauseFunc
}

var _ api.Keeper = (*gate)(nil)

// serve runs a node until ctx ends, somebody asks it to stop, or it fails.
func (e *env) serve(ctx context.Context, cfg daemonConfig) error {
	for {
		address, err := e.serveOnce(ctx, cfg)
		if !errors.Is(err, errLockAsked) {
			return err
		}
		if e.renew != nil { // the memory of this process is full of what the key opened
			return during(e.renew(address), "start again, locked")
		}
		cfg.fproxy, cfg.locked = address, true
	}
}

// serveOnce is serve, but ends with errLockAsked where the node is to begin again, locked, at that address.
func (e *env) serveOnce(ctx context.Context, cfg daemonConfig) (address string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	g := &gate{env: e, cfg: cfg, started: time.Now(), served: make(chan error, 1), right: make(chan struct{}), told: cfg.locked, stop: stop}
	if err = g.open(); err == nil {
		address = g.listener.Addr().String()
		err = g.run(ctx)
	}
	err = errors.Join(err, g.close())
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, badgerstore.ErrWiped):
		return "", cause // what else went wrong comes from it
	case err == nil && errors.Is(cause, errLockAsked):
		return address, errLockAsked
	}
	return "", err
}

// open takes what the node needs for itself alone: the directory, whose lock is the store's, and the proxy's port. Until it has the lock it changes nothing
// in the directory. A store with a passphrase stays locked unless the passphrase is known.
func (g *gate) open() (err error) {
	dir := g.cfg.dir
	if g.place, err = badgerstore.Take(dir.Store()); err != nil {
		return during(err, "open the store in %s", dir.Path())
	}
	badgerstore.Blur(dir.Path(), time.Now()) // after a crash the times of files are as the system set them
	sealed, err := g.place.Sealed()
	if err == nil && !(sealed && (g.cfg.locked || g.cfg.passphrase == nil)) {
		err = g.place.Unlock(g.cfg.passphrase)
		g.first.Do(func() { close(g.right) })
	}
	clear(g.cfg.passphrase)
	debug.FreeOSMemory()
	if err != nil {
		return during(err, "open the store in %s", dir.Path())
	}
	if g.listener, err = net.Listen("tcp", g.cfg.fproxy); err != nil {
		return during(err, "listen for the proxy on %s", g.cfg.fproxy)
	}
	g.url = "http://" + g.listener.Addr().String()
	if g.token, err = dir.NewToken(); err != nil {
		return err
	}
	g.serveLocked(sealed && !g.unlocked())
	g.server = fproxy.Server("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*g.front.Load()).ServeHTTP(w, r) }))
	// Ends with shutdown, at the latest in close.
	go func() { g.served <- g.server.Serve(g.listener) }()
	return nil
}

func (g *gate) unlocked() bool {
	select {
	case <-g.right:
		return true
	default:
		return false
	}
}

// answer has h answer at the port from now on.
func (g *gate) answer(h http.Handler) { g.front.Store(&h) }

// serveLocked answers as a node that is locked, or is just being opened.
func (g *gate) serveLocked(locked bool) {
	state, page := api.StateOpening, fproxy.NewLocked(nil)
	if locked {
		state, page = api.StateLocked, fproxy.NewLocked(g.typed)
	}
	control := api.New(api.Config{
		Token: g.token, Version: version(), FProxy: g.url, Stop: func() { g.stop(nil) }, Keeper: g, State: state, Started: g.started,
	})
	g.answer(route(control, page))
}

// route gives what is below the API's path to the API, and the rest to the proxy.
func route(control, proxy http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(api.Prefix, control)
	// The mux redirects paths that it finds unclean; those of the proxy are keys, and mean what they say.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, api.Prefix) {
			mux.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// run waits for the passphrase, if there is one, and then runs the node until ctx ends or it fails.
func (g *gate) run(ctx context.Context) error {
	if !g.unlocked() {
		if err := g.announceLocked(); err != nil {
			return err
		}
		select {
		case <-g.right:
		case err := <-g.served:
			return fmt.Errorf("serve the proxy: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
	tuneMemory() // not before: a passphrase takes more than the limit
	d := &daemon{cfg: g.cfg, gate: g, log: g.env.logger(), watched: g.env.watched}
	err := d.open()
	if err == nil {
		err = d.run(ctx, g.env)
	}
	return errors.Join(err, d.close())
}

// announceLocked tells commands and people that the node waits.
func (g *gate) announceLocked() error {
	if err := g.announce(); err != nil {
		return err
	}
	g.env.notice("the store is locked: unlock it with nightjar store unlock, or at %s/", g.url)
	if !g.cfg.tellLocked || g.told {
		return nil
	}
	g.told = true
	if g.env.json {
		return g.env.printJSON(map[string]string{"locked": g.url})
	}
	return g.env.println("locked fproxy=" + g.url)
}

func (g *gate) announce() error {
	return g.cfg.dir.Announce(datadir.Endpoint{PID: os.Getpid(), API: g.url + strings.TrimSuffix(api.Prefix, "/"), FProxy: g.url})
}

// shutdown ends the server, and with it the requests that are under way.
func (g *gate) shutdown(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer stop()
	if g.server.Shutdown(ctx) != nil {
		g.server.Close() // somebody still reads: cut them off
	}
}

// close gives back what open took. node.json goes last, so that whoever waits for it to go finds the directory free.
func (g *gate) close() error {
	if g.server != nil {
		g.shutdown(context.Background())
	} else if g.listener != nil {
		g.listener.Close()
	}
	if g.place == nil {
		return nil // the directory is not ours
	}
	badgerstore.Blur(g.cfg.dir.Path(), time.Now())
	return errors.Join(g.place.Release(), g.cfg.dir.Withdraw())
}

// typed is what the page of a locked node does with what is typed into it.
func (g *gate) typed(passphrase []byte) (right bool, err error) {
	if err = g.Unlock(passphrase); errors.Is(err, api.ErrPassphrase) {
		return false, nil
	}
	return err == nil, err
}

// Unlock implements api.Keeper. Tries take turns; nothing but what one costs keeps somebody from making many.
func (g *gate) Unlock(passphrase []byte) error {
	defer clear(passphrase)
	defer debug.FreeOSMemory() // what the passphrase cost is more than the node needs
	if err := g.place.Unlock(passphrase); err != nil {
		return keeperError(err)
	}
	g.first.Do(func() {
		g.serveLocked(false)
		close(g.right)
	})
	return nil
}

// Lock implements api.Keeper.
func (g *gate) Lock() error {
	sealed, err := g.place.Sealed()
	if err == nil && !sealed {
		err = badgerstore.ErrNoPassphrase
	}
	if err != nil {
		return keeperError(err)
	}
	g.stop(errLockAsked)
	return nil
}

// SetPassphrase implements api.Keeper.
func (g *gate) SetPassphrase(old, new []byte) error {
	defer clear(old)
	defer clear(new)
	defer debug.FreeOSMemory()
	return keeperError(g.place.ChangePassphrase(old, new))
}

// Wipe implements api.Keeper.
func (g *gate) Wipe() error {
	if err := badgerstore.Wipe(g.cfg.dir.Store()); err != nil && !errors.Is(err, badgerstore.ErrWiped) {
		return err
	}
	g.stop(badgerstore.ErrWiped)
	time.AfterFunc(wipeTime, func() { os.Exit(exitWiped) })
	return nil
}

// keeperError is an error of the place as the API knows it.
func keeperError(err error) error {
	for of, as := range map[error]error{
		badgerstore.ErrPassphrase: api.ErrPassphrase, badgerstore.ErrLocked: api.ErrPassphrase,
		badgerstore.ErrNoPassphrase: api.ErrNoPassphrase, badgerstore.ErrWiped: api.ErrWiped,
	} {
		if errors.Is(err, of) {
			return as
		}
	}
	return err
}
