package main

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store/badgerstore"
)

// TestSeizedDirectory takes the data directories of two nodes that stored, inserted, fetched, queued and published, one stopped and one killed, and looks in
// everything but the key files for what it knows: texts, URIs, keys, identities, addresses, and the names of the blocks that are there.
func TestSeizedDirectory(t *testing.T) {
	n := startRealNet(t, 5)
	source := t.TempDir()
	plan, page := filepath.Join(source, "secret-plan.txt"), filepath.Join(source, "marker-site")
	text := strings.Repeat("Heard, never seen: the marker of the plan.\n", 5000)
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(page, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(page, "index.html"), []byte("<p>the marker of the page</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	var s thief
	s.add("text of the plan", []byte(text))
	s.add("text of the page", []byte("the marker of the page"))
	for _, node := range []int{0, 1} {
		s.mustUse(t, n, node, plan, page)
	}
	for _, other := range n.nodes {
		s.lookNode(t, other.Ref)
	}
	token, err := os.ReadFile(filepath.Join(n.nodes[0].Data, "api-token"))
	if err != nil {
		t.Fatal(err)
	}
	s.add("the token", token)

	n.run(0, "stop")
	if err := syscall.Kill(n.nodes[1].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	keyFiles := []string{"store/store.key", "store/store.key.2"}
	for i, open := range [][]string{keyFiles, append(keyFiles, "node.json", "api-token")} { // whom the kill leaves two more
		dir := n.nodes[i].Data
		s.lookStore(t, dir)
		found, pages := s.seizure(t, dir, open...)
		for _, f := range found {
			t.Errorf("node %d: %s", i, f)
		}
		if pages < 100 {
			t.Errorf("node %d: only %d pages hold anything", i, pages)
		}
	}
	mustTellTheDay(t, n.nodes[0].Data)
}

// mustUse has a node do what leaves traces, and notes what of that must not be found.
func (s *thief) mustUse(t *testing.T, n *realNet, node int, plan, page string) {
	t.Helper()
	name := "marker-blog"
	uri := strings.TrimSpace(n.run(node, "put", plan))
	site := strings.TrimSpace(n.run(node, "site", "init", name))
	n.run(node, "site", "publish", name, page)
	n.run(2, "get", uri, "-o", filepath.Join(t.TempDir(), "out"))
	n.run(node, "get", strings.TrimSpace(n.run(3, "put", plan)), "-o", filepath.Join(t.TempDir(), "out"))
	n.run(node, "put", plan, "--detach", "--target", "KSK@marker-word")
	n.run(node, "get", "KSK@marker-of-nothing", "--detach", "-o", filepath.Join(t.TempDir(), "marker-wanted"))
	for _, u := range []string{uri, site} {
		s.lookURI(t, u)
	}
	for _, words := range []string{"marker-blog", "marker-word", "marker-of-nothing", "marker-wanted", "secret-plan.txt", plan, page} {
		s.add(words, []byte(words))
	}
}

func (s *thief) lookURI(t *testing.T, text string) {
	t.Helper()
	u, err := keys.ParseURI(text)
	if err != nil {
		t.Fatal(err)
	}
	s.add("a URI", []byte(text))
	_, parts, _ := strings.Cut(text, "@")
	for _, part := range strings.SplitN(parts, ",", 3)[:2] {
		s.add("a part of a URI", []byte(part))
	}
	s.look("the routing key", u.Routing[:])
	s.look("the decryption key", u.Read[:])
}

// lookNode notes how a node is called and reached.
func (s *thief) lookNode(t *testing.T, ref string) {
	t.Helper()
	d, err := wire.ParseRef(ref)
	if err != nil {
		t.Fatal(err)
	}
	s.look("the identity of a node", d.ID[:])
	s.add("a reference", []byte(strings.TrimPrefix(ref, wire.RefPrefix)))
	for _, a := range d.Addrs {
		s.add("an address", []byte(a.HostPort()))
		// The address alone is too short to be looked for in noise; in a descriptor the kinds of transport and address stand before it.
		if at, err := netip.ParseAddrPort(a.HostPort()); err == nil && a.Transport() == "tcp" && at.Addr().Is4() {
			s.add("an address in binary", binary.BigEndian.AppendUint16(append([]byte{1, 4}, at.Addr().AsSlice()...), at.Port()))
		}
	}
}

// lookStore notes the key of a store and what is in it, which a copy of it tells that has its key.
func (s *thief) lookStore(t *testing.T, data string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(data, "store", "store.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.look("the key of the store", key[9:41])
	dir := t.TempDir()
	copySolid(t, filepath.Join(data, "store"), dir)
	st, err := badgerstore.Open(badgerstore.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	held, err := st.Arc(0, ^keys.Location(0), keys.ID{}, 1000)
	if err != nil || len(held) < 10 {
		t.Fatalf("%d blocks, %v", len(held), err)
	}
	for _, e := range held {
		s.look("the name of a block", e.ID.Name[:])
		s.add("the place of a block", binary.BigEndian.AppendUint64(nil, uint64(e.At)))
		b, err := st.Get(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.add("a block", b.Data())
		s.add("the end of a block", b.Data()[len(b.Data())-16:])
	}
}

// copySolid copies a directory and leaves its holes holes.
func copySolid(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
			copySolid(t, source, target)
			continue
		}
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(b); at += 4096 {
			if p := b[at:min(at+4096, len(b))]; strings.Trim(string(p), "\x00") != "" {
				if _, err := f.WriteAt(p, int64(at)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.Truncate(int64(len(b))); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
