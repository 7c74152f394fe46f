package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// vector is one file of testdata/vectors (SPEC §11).
type vector map[string]string

func loadVectors(t testing.TB) map[string]vector {
	t.Helper()
	names, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no vectors")
	}
	all := make(map[string]vector)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v := make(vector)
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && !strings.HasPrefix(key, "#") {
				v[key] = strings.TrimSpace(value)
			}
		}
		all[strings.TrimSuffix(filepath.Base(name), ".txt")] = v
	}
	return all
}

// bytes reads a field: hexadecimal words, of which "xx*n" means n times.
func (v vector) bytes(t testing.TB, field string) []byte {
	t.Helper()
	return decode(t, v[field])
}

func decode(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	for _, word := range strings.Fields(s) {
		digits, count, repeated := strings.Cut(word, "*")
		b, err := hex.DecodeString(digits)
		n := 1
		if repeated && err == nil {
			n, err = strconv.Atoi(count)
		}
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		out = append(out, bytes.Repeat(b, n)...)
	}
	return out
}

func (v vector) key(t testing.TB) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(v.bytes(t, "seed"))
}

// script is a channel whose other end has said everything beforehand.
type script struct {
	binding Binding
	in      io.Reader
	out     bytes.Buffer
	writes  int
	closed  bool
}

func (s *script) Binding() Binding           { return s.binding }
func (s *script) Remote() netip.Addr         { return netip.Addr{} }
func (s *script) Read(p []byte) (int, error) { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error) {
	s.writes++
	return s.out.Write(p)
}
func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// TestVectors proves SPEC §4 and §5 on the files.
func TestVectors(t *testing.T) {
	accepting, refusing := 0, 0
	for name, v := range loadVectors(t) {
		t.Run(name, func(t *testing.T) {
			switch v["kind"] {
			case "responder":
				testResponder(t, v)
			case "initiator":
				testInitiator(t, v)
			case "frames":
				testFrames(t, v)
			default:
				t.Fatalf("a vector of kind %q", v["kind"])
			}
		})
		if v["expect"] == "accept" {
			accepting++
		} else {
			refusing++
		}
	}
	if refusing <= accepting {
		t.Errorf("%d vectors accept and only %d refuse", accepting, refusing)
	}
}

func testResponder(t *testing.T, v vector) {
	ch := &script{binding: Binding(v.bytes(t, "binding")), in: bytes.NewReader(v.bytes(t, "input"))}
	c, err := NewSelf(v.key(t), Options{}).Respond(context.Background(), ch)
	if !bytes.Equal(ch.out.Bytes(), v.bytes(t, "output")) {
		t.Errorf("sent %x", ch.out.Bytes())
	}
	switch v["expect"] {
	case "accept":
		if err != nil || ch.closed || c.Peer() != wire.NodeID(v.bytes(t, "peer")) {
			t.Fatalf("refused, or somebody else's: %v", err)
		}
	case "knock", "proof":
		if err != ErrAuth || !ch.closed {
			t.Fatalf("got %v, closed %t, want ErrAuth", err, ch.closed)
		}
	default:
		t.Fatalf("expect %q", v["expect"])
	}
}

func testInitiator(t *testing.T, v vector) {
	ch := &script{binding: Binding(v.bytes(t, "binding")), in: bytes.NewReader(v.bytes(t, "input"))}
	peer := wire.NodeID(v.bytes(t, "peer"))
	c, err := NewSelf(v.key(t), Options{}).Dial(t.Context(), peer, func(context.Context) (Channel, error) { return ch, nil })
	if !bytes.Equal(ch.out.Bytes(), v.bytes(t, "output")) {
		t.Errorf("sent %x", ch.out.Bytes())
	}
	switch v["expect"] {
	case "accept":
		if err != nil || ch.closed || c.Peer() != peer {
			t.Fatalf("refused, or somebody else's: %v", err)
		}
	case "proof":
		if err != ErrAuth || !ch.closed {
			t.Fatalf("got %v, closed %t, want ErrAuth", err, ch.closed)
		}
	default:
		t.Fatalf("expect %q", v["expect"])
	}
}

func testFrames(t *testing.T, v vector) {
	input := v.bytes(t, "input")
	frames, err := readAll(input)
	want := map[string]error{"accept": io.EOF, "frame": ErrFrame, "truncated": io.ErrUnexpectedEOF}[v["expect"]]
	if want == nil || !errors.Is(err, want) {
		t.Fatalf("got %v, expect %q", err, v["expect"])
	}
	var wanted [][]byte
	if v["frames"] != "" {
		for _, f := range strings.Split(v["frames"], ",") {
			wanted = append(wanted, decode(t, f))
		}
	}
	if len(frames) != len(wanted) {
		t.Fatalf("%d frames, want %d", len(frames), len(wanted))
	}
	for i := range frames {
		if !bytes.Equal(frames[i], wanted[i]) {
			t.Errorf("frame %d is %x", i, frames[i])
		}
	}
	again := writeAll(t, frames)
	if !bytes.HasPrefix(input, again) || v["expect"] == "accept" && len(again) != len(input) {
		t.Error("the frames are not encoded as they were")
	}
}

// newTestConn is a connection over a script.
func newTestConn(ch Channel) *conn {
	s := NewSelf(ed25519.NewKeyFromSeed(make([]byte, 32)), Options{})
	return &conn{ch: ch, opts: s.opts, pools: s.pools}
}

// readAll reads frames until an error, which it returns.
func readAll(stream []byte) (frames [][]byte, err error) {
	c := newTestConn(&script{in: bytes.NewReader(stream)})
	for {
		f, err := c.Read()
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
	}
}

func writeAll(t testing.TB, frames [][]byte) []byte {
	t.Helper()
	ch := &script{}
	c := newTestConn(ch)
	for _, f := range frames {
		if err := c.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return ch.out.Bytes()
}
