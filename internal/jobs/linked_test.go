//go:build unix

package jobs

import (
	"os"
	"path/filepath"
	"testing"

	"nightjar/internal/content"
)

// Invariant 10: a link that has come in the place of a part is not followed, nor does it become the target.
func TestALinkInThePlaceOfAPart(t *testing.T) {
	r := newRig(t, Config{})
	body := noise(7, 200_000)
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a"), body)
	for name, src := range map[string]string{"file": write(t, filepath.Join(t.TempDir(), "in"), body), "folder": folder} {
		uri := untilState(t, r.queue(PutSpec{Path: src}), Done).URI
		dir, mine := t.TempDir(), t.TempDir()
		precious := write(t, filepath.Join(mine, "precious"), []byte("precious"))
		out := filepath.Join(dir, "out")
		o, err := content.Open(t.Context(), r.net, uri, content.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		j := r.retrying(uri, out)
		j.update(func(p *progress) { *p = progress{Tag: o.Tag()} }) // it has begun before
		leads := precious
		if name == "folder" {
			leads = mine
		}
		if err := os.Symlink(leads, j.target().part); err != nil {
			t.Fatal(err)
		}
		r.broken(nil)
		if err := j.Resume(); err != nil {
			t.Fatal(err)
		}
		if s := untilState(t, j, Done); s.Err != nil {
			t.Fatalf("%s: %v", name, s.Err)
		}
		wantFile(t, precious, []byte("precious"))
		wantNames(t, mine, "precious")
		info, err := os.Lstat(out)
		if err != nil || info.Mode()&os.ModeSymlink != 0 {
			t.Errorf("%s: what was fetched is a link: %v %v", name, info, err)
		}
	}
}
