package wire

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// Addr is where a node listens, as "tcp/127.0.0.1:4001" or "quic/[::1]:4001": a transport's name and an address literal, never a host name.
type Addr string

// Transport is the part before the slash.
func (a Addr) Transport() string {
	name, _, _ := strings.Cut(string(a), "/")
	return name
}

// HostPort is the part after the slash: what a dialler of that transport takes.
func (a Addr) HostPort() string {
	_, hostPort, _ := strings.Cut(string(a), "/")
	return hostPort
}

// Transports with a code of their own; every other one is spelled out. Transport code 0 means that a name follows.
const (
	codeNamed = 0
	codeTCP   = 1
	codeQUIC  = 2
)

// maxTransport is the longest name in bytes of a transport.
const maxTransport = 16

// maxAddr is the longest encoded address: code, name, family, IPv6 address, port.
const maxAddr = 1 + 1 + maxTransport + 1 + 16 + 2

// appendAddr appends the encoding of a in its one spelling; ok is false if a is no address.
func appendAddr(b []byte, a Addr) (out []byte, ok bool) {
	name, hostPort, found := strings.Cut(string(a), "/")
	if !found || !validTransport(name) {
		return b, false
	}
	ap, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return b, false
	}
	ip := ap.Addr().Unmap()
	if ip.Zone() != "" || !dialable(ip, ap.Port()) {
		return b, false
	}
	switch name {
	case "tcp":
		b = append(b, codeTCP)
	case "quic":
		b = append(b, codeQUIC)
	default:
		b = append(b, codeNamed, byte(len(name)))
		b = append(b, name...)
	}
	raw := ip.AsSlice()
	b = append(b, byte(len(raw)))
	b = append(b, raw...)
	return binary.BigEndian.AppendUint16(b, ap.Port()), true
}

// addrSize is the length of the address at the front of b by its own account; ok is false if b is too short for it.
func addrSize(b []byte) (n int, ok bool) {
	if len(b) < 2 {
		return 0, false
	}
	n = 1
	if b[0] == codeNamed {
		n += 1 + int(b[1])
	}
	if len(b) <= n {
		return 0, false
	}
	n += 1 + int(b[n]) + 2
	return n, n <= len(b)
}

// parseAddr reads the address that fills b exactly, as addrSize has found.
func parseAddr(b []byte) (a Addr, ok bool) {
	var name string
	switch b[0] {
	case codeTCP:
		name, b = "tcp", b[1:]
	case codeQUIC:
		name, b = "quic", b[1:]
	case codeNamed:
		end := 2 + int(b[1])
		name, b = string(b[2:end]), b[end:]
		if !validTransport(name) || name == "tcp" || name == "quic" {
			return "", false
		}
	default:
		return "", false
	}
	if b[0] != 4 && b[0] != 16 {
		return "", false
	}
	ip, _ := netip.AddrFromSlice(b[1 : 1+b[0]])
	port := binary.BigEndian.Uint16(b[1+b[0]:])
	if ip.Is4In6() || !dialable(ip, port) {
		return "", false
	}
	return Addr(name + "/" + netip.AddrPortFrom(ip, port).String()), true
}

// dialable refuses what can never be the address of one node.
func dialable(ip netip.Addr, port uint16) bool {
	return port != 0 && !ip.IsUnspecified() && !ip.IsMulticast()
}

func validTransport(name string) bool {
	if len(name) == 0 || len(name) > maxTransport {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
