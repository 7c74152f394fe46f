package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/quiclink"
	"nightjar/internal/link/tlstcp"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// linkBytes is how much goes over each link.
const linkBytes = 256 * mib

// benchLink sends blocks over one link of each kind, both ends in this process. It bounds what a network can do: every block crosses
// at least one link. TCP is the baseline of QUIC.
func benchLink(ctx context.Context) ([]figure, error) {
	var rates []float64
	for _, kind := range []func(ed25519.PrivateKey, link.Options) link.Transport{tlstcp.New, quiclink.New} {
		r, err := linkRate(ctx, kind)
		if err != nil {
			return nil, err
		}
		rates = append(rates, r)
	}
	return []figure{
		{Name: "one link, TLS 1.3 over TCP", Value: rates[0], Unit: "MiB/s", Note: "32 KiB frames; sender and receiver share the cores"},
		{Name: "one link, QUIC", Value: rates[1], Unit: "MiB/s", Baseline: rates[0], Against: "TLS over TCP", Note: "limited by system calls per packet"},
	}, nil
}

func linkRate(ctx context.Context, kind func(ed25519.PrivateKey, link.Options) link.Transport) (float64, error) {
	_, dialler, err := ed25519.GenerateKey(nil)
	if err != nil {
		return 0, err
	}
	public, server, err := ed25519.GenerateKey(nil)
	if err != nil {
		return 0, err
	}
	l, err := kind(server, link.Options{}).Listen("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	sent := make(chan error, 1)
	// Ends when all is sent or the connection has failed.
	go func() { sent <- sendBlocks(ctx, l) }()
	conn, err := kind(dialler, link.Options{}).Dial(ctx, l.Address(), wire.NodeID(public))
	if err != nil {
		return 0, fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	start := time.Now()
	for got := 0; got < linkBytes; {
		frame, err := conn.Read()
		if err != nil {
			return 0, errors.Join(err, <-sent)
		}
		got += len(frame)
	}
	seconds := time.Since(start).Seconds()
	if err := conn.Write([]byte{0}); err != nil { // lets the sender close
		return 0, err
	}
	return linkBytes / mib / seconds, errors.Join(conn.Flush(), <-sent)
}

func sendBlocks(ctx context.Context, l link.Listener) error {
	conn, err := l.Accept(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	frame := make([]byte, keys.DataSize)
	for range linkBytes / len(frame) {
		if err := conn.Write(frame); err != nil {
			return err
		}
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	_, err = conn.Read()
	return err
}
