package quiclink

import (
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"
)

// connIDLength is the length of the connection identifiers that this node gives out: as browsers' servers do, and long enough
// that a stray packet does not meet one.
const connIDLength = 8

// sockets are the UDP sockets of a transport. Connections share them: the listener's, so that a node is seen with one
// port, or else one for all that it dials.
type sockets struct {
	mu     sync.Mutex
	listen []*socket // of open listeners
	dial   *socket   // nil when nothing uses it
}

// socket is a UDP socket with its QUIC multiplexer. The last user closes it.
type socket struct {
	all   *sockets
	udp   *net.UDPConn
	quic  *quic.Transport
	users int // guarded by all.mu
}

func newSocket(all *sockets, local *net.UDPAddr) (*socket, error) {
	udp, err := net.ListenUDP("udp", local)
	if err != nil {
		return nil, err
	}
	return &socket{all: all, udp: udp, users: 1, quic: &quic.Transport{Conn: udp, ConnectionIDLength: connIDLength}}, nil
}

// forListener opens a socket; prepare sets up its multiplexer before anything runs.
func (a *sockets) forListener(local *net.UDPAddr, prepare func(*quic.Transport)) (*socket, error) {
	s, err := newSocket(a, local)
	if err != nil {
		return nil, err
	}
	prepare(s.quic)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listen = append(a.listen, s)
	return s, nil
}

// forDial returns a socket from which an address can be reached, and counts its use.
func (a *sockets) forDial(to netip.Addr) (*socket, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.listen {
		if reaches(s.udp.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), to) {
			s.users++
			return s, nil
		}
	}
	if a.dial == nil {
		s, err := newSocket(a, nil)
		if err != nil {
			return nil, err
		}
		a.dial = s
		return s, nil
	}
	a.dial.users++
	return a.dial, nil
}

// reaches reports whether packets to an address can leave from a socket that is bound to local.
func reaches(local, to netip.Addr) bool {
	local, to = local.Unmap(), to.Unmap()
	switch {
	case local.Is4() != to.Is4():
		return local == netip.IPv6Unspecified() // such a socket serves both
	case local.IsUnspecified():
		return true
	default:
		return local.IsLoopback() && to.IsLoopback()
	}
}

// use counts one more user.
func (s *socket) use() {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	s.users++
}

// release gives a use back. The last one closes the socket and waits for its goroutines.
func (s *socket) release() {
	s.all.mu.Lock()
	s.users--
	last := s.users == 0
	if last && s.all.dial == s {
		s.all.dial = nil
	}
	s.all.mu.Unlock()
	if last {
		s.quic.Close()
		s.udp.Close()
	}
}

// unlisten gives the listener's use back, once: nothing is dialled from the socket any more.
func (s *socket) unlisten() {
	s.all.mu.Lock()
	found := false
	for i, l := range s.all.listen {
		if l == s {
			s.all.listen = append(s.all.listen[:i], s.all.listen[i+1:]...)
			found = true
			break
		}
	}
	s.all.mu.Unlock()
	if found {
		s.release()
	}
}
