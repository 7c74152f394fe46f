package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"nightjar/internal/api/datadir"
	"nightjar/routing/wire"
)

// Ports are drawn from this range: above those of well-known services, below those that systems give to outgoing
// connections. A port of its own for every node means that none can be found or blocked by its number.
const (
	lowPort  = 10000
	highPort = 32767
	draws    = 100
)

var errNoPort = errors.New("no free port was found to listen on; name one with --listen")

// keptPort is the port in the data directory; at the first start, and where it is damaged, it draws one that is free.
func keptPort(dir datadir.Dir) (uint16, error) {
	port, err := dir.Port()
	if !errors.Is(err, datadir.ErrAbsent) && !errors.Is(err, datadir.ErrSealed) {
		return port, err
	}
	for range draws {
		if port = drawPort(); portIsFree(port) {
			if err := dir.SavePort(port); err != nil {
				return 0, fmt.Errorf("save the port: %w", err)
			}
			return port, nil
		}
	}
	return 0, errNoPort
}

func drawPort() uint16 {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return uint16(lowPort + binary.LittleEndian.Uint64(b[:])%(highPort-lowPort+1))
}

// portIsFree reports whether both transports can listen on the port now.
func portIsFree(port uint16) bool {
	var none net.ListenConfig
	ctx := context.Background() // binding a port does not wait
	for _, a := range everywhere(port) {
		if a.Transport() == "quic" {
			c, err := none.ListenPacket(ctx, "udp", a.HostPort())
			if err != nil {
				return false
			}
			c.Close()
			continue
		}
		l, err := none.Listen(ctx, "tcp", a.HostPort())
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// everywhere is the port on all addresses of the machine, IPv6 included where the system has it.
func everywhere(port uint16) []wire.Addr {
	host := "0.0.0.0"
	if c, err := net.ListenPacket("udp", "[::]:0"); err == nil {
		c.Close()
		host = "[::]"
	}
	at := fmt.Sprintf("%s:%d", host, port)
	return []wire.Addr{wire.Addr("tcp/" + at), wire.Addr("quic/" + at)}
}
