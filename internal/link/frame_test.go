package link

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFramesAreCollectedIntoFullWrites(t *testing.T) {
	ch := &script{}
	c := newTestConn(ch)
	frame := bytes.Repeat([]byte{1}, MaxFrame)
	const frames = 32
	for range frames {
		if err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	total := frames * (headerSize + MaxFrame)
	if got, want := ch.writes, total/writeBuffer; got != want {
		t.Errorf("%d writes before Flush, want %d", got, want)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if ch.out.Len() != total {
		t.Errorf("%d bytes arrived, want %d", ch.out.Len(), total)
	}
}

func TestAnIdleConnectionHoldsNoBuffer(t *testing.T) {
	c := newTestConn(&script{})
	for range 2 {
		if err := errors.Join(c.Write([]byte("x")), c.Flush()); err != nil {
			t.Fatal(err)
		}
		if c.out != nil {
			t.Error("the buffer is kept")
		}
	}
	writes := c.ch.(*script).writes
	if err := c.Flush(); err != nil || c.ch.(*script).writes != writes {
		t.Errorf("Flush of nothing wrote something: %v", err)
	}
}

// failing is a channel that fails as package net does.
type failing struct{ script }

func (failing) Write([]byte) (int, error) {
	address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}
	return 0, &net.OpError{Op: "write", Net: "tcp", Source: address, Addr: address, Err: os.NewSyscallError("write", syscall.EPIPE)}
}

func TestErrorsNameNoAddress(t *testing.T) {
	c := newTestConn(&failing{})
	err := errors.Join(c.Write([]byte("x")), c.Flush())
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v, want EPIPE", err)
	}
	if s := fmt.Sprint(err); strings.Contains(s, "192.0.2.7") || strings.Contains(s, "4711") {
		t.Errorf("the error says %q", s)
	}
}

func TestAFailedWriteStays(t *testing.T) {
	c := newTestConn(&failing{})
	frame := make([]byte, MaxFrame)
	var err error
	for range 2 * writeBuffer / MaxFrame {
		err = c.Write(frame)
	}
	if err == nil || c.Write([]byte("x")) != err || c.Flush() != err {
		t.Errorf("got %v and then another", err)
	}
}

// slowChannel counts how often its read deadline is set.
type slowChannel struct {
	script
	set int
}

func (s *slowChannel) SetReadDeadline(time.Time) error {
	s.set++
	return nil
}

func TestReadDeadlinesAreNotSetForEveryFrame(t *testing.T) {
	stream := bytes.Repeat([]byte{0, 0, 1, 7}, 1000)
	ch := &slowChannel{script: script{in: bytes.NewReader(stream)}}
	c := newTestConn(ch)
	for range 1000 {
		if _, err := c.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if ch.set == 0 || ch.set > 100 {
		t.Errorf("set %d times for 1000 frames", ch.set)
	}
}

func TestSelfPrintsRedacted(t *testing.T) {
	v := loadVectors(t)["responder-accept"]
	s := NewSelf(v.key(t), Options{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		if got := fmt.Sprintf(verb, s); !strings.Contains(got, "redacted") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestOptionsZeroMeansDefault(t *testing.T) {
	want := Options{
		HandshakeTime: 5 * time.Second, IdleTime: time.Minute, WriteTime: 20 * time.Second, Handshakes: 64, HandshakesPerSource: 8,
	}
	if got := (Options{}).WithDefaults(); got != want {
		t.Errorf("got %+v", got)
	}
	if got := want.WithDefaults(); got != want {
		t.Errorf("set options change: %+v", got)
	}
}
