package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/node"
	"nightjar/routing/wire"
)

// dialTime is how long adding a peer may take.
const dialTime = 20 * time.Second

func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	if !s.open() {
		return s.statusLocked(w)
	}
	n := s.cfg.Node.Status()
	st := Status{
		State:   StateOpen,
		Version: s.cfg.Version, PID: os.Getpid(), Started: n.Started, FProxy: s.cfg.FProxy,
		Peers:     PeerCount{Total: len(n.Peers), Barred: n.Barred},
		Store:     newStore(n.Store),
		Traffic:   Traffic{Sent: n.Sent, Received: n.Received},
		Trouble:   s.trouble(),
		OnionHops: n.Onion.Hops, OriginatorHidden: n.Onion.Hops > 0, Onion: newOnion(n.Onion),
	}
	for _, p := range n.Peers {
		if p.Inbound {
			st.Peers.Inbound++
		}
	}
	for _, j := range s.cfg.Jobs.List() {
		if !j.State.Final() {
			st.Jobs++
		}
	}
	return writeJSON(w, http.StatusOK, st)
}

func newOnion(o node.Onion) Onion {
	a := Onion{
		Relays: o.Relays, Unreached: o.Short, Missing: o.Missing, Guards: o.Guards, Links: o.Links,
		Ready: o.Ready, InUse: o.InUse, Building: o.Building, Built: o.Built, Steady: o.Steady, Warnings: o.Warnings,
	}
	if o.Obstacle != nil {
		a.Obstacle = o.Obstacle.Error()
	}
	return a
}

func (s *Server) ref(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, Ref{s.cfg.Node.Self().Ref()})
}

func (s *Server) peers(w http.ResponseWriter, r *http.Request) error {
	answer := Peers{Peers: []Peer{}}
	for _, p := range s.cfg.Node.Status().Peers {
		answer.Peers = append(answer.Peers, Peer{
			ID: nodeName(p.ID), Transport: p.Transport, Inbound: p.Inbound, Since: p.Since,
		})
	}
	return writeJSON(w, http.StatusOK, answer)
}

func nodeName(id wire.NodeID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func (s *Server) addPeer(w http.ResponseWriter, r *http.Request) error {
	var body Ref
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	d, err := wire.ParseRef(strings.TrimSpace(body.Ref))
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(r.Context(), dialTime)
	defer stop()
	if err := s.cfg.Node.AddPeer(ctx, d); err != nil {
		if errors.Is(err, link.ErrAuth) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return writeJSON(w, http.StatusOK, Added{nodeName(d.ID)})
}

func (s *Server) shutdown(w http.ResponseWriter, r *http.Request) error {
	err := writeJSON(w, http.StatusAccepted, struct{}{})
	s.cfg.Stop()
	return err
}
