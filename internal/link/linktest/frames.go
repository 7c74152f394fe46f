package linktest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"time"

	"nightjar/internal/link"
)

// pattern makes bytes that differ with the seed.
func pattern(seed, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// bothDirections: each end knows the other, and frames pass both ways at the same time, in order (invariants 1 and 5).
func (r rig) bothDirections() {
	a, b := r.node(link.Options{}), r.node(link.Options{})
	l := r.listen(b)
	dialled := r.dial(a, l.Address(), b.id)
	accepted := r.accept(l)
	if dialled.Peer() != b.id || accepted.Peer() != a.id {
		r.Error("Peer is not who is there")
	}
	const frames = 200
	write := func(c link.Conn, seed int) func() error {
		return func() error {
			for i := range frames {
				if err := c.Write(pattern(seed+i, 1+i*331%link.MaxFrame)); err != nil {
					return err
				}
				if i%7 == 0 {
					if err := c.Flush(); err != nil {
						return err
					}
				}
			}
			return c.Flush()
		}
	}
	read := func(c link.Conn, seed int) func() error {
		return func() error {
			for i := range frames {
				f, err := c.Read()
				if err != nil {
					return err
				}
				if !bytes.Equal(f, pattern(seed+i, 1+i*331%link.MaxFrame)) {
					return errors.New("a frame differs")
				}
			}
			return nil
		}
	}
	for _, c := range []<-chan error{
		inBackground(write(dialled, 0)), inBackground(write(accepted, 1000)),
		inBackground(read(accepted, 0)), inBackground(read(dialled, 1000)),
	} {
		r.must(r.result(c))
	}
}

func (r rig) frameSizes() {
	x, y := r.pair(link.Options{})
	sizes := []int{1, 2, 255, 256, 16380, 16381, 16384, 16385, 32768, 65535 - 32768, link.MaxFrame - 1, link.MaxFrame}
	sent := inBackground(func() error {
		for _, n := range sizes {
			if err := errors.Join(x.Write(pattern(n, n)), x.Flush()); err != nil {
				return err
			}
		}
		return nil
	})
	for _, n := range sizes {
		f := r.receive(y)
		if !bytes.Equal(f, pattern(n, n)) {
			r.Errorf("a frame of %d bytes arrived as %d", n, len(f))
		}
	}
	r.must(r.result(sent))
}

func (r rig) forbiddenSizes() {
	x, y := r.pair(link.Options{})
	for _, n := range []int{0, link.MaxFrame + 1, 1 << 20} {
		if err := x.Write(make([]byte, n)); !errors.Is(err, link.ErrFrame) {
			r.Errorf("Write of %d bytes: %v, want ErrFrame", n, err)
		}
	}
	// The connection is none the worse for it.
	r.send(x, []byte("after"))
	if got := r.receive(y); string(got) != "after" {
		r.Errorf("got %d bytes", len(got))
	}
}

func (r rig) forbiddenHeaders() {
	for _, n := range []int{0, link.MaxFrame + 1, 1<<24 - 1} {
		ch, c := r.proved(link.Options{})
		r.write(ch, []byte{0, 0, 1, 'x', byte(n >> 16), byte(n >> 8), byte(n), 'y'})
		if got := r.receive(c); string(got) != "x" {
			r.Fatalf("got %d bytes", len(got))
		}
		for range 2 { // the second time: an error stays
			if _, err := c.Read(); !errors.Is(err, link.ErrFrame) {
				r.Errorf("a header of %d: %v, want ErrFrame", n, err)
			}
		}
	}
}

func (r rig) frameOwnership() {
	x, y := r.pair(link.Options{})
	frame := []byte("one")
	r.must(x.Write(frame))
	copy(frame, "two") // the writer keeps its slice
	r.must(x.Write(frame))
	r.must(x.Flush())
	first := r.receive(y)
	second := r.receive(y)
	if string(first) != "one" || string(second) != "two" {
		r.Errorf("got %q and %q", first, second)
	}
}

func (r rig) truncatedFrame() {
	for _, cut := range []string{"\x00", "\x00\x00", "\x00\x00\x05", "\x00\x00\x05four"} {
		ch, c := r.proved(link.Options{})
		r.write(ch, []byte("\x00\x00\x01x"+cut))
		r.must(r.s.HalfClose(ch))
		r.receive(c)
		if _, err := c.Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
			r.Errorf("a frame cut off after %d bytes: %v, want io.ErrUnexpectedEOF", len(cut), err)
		}
	}
}

func (r rig) orderlyEnd() {
	x, y := r.pair(link.Options{})
	r.send(x, []byte("last"))
	r.receive(y)
	r.must(x.Close())
	r.must(x.Close())
	for range 2 {
		if _, err := y.Read(); err != io.EOF {
			r.Errorf("Read after the peer's end: %v, want io.EOF", err)
		}
	}
	if _, err := x.Read(); !errors.Is(err, net.ErrClosed) {
		r.Errorf("Read after Close: %v, want net.ErrClosed", err)
	}
	if err := errors.Join(x.Write([]byte("x")), x.Flush()); !errors.Is(err, net.ErrClosed) {
		r.Errorf("Write after Close: %v, want net.ErrClosed", err)
	}
}

func (r rig) closeUnblocksRead() {
	x, y := r.pair(link.Options{})
	for _, c := range []link.Conn{x, y} {
		read := inBackground(func() error {
			_, err := c.Read()
			return err
		})
		r.must(c.Close())
		if err := r.result(read); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			r.Errorf("Read: %v, want net.ErrClosed", err)
		}
	}
}

// flood writes to a peer that does not read, until that fails.
func flood(c link.Conn, written *atomic.Int64) func() error {
	return func() error {
		frame := make([]byte, link.MaxFrame)
		for {
			if err := c.Write(frame); err != nil {
				return err
			}
			written.Add(1)
		}
	}
}

// stuck waits until a count does not change any more.
func (r rig) stuck(count *atomic.Int64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			r.Fatal("a writer to a peer that does not read is never held back")
		}
		now := count.Load()
		if now == last && now > 0 {
			return
		}
		last = now
	}
}

func (r rig) closeUnblocksWrite() {
	x, _ := r.pair(link.Options{})
	var written atomic.Int64
	done := inBackground(flood(x, &written))
	r.stuck(&written)
	r.must(x.Close())
	if err := r.result(done); !errors.Is(err, net.ErrClosed) {
		r.Errorf("Write: %v, want net.ErrClosed", err)
	}
}

func (r rig) writeTime() {
	x, _ := r.pair(link.Options{WriteTime: 300 * time.Millisecond})
	var written atomic.Int64
	if err := r.result(inBackground(flood(x, &written))); !errors.Is(err, os.ErrDeadlineExceeded) {
		r.Errorf("Write: %v, want os.ErrDeadlineExceeded", err)
	}
	if err := x.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
		r.Errorf("Flush after that: %v, want the same", err)
	}
}

func (r rig) idleTime() {
	const idle = 400 * time.Millisecond
	// Only the reader's end is impatient: a QUIC connection uses the shorter idle time of both.
	a, b := r.node(link.Options{}), r.node(link.Options{IdleTime: idle})
	l := r.listen(b)
	x := r.dial(a, l.Address(), b.id)
	y := r.accept(l)
	r.send(x, []byte("x"))
	r.receive(y)
	start := time.Now()
	if _, err := y.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		r.Errorf("Read: %v, want os.ErrDeadlineExceeded", err)
	}
	if d := time.Since(start); d < idle/2 {
		r.Errorf("given up after %v", d)
	}
}
