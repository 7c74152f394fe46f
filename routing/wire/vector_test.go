package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// readVectors reads the vectors of one kind.
func readVectors(t testing.TB, kind string) map[string]vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, kind, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors of kind %s: %v", kind, err)
	}
	all := make(map[string]vector)
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "expect":
				v.expect = value
			case "is":
				v.is = value
			case "hex":
				v.raw, err = hex.DecodeString(value)
			case "fill":
				v.fill, err = strconv.Atoi(value)
			case "text":
				v.text, err = strconv.Unquote(value)
			}
			if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
		}
		v.raw = append(v.raw, make([]byte, v.fill)...)
		all[strings.TrimSuffix(filepath.Base(p), ".txt")] = v
	}
	return all
}

func TestMessageVectors(t *testing.T) {
	for _, kind := range []string{"message", "repair", "lease", "block"} {
		for name, v := range readVectors(t, kind) {
			m, err := Parse(bytes.Clone(v.raw))
			if err != nil && m != nil {
				t.Errorf("%s/%s: a message beside an error", kind, name)
			}
			if err == nil {
				err = verify(m)
			}
			if got := class(err); got != v.expect {
				t.Errorf("%s/%s: %s, want %s", kind, name, got, v.expect)
			}
			if err != nil {
				continue
			}
			if got := spell(m); got != v.is {
				t.Errorf("%s/%s: is %s, want %s", kind, name, got, v.is)
			}
			if again := Append(nil, m); !bytes.Equal(again, v.raw) {
				t.Errorf("%s/%s: encodes as %x", kind, name, again)
			}
		}
	}
}

// verify checks the claims of a message, as whoever takes them in does.
func verify(m Message) error {
	if m, ok := m.(Relays); ok {
		for _, c := range m.Nodes {
			if _, err := c.Verify(); err != nil {
				return err
			}
		}
	}
	return nil
}

// class is the expect line that an error of Parse or Verify deserves.
func class(err error) string {
	var bad *BadBlockError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	case err == ErrBadDescriptor:
		return "bad descriptor"
	case errors.As(err, &bad):
		return "bad block"
	}
	return "an error that is documented nowhere: " + err.Error()
}

// spell writes a message as the vectors do.
func spell(m Message) string {
	switch m := m.(type) {
	case Hello:
		return fmt.Sprintf("Hello version %d purpose %d %s", m.Version, m.Purpose, spellDescriptor(m.Self))
	case Ping:
		return fmt.Sprint("Ping ", m.Nonce)
	case Pong:
		return fmt.Sprint("Pong ", m.Nonce)
	case Near:
		return fmt.Sprint("Near ", m.Req, " ", uint64(m.Target))
	case Nodes:
		return fmt.Sprint("Nodes ", m.Req, " ", len(m.Nodes))
	case Get:
		return fmt.Sprintf("Get %d htl %d class %d rotation %d kind %d %x", m.Req, m.HTL, m.Class, m.Rotation, m.ID.Kind, m.ID.Name[:])
	case Data:
		return fmt.Sprintf("Data %d kind %d %x", m.Req, m.Block.ID().Kind, nameOf(m.Block.ID().Name))
	case Put:
		return fmt.Sprintf("Put %d htl %d class %d rotation %d kind %d %x", m.Req, m.HTL, m.Class, m.Rotation, m.Block.ID().Kind, nameOf(m.Block.ID().Name))
	case Stored:
		return fmt.Sprint("Stored ", m.Req, " ", m.Copies)
	case Fail:
		return fmt.Sprint("Fail ", m.Req, " ", uint8(m.Reason))
	case Cancel:
		return fmt.Sprint("Cancel ", m.Req)
	case AskKey:
		return fmt.Sprintf("AskKey %d %x", m.Req, m.Hash[:])
	case Key:
		return fmt.Sprint("Key ", m.Req)
	case Cell:
		return fmt.Sprint("Cell ", m.Circ, " ", m.Cmd)
	case Root:
		return fmt.Sprintf("Root %x", m.Hash[:])
	case Digests:
		return fmt.Sprint("Digests ", m.Buckets[255])
	case List:
		return fmt.Sprint("List ", m.Bucket, " ", m.Reply, " ", m.Items)
	case Relays:
		return fmt.Sprint("Relays ", len(m.Nodes))
	}
	return spellRepair(m)
}

func spellRepair(m Message) string {
	switch m := m.(type) {
	case Compare:
		return fmt.Sprintf("Compare %d %d %x", m.Req, m.Span, m.Mark[:])
	case Parts:
		s := fmt.Sprintf("Parts %d %d", m.Req, m.Span)
		for _, p := range m.Parts {
			s += fmt.Sprintf(" {%d %x}", p.Last, p.Mark[:])
		}
		return s
	case Held:
		s := fmt.Sprintf("Held %d %d", m.Req, m.Span)
		for _, it := range m.Items {
			s += fmt.Sprintf(" {%d %d %x %d}", it.Rotation, it.ID.Kind, nameOf(it.ID.Name), it.Version)
		}
		return s
	case Want:
		return fmt.Sprintf("Want %d rotation %d kind %d %x", m.Req, m.Rotation, m.ID.Kind, m.ID.Name[:])
	case Copy:
		return fmt.Sprintf("Copy %d kind %d %x", m.Req, m.Block.ID().Kind, nameOf(m.Block.ID().Name))
	case Refuse:
		return fmt.Sprint("Refuse ", m.Req, " ", uint8(m.Reason))
	}
	return spellLease(m)
}

func nameOf(name [32]byte) []byte { return name[:] }

func spellDescriptor(d Descriptor) string {
	return fmt.Sprintf("%x %d %x %s", d.ID[:], d.Issued, d.Onion[:], d.Addrs)
}

func TestDescriptorVectors(t *testing.T) {
	for name, v := range readVectors(t, "descriptor") {
		d, rest, err := ParseDescriptor(append(bytes.Clone(v.raw), 0xee)[:len(v.raw)])
		if v.expect != "ok" {
			if err != ErrBadDescriptor {
				t.Errorf("%s: %v, want ErrBadDescriptor", name, err)
			}
			continue
		}
		if err != nil || len(rest) != 0 || spellDescriptor(d) != v.is || !bytes.Equal(d.Append(nil), v.raw) {
			t.Errorf("%s: %v, %s, %d bytes left", name, err, spellDescriptor(d), len(rest))
		}
		if _, rest, err := ParseDescriptor(append(bytes.Clone(v.raw), 1, 2)); err != nil || !bytes.Equal(rest, []byte{1, 2}) {
			t.Errorf("%s: what follows was not handed back: %x, %v", name, rest, err)
		}
	}
}

func TestRefVectors(t *testing.T) {
	for name, v := range readVectors(t, "ref") {
		d, err := ParseRef(v.text)
		if v.expect != "ok" {
			if err != ErrBadDescriptor {
				t.Errorf("%s: %v, want ErrBadDescriptor", name, err)
			}
			continue
		}
		if err != nil || d.Ref() != v.text {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, kind := range []string{"message", "repair", "lease", "block"} {
		for _, v := range readVectors(f, kind) {
			f.Add(v.raw)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(bytes.Clone(b))
		if (m == nil) == (err == nil) || class(err) != "ok" && class(err) != "malformed" && class(err) != "bad block" {
			t.Fatalf("%T, %v", m, err)
		}
		if err == nil && !bytes.Equal(Append(nil, m), b) {
			t.Fatalf("%s has two encodings", spell(m))
		}
		if err == nil && Size(m) != len(b) {
			t.Fatalf("%s: Size says %d", spell(m), Size(m))
		}
		if relays, ok := m.(Relays); ok {
			for _, c := range relays.Nodes {
				if d, err := c.Verify(); err == nil && (c.Compare(d) != 0 || c.ID() != d.ID || c.Issued() != d.Issued) {
					t.Fatal("a claim is another descriptor than it says")
				}
			}
		}
	})
}

func FuzzParseDescriptor(f *testing.F) {
	for _, v := range readVectors(f, "descriptor") {
		f.Add(v.raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, rest, err := ParseDescriptor(b)
		if err != nil {
			if err != ErrBadDescriptor {
				t.Fatal(err)
			}
			return
		}
		if again := append(d.Append(nil), rest...); !bytes.Equal(again, b) {
			t.Fatal("a descriptor has two encodings")
		}
		if again, err := NewDescriptor(testIdentity(9), d.Issued, d.Onion, d.Addrs); err != nil || fmt.Sprint(again.Addrs) != fmt.Sprint(d.Addrs) {
			t.Fatalf("parsed addresses cannot be signed anew: %v", err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, v := range readVectors(f, "ref") {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseRef(s)
		if err == nil && d.Ref() != strings.TrimSpace(s) {
			t.Fatal("a reference has two spellings")
		}
		if err != nil && err != ErrBadDescriptor {
			t.Fatal(err)
		}
	})
}

func BenchmarkAppendData(b *testing.B) {
	m := Data{Req: 1, Block: testBlock(1)}
	var buf []byte
	b.SetBytes(int64(Size(m)))
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
	}
}

func BenchmarkParseData(b *testing.B) {
	raw := Append(nil, Data{Req: 1, Block: testBlock(1)})
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
