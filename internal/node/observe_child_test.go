package node_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	crand "crypto/rand"

	"nightjar/internal/content"
	"nightjar/internal/link"
	"nightjar/internal/link/tlstcp"
	"nightjar/internal/node"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// childVariable is set for a process of this test program that is a node instead of running tests.
const childVariable = "NIGHTJAR_NODE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	if err := child(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

// order is one line on a child's stdin. Orders are carried out one after the other; each is answered by one line.
type order struct {
	Do     string   // start, join, put, get, hold, cells
	Index  int      // start: which identity
	Direct bool     // start: without circuits
	Record string   // start: the file for what the process sees; empty = it only counts cells
	Seeds  [][]byte // start
	Peers  int      // join: how many there must be; hold: how many nodes there are
	URI    string   // get
	Seed   byte     // put, get: which bytes
	Size   int      // put, get
	File   string   // hold
	At     []int    // get: after how many cells that came to report where from
}

// reply answers an order, or, with Cells set and Last unset, reports what happens while one is carried out.
type reply struct {
	Last  bool
	Error string         `json:",omitempty"`
	Self  []byte         `json:",omitempty"` // start: the node's descriptor
	URI   string         `json:",omitempty"` // put
	Cells map[string]int `json:",omitempty"` // relay cells that came since the last report, by peer
	Total int            `json:",omitempty"` // and in all
}

// steward is a child's own state.
type steward struct {
	ctx   context.Context
	node  *node.Node
	store store.Store
	rec   *recorder
	say   func(reply)
	ended chan error
}

// child carries out orders until stdin closes, which it also does when the process that started this one dies.
func child(stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	orders := make(chan order)
	go func() { // ends when stdin closes
		defer close(orders)
		defer cancel()
		in := bufio.NewScanner(stdin)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var o order
			if json.Unmarshal(in.Bytes(), &o) != nil {
				return
			}
			orders <- o
		}
	}()
	out := json.NewEncoder(stdout) // used by one goroutine at a time: orders report from within
	s := &steward{ctx: ctx, say: func(r reply) { out.Encode(r) }, ended: make(chan error, 1)}
	for o := range orders {
		r, err := s.carryOut(o)
		if r.Last = true; err != nil {
			r.Error = err.Error()
		}
		s.say(r)
	}
	if s.node == nil {
		return nil
	}
	return errors.Join(<-s.ended, s.rec.close())
}

func (s *steward) carryOut(o order) (r reply, err error) {
	switch o.Do {
	case "start":
		r.Self, err = s.start(o)
	case "join":
		err = s.join(o)
	case "put":
		r.URI, err = s.put(o)
	case "get":
		r.Total, err = s.get(o)
	case "hold":
		err = s.hold(o)
	case "cells":
		r.Cells, r.Total = s.rec.counted()
	default:
		err = errors.New("no such order")
	}
	return r, err
}

// start runs the node, with everything that it touches under observation.
func (s *steward) start(o order) ([]byte, error) {
	rec, err := newRecorder(o.Record)
	if err != nil {
		return nil, err
	}
	s.rec = rec
	crand.Reader = rec.randomness(crand.Reader) // nothing has started yet that could draw from it
	var seeds []wire.Descriptor
	for _, b := range o.Seeds {
		d, _, err := wire.ParseDescriptor(b)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, d)
	}
	identity := identityOf(o.Index)
	s.store = rec.watchStore(memstore.New(memstore.Config{
		Quota: 512 << 20, Self: wire.NodeID(identity.Public().(ed25519.PublicKey)).Location(),
	}))
	s.node, err = node.New(node.Config{
		Identity: identity, Direct: o.Direct, Store: s.store, Seeds: seeds, Listen: []wire.Addr{"tcp/127.0.0.1:0"},
		Transports: []link.Transport{rec.watchTransport(tlstcp.New(identity, link.Options{}))},
		Save:       rec.save, Log: slog.New(slog.NewTextHandler(rec, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return nil, err
	}
	go func() { s.ended <- s.node.Run(s.ctx) }() // ends with ctx
	select {
	case <-s.node.Ready():
		return s.node.Self().Append(nil), nil
	case err := <-s.ended:
		return nil, errors.Join(errors.New("the node did not start"), err)
	}
}

// join waits until the node has its peers and, unless it is a direct one, circuits.
func (s *steward) join(o order) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		st := s.node.Status()
		if len(st.Peers) >= o.Peers && (st.Onion.Ready > 0 || st.Onion.Hops == 0) {
			return nil
		}
		select {
		case <-look.C:
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// put inserts a file under a signed record of a new author.
func (s *steward) put(o order) (string, error) {
	author, err := keys.NewAuthor(crand.Reader)
	if err != nil {
		return "", err
	}
	author.Doc = "letter"
	c := s.node.Client(wire.Bulk)
	defer c.Close()
	uri, err := content.PutFile(s.ctx, asker{c, s.rec}, bytes.NewReader(fileOf(o.Seed, o.Size)), content.PutOptions{
		Target: author, MIME: "application/octet-stream", Progress: func(p content.Progress) { c.Expect(p.Need) },
	})
	return uri.Encode(), err
}

// get fetches a file and compares it. It returns how many cells came after the last report.
func (s *steward) get(o order) (int, error) {
	uri, err := keys.ParseURI(o.URI)
	if err != nil {
		return 0, err
	}
	c := s.node.Client(wire.Bulk)
	defer c.Close()
	s.rec.counted()
	told := make(chan struct{})
	at := s.rec.alarms(o.At)
	go func() { // ends when the get is over, which closes at
		defer close(told)
		for cells := range at {
			s.say(reply{Cells: cells})
		}
	}()
	object, err := content.Open(s.ctx, asker{c, s.rec}, uri, content.GetOptions{Progress: func(p content.Progress) { c.Expect(p.Need) }})
	out := &checked{want: fileOf(o.Seed, o.Size)}
	if err == nil {
		err = object.WriteTo(s.ctx, out)
	}
	s.rec.disarm()
	<-told
	if err == nil && (out.wrong || out.n != o.Size) {
		err = fmt.Errorf("%d of %d bytes came, wrong is %v", out.n, o.Size, out.wrong)
	}
	_, total := s.rec.counted()
	return total, err
}

// hold puts what this node keeps of the blocks of a shelf into its store.
func (s *steward) hold(o order) error {
	f, err := os.Open(o.File)
	if err != nil {
		return err
	}
	defer f.Close()
	var all []wire.NodeID
	for i := range o.Peers {
		all = append(all, wire.NodeID(identityOf(i).Public().(ed25519.PublicKey)))
	}
	return unshelve(bufio.NewReaderSize(f, 1<<20), s.node.Self().ID, all, func(b keys.Block, at keys.Location) error {
		return s.store.Put(b, store.Sink, at)
	})
}

// fileOf makes the bytes that a seed stands for.
func fileOf(seed byte, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed, 0x77}).Read(b)
	return b
}

// asker writes down what the local user asks of the network.
type asker struct {
	c   *node.Client
	rec *recorder
}

func (a asker) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	a.rec.note(sawAsked, 0, id.Append(nil))
	b, err := a.c.Fetch(ctx, id, top)
	if err == nil {
		a.rec.note(sawGot, 0, b.ID().Append(nil), b.Data())
	}
	return b, err
}

func (a asker) Insert(ctx context.Context, b keys.Block, top bool) error {
	a.rec.note(sawAsked, 0, b.ID().Append(nil))
	err := a.c.Insert(ctx, b, top)
	if err == nil {
		a.rec.note(sawGot, 0, b.ID().Append(nil), b.Data())
	}
	return err
}

// nameOf is how replies name a node.
func nameOf(id wire.NodeID) string { return hex.EncodeToString(id[:]) }
