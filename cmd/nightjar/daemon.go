package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"nightjar/fproxy"
	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
	"nightjar/internal/link"
	"nightjar/internal/link/quiclink"
	"nightjar/internal/link/tlstcp"
	"nightjar/internal/node"
	"nightjar/internal/sites"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/badgerstore"
	"nightjar/store/clientcache"
	"nightjar/store/vault"
)

const (
	// stopTime is how long requests to the proxy and the API may take to end when the node stops.
	stopTime = 3 * time.Second
	// Peers are written to the disk at the end; in between only so that a node that is killed forgets little.
	firstSave = time.Minute
	nextSaves = 10 * time.Minute
)

// daemonConfig is what a node in a process of its own needs.
type daemonConfig struct {
	dir        datadir.Dir
	seeds      []wire.Descriptor
	listen     []wire.Addr // none = a port that is kept in the data directory, on all addresses
	fproxy     string
	quota      int64 // of the store; 0 = what was said last
	cache      int64 // bytes of the cache of what the user reads; 0 = none
	hops       int
	fill       bool   // fill the store with filler
	steady     bool   // large downloads run at a constant rate
	noFollow   bool   // open pages do not wait for editions
	passphrase []byte // of the store; nil = none is known
	locked     bool   // wait for it even so: it was locked on purpose
	tellLocked bool   // say on stdout that it waits, in place of the line that says that it serves
}

// daemon is a node in a process of its own, with its store, its proxy and its API, behind a gate that is open.
type daemon struct {
	cfg     daemonConfig
	gate    *gate
	store   store.Store
	vault   *vault.Vault
	cache   *clientcache.Cache // nil = none
	trouble []string           // what its user should know
	node    *node.Node
	jobs    *jobs.Manager
	sites   *sites.Book
	log     *slog.Logger
	saved   []wire.Descriptor
	proxy   *fproxy.Proxy
	watched func(jobs.Network) jobs.Network // as env.watched
}

// open opens what the key of the store opens, which the gate has.
func (d *daemon) open() error {
	key, err := d.gate.place.Derive("data directory")
	if err != nil {
		return err
	}
	d.cfg.dir = d.cfg.dir.WithKey(key)
	clear(key[:])
	if err := d.cfg.dir.SealFiles(); err != nil {
		return err
	}
	identity, err := d.cfg.dir.Identity()
	if err != nil {
		return err
	}
	defer clear(identity)
	self := wire.NodeID(identity.Public().(ed25519.PublicKey))
	quota, err := d.quota()
	if err != nil {
		return err
	}
	st, err := badgerstore.Open(badgerstore.Config{
		Place: d.gate.place, Quota: quota, Self: self.Location(), Log: d.log,
	})
	if err != nil {
		return during(err, "open the store in %s", d.cfg.dir.Path())
	}
	d.store = st
	d.repaired(st.Repaired())
	if err := d.openVault(st); err != nil {
		return err
	}
	d.openClientCache()
	cfg, err := d.nodeConfig(slices.Clone(identity))
	if err != nil {
		return err
	}
	cfg.Log, cfg.Save = d.log, d.cfg.dir.SaveCircuits
	cfg.Described, cfg.SaveDescribed = d.cfg.dir.Descriptor(), d.cfg.dir.SaveDescriptor
	if cfg.State, cfg.Lost, err = d.circuits(); err != nil {
		return err
	}
	d.node, err = node.New(cfg)
	return err
}

// nodeConfig says what the node is made of. TCP is dialled first: it costs a third of QUIC's CPU time for each byte.
func (d *daemon) nodeConfig(identity ed25519.PrivateKey) (node.Config, error) {
	listen := d.cfg.listen
	if len(listen) == 0 {
		port, err := keptPort(d.cfg.dir)
		if err != nil {
			return node.Config{}, err
		}
		listen = everywhere(port)
	}
	saved, err := d.cfg.dir.Peers()
	if errors.Is(err, datadir.ErrSealed) {
		d.log.Error("the peers that were saved cannot be read and are forgotten; if the node finds no others, add one with nightjar peer add", "err", datadir.ErrSealed)
		saved, err = nil, nil
	}
	if err != nil {
		return node.Config{}, fmt.Errorf("read the saved peers: %w", err)
	}
	d.saved = saved
	return node.Config{
		Identity: identity,
		Direct:   d.cfg.hops == 0, ConstantRate: d.cfg.steady,
		Store:      d.store,
		Transports: []link.Transport{tlstcp.New(identity, link.Options{}), quiclink.New(identity, link.Options{})},
		Listen:     listen,
		Seeds:      slices.Concat(d.cfg.seeds, saved),
	}, nil
}

// circuits reads what the node knew of relays when it was last saved. What is damaged is set aside: a node that has lost its
// guards works, but its user should know: here and in status.
func (d *daemon) circuits() (state []byte, lost bool, err error) {
	state, err = d.cfg.dir.Circuits()
	if err == nil {
		err = node.CheckState(state)
	}
	if err == nil {
		return state, false, nil
	}
	name, asideErr := d.cfg.dir.SetAsideCircuits()
	if asideErr != nil {
		return nil, false, errors.Join(err, asideErr)
	}
	d.log.Error("what this node knew of other nodes is damaged and was set aside; it chooses new guards, which weakens what protects it if it "+
		"happens often", "file", filepath.Base(name), "err", err)
	return nil, true, nil
}

// openVault opens the vault, whose key dies with the store's. A node works without what is in a damaged one, but its user should know.
func (d *daemon) openVault(st *badgerstore.Store) error {
	key, err := st.Derive("vault")
	if err != nil {
		return err
	}
	defer clear(key[:])
	dir := filepath.Join(d.cfg.dir.Path(), "vault")
	if d.vault, err = vault.Open(dir, key); !errors.Is(err, vault.ErrDamaged) {
		return during(err, "open the vault")
	}
	aside, asideErr := vault.SetAside(dir, time.Now())
	if asideErr != nil {
		return during(errors.Join(err, asideErr), "set the damaged vault aside")
	}
	d.log.Error("the vault, which holds the queue and the keys of your sites, is damaged and was set aside; the node goes on with an empty one", "folder", filepath.Base(aside), "err", err)
	d.trouble = append(d.trouble, "the vault was damaged and is now in "+filepath.Base(aside)+"; the queue and the keys of your sites were in it: import those that you have exported, and keep that folder")
	d.vault, err = vault.Open(dir, key)
	return during(err, "open a new vault")
}

// close gives back what open took.
func (d *daemon) close() error {
	var err error
	if d.vault != nil {
		err = d.vault.Close()
	}
	err = errors.Join(err, d.closeClientCache())
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	d.cfg.dir.Forget()
	return err
}

// run serves until ctx ends or something fails, and returns when all that it started has ended.
func (d *daemon) run(ctx context.Context, e *env) error {
	// The node outlives ctx a little: jobs end before it, and it is asked for its peers at the end.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	filled := d.startFill(life)
	defer func() { end(); <-filled }()
	ended := make(chan error, 1)
	// Ends with life, at the latest when run returns.
	go func() { ended <- d.node.Run(life) }()
	select {
	case <-d.node.Ready():
	case err := <-ended:
		return during(err, "start the node")
	}
	err := d.serveHTTP(ctx, e)
	end()
	return errors.Join(err, <-ended)
}

// serveHTTP serves the proxy and the API until ctx ends or the listener fails.
func (d *daemon) serveHTTP(ctx context.Context, e *env) error {
	d.sites = sites.New(d.vault, vault.ErrNotFound)
	d.jobs = jobs.New(jobs.Config{
		Network: d.network, Cache: d.shelf(), Sites: d.sites,
		Vault: d.vault, Dir: filepath.Join(d.cfg.dir.Path(), "jobs"), Log: d.log, Trouble: d.trouble,
	})
	if damaged, err := d.jobs.Start(); err != nil {
		return during(err, "read the queue")
	} else if damaged > 0 {
		d.log.Error("some jobs of the queue are damaged and will not go on", "jobs", damaged)
	}
	d.gate.answer(d.handler())
	err := d.announce(e)
	if err == nil {
		err = d.whileServing(ctx, e)
	}
	d.proxy.Close()
	d.jobs.Close()
	d.gate.shutdown(ctx)
	return err
}

// network is a way into the network of its own, for a job or a question.
func (d *daemon) network() jobs.Network { return d.watched(d.node.Client(wire.Bulk)) }

func (d *daemon) handler() http.Handler {
	g := d.gate
	control := api.New(api.Config{
		Node: d.node, Jobs: d.jobs, Token: g.token, Version: version(), FProxy: g.url, Stop: func() { g.stop(nil) }, Sites: d.sites, Network: d.network,
		Keeper: g, Shelf: d.resizer(),
	})
	d.proxy = fproxy.New(fproxy.Config{
		Source: func(site []byte) fproxy.Source { return d.watched(d.node.ClientFor(wire.Interactive, site)) },
		Node:   d.node, NoFollow: d.cfg.noFollow,
		Cache: d.shelf(),
		Heal:  d.jobs.Healer,
	})
	return route(control, d.proxy)
}

// announce tells commands, programs and people that the node serves.
func (d *daemon) announce(e *env) error {
	if err := d.gate.announce(); err != nil {
		return err
	}
	if d.node.Status().Onion.Hops == 0 {
		e.notice("warning: the originator is NOT hidden: the nodes that this one is connected to can tell what you ask for and what you insert")
	}
	if d.gate.told {
		e.notice("the store is unlocked, and the node serves")
		return nil
	}
	ref := d.node.Self().Ref()
	if e.json {
		return e.printJSON(map[string]string{"fproxy": d.gate.url, "ref": ref})
	}
	return e.println("ready fproxy=" + d.gate.url + " ref=" + ref)
}

// whileServing saves the peers now and then until ctx ends or the server has failed.
func (d *daemon) whileServing(ctx context.Context, e *env) error {
	save := time.NewTimer(firstSave)
	defer save.Stop()
	for {
		select {
		case <-save.C:
			if err := d.savePeers(); err != nil {
				e.notice("warning: %v", err) // a full disk, say: what the node does for others goes on
			}
			save.Reset(nextSaves)
		case err := <-d.gate.served:
			return fmt.Errorf("serve the proxy: %w", err)
		case <-ctx.Done():
			return d.savePeers()
		}
	}
}

// savePeers writes the peers that are worth keeping, if they have changed. A node that knows nobody keeps what it knew before.
func (d *daemon) savePeers() error {
	known := d.node.Known()
	same := slices.EqualFunc(known, d.saved, func(a, b wire.Descriptor) bool { return a.ID == b.ID && a.Issued == b.Issued })
	if same || len(known) == 0 {
		return nil
	}
	if err := d.cfg.dir.SavePeers(known); err != nil {
		return fmt.Errorf("save the peers: %w", err)
	}
	d.saved = known
	return nil
}

// logger writes what goes wrong to stderr. Nothing at this level names a key, a peer or a request; and as it may go to a file, no time is finer than
// a day.
func (e *env) logger() *slog.Logger {
	level := slog.LevelWarn
	if e.quiet {
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: dayOnly}))
}

// dayOnly leaves of the time of an entry the day.
func dayOnly(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.DateOnly))
	}
	return a
}
