package node

import (
	"net"
	"net/netip"

	"nightjar/routing/wire"
)

// scope says which kinds of addresses that are not global this node has itself. It dials such an address on a stranger's
// word only if it has one of the kind: or strangers could have it try the doors of its owner's machine and network.
type scope struct {
	loopback bool
	private  bool
}

// scopeOf looks at the addresses by which this node says it can be reached.
func scopeOf(own []wire.Addr) (s scope) {
	for _, a := range own {
		ip := addrIP(a)
		s.loopback = s.loopback || ip.IsLoopback()
		s.private = s.private || isPrivate(ip)
	}
	return s
}

// filter returns the addresses that may be dialled.
func (s scope) filter(addrs []wire.Addr) []wire.Addr {
	var out []wire.Addr
	for _, a := range addrs {
		ip := addrIP(a)
		if ip.IsLoopback() && !s.loopback || isPrivate(ip) && !s.private || ip.IsUnspecified() || ip.IsMulticast() {
			continue
		}
		out = append(out, a)
	}
	return out
}

func isPrivate(ip netip.Addr) bool { return ip.IsPrivate() || ip.IsLinkLocalUnicast() }

// addrIP is the IP address in a; parsed descriptors have nothing else.
func addrIP(a wire.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.HostPort())
	if err != nil {
		return netip.IPv6Unspecified()
	}
	return ap.Addr().Unmap()
}

// reachable lists the addresses by which others can dial a listener: its own, or, if it listens everywhere, those of the machine's
// interfaces. Private ones are named only when there is no global one, since strangers pass descriptors on; and loopback when there
// is nothing else, for nodes on the same machine.
func reachable(transport, address string) []wire.Addr {
	own, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil
	}
	named := func(ip netip.Addr) wire.Addr {
		return wire.Addr(transport + "/" + netip.AddrPortFrom(ip, own.Port()).String())
	}
	if !own.Addr().IsUnspecified() {
		return []wire.Addr{named(own.Addr())}
	}
	var global, private []wire.Addr
	for _, ip := range interfaceAddrs() {
		switch {
		case own.Addr().Is4() && !ip.Is4() || ip.IsLoopback() || ip.IsLinkLocalUnicast():
		case ip.IsPrivate():
			private = append(private, named(ip))
		default:
			global = append(global, named(ip))
		}
	}
	switch {
	case len(global) > 0:
		return global
	case len(private) > 0:
		return private
	case own.Addr().Is4():
		return []wire.Addr{named(netip.AddrFrom4([4]byte{127, 0, 0, 1}))}
	}
	return []wire.Addr{named(netip.IPv6Loopback())}
}

// interfaceAddrs lists the machine's addresses; none if the system does not say.
func interfaceAddrs() (out []netip.Addr) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range nets {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}
