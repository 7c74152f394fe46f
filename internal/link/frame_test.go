package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

func TestReadTellsWhatHasComeAndKeepsNoBufferAfterIt(t *testing.T) {
	stream := []byte{0, 0, 1, 7, 0, 0, 2, 8, 9, 0, 0, 3, 1}
	c := newTestConn(&script{in: bytes.NewReader(stream)})
	for i, want := range [][]byte{{7}, {8, 9}} {
		if got, err := c.Read(); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %v, %v", i, got, err)
		}
		if ready := i == 0; c.Ready() != ready {
			t.Errorf("after frame %d Ready is %v, and %d bytes of the next have come", i, c.Ready(), len(c.ahead))
		}
	}
	if _, err := c.Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a frame without its end: %v", err)
	}
	if c.in != nil || c.ahead != nil {
		t.Error("the buffer is kept")
	}
}

func TestAReleasedFrameIsUsedForOneOfItsSize(t *testing.T) {
	var stream []byte
	for _, n := range []int{2000, 10, 1999, 1999, MaxFrame} {
		stream = append(append(stream, 0, byte(n>>8), byte(n)), make([]byte, n)...)
	}
	c := newTestConn(&script{in: bytes.NewReader(stream)})
	read := func() []byte {
		t.Helper()
		f, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := read()
	c.Release(first)
	if small := read(); &small[0] == &first[0] {
		t.Error("10 bytes hold the memory of 2000")
	}
	if again := read(); &again[0] != &first[0] || len(again) != 1999 {
		t.Error("the frame was not used again")
	}
	if other := read(); &other[0] == &first[0] {
		t.Error("a frame that nobody has given back was used again")
	}
	c.Release(read())
	if c.spare != nil {
		t.Errorf("a frame of %d bytes is kept", cap(c.spare))
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
