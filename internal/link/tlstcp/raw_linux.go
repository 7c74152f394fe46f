package tlstcp

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// raw reads and writes a socket without telling the scheduler of each system call, which on a socket that never blocks are
// short. Told, it wakes its monitor thread, which then polls for milliseconds: among nodes whose work comes in short bursts
// that was a tenth of all processor time (docs/speed.md). Waiting is the network poller's, as it is for any connection, and
// so are deadlines. One goroutine may read while another writes.
type raw struct {
	plain  net.Conn        // for what is no socket
	socket syscall.RawConn // nil if there is none
	in     transfer
	out    transfer
	read1  func(fd uintptr) bool // made once, so that no call allocates
	write1 func(fd uintptr) bool
}

// transfer is the call that is under way in one direction.
type transfer struct {
	p   []byte // still to be filled or sent
	n   int
	err syscall.Errno
}

func newRaw(c net.Conn) *raw {
	r := &raw{plain: c}
	if s, ok := c.(*net.TCPConn); ok {
		if socket, err := s.SyscallConn(); err == nil {
			r.socket, r.read1, r.write1 = socket, r.in.read, r.out.write
		}
	}
	return r
}

func (r *raw) read(p []byte) (int, error) {
	if r.socket == nil || len(p) == 0 {
		return r.plain.Read(p)
	}
	n, err := r.in.run(p, r.socket.Read, r.read1)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (r *raw) write(p []byte) (int, error) {
	if r.socket == nil {
		return r.plain.Write(p)
	}
	return r.out.run(p, r.socket.Write, r.write1)
}

// run has the poller call step until it is done.
func (t *transfer) run(p []byte, wait func(func(uintptr) bool) error, step func(uintptr) bool) (int, error) {
	*t = transfer{p: p}
	err := wait(step)
	t.p = nil
	if err == nil && t.err != 0 {
		err = os.NewSyscallError("socket", t.err)
	}
	return t.n, err
}

// read takes what has come; false means that nothing has.
func (t *transfer) read(fd uintptr) bool { return t.call(syscall.SYS_READ, fd) }

// write sends all; false means that there is no room for the rest.
func (t *transfer) write(fd uintptr) bool {
	for len(t.p) > 0 {
		if !t.call(syscall.SYS_WRITE, fd) {
			return false
		}
		if t.err != 0 {
			return true
		}
	}
	return true
}

// call makes one system call; false means that it would have to wait.
func (t *transfer) call(number, fd uintptr) bool {
	for {
		n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		case 0:
			t.n += int(n)
			t.p = t.p[n:]
		}
		t.err = err
		return true
	}
}
