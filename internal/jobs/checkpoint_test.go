package jobs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A checkpoint says of files that they are durable: so must be their names, and those of the folders that they are in.
func TestACheckpointSyncsFolders(t *testing.T) {
	r := newRig(t, Config{})
	j := r.retrying(putInto(t, r, noise(1, 1000)), filepath.Join(t.TempDir(), "out"))
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	w := &checkpointed{j: j, root: root, dirs: map[string]bool{}, last: time.Now()}
	create := func(name string) {
		t.Helper()
		if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := root.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.files = append(w.files, f)
		w.made(name)
	}
	create(filepath.Join("a", "b", "c"))
	create(filepath.Join("d", "e"))
	create("f")
	if got := slices.Sorted(maps.Keys(w.dirs)); !slices.Equal(got, []string{".", "a", filepath.Join("a", "b"), "d"}) {
		t.Errorf("names have come into %q", got)
	}
	if err := w.checkpoint(); err != nil || len(w.dirs) > 0 {
		t.Fatalf("%v, and %d are left", err, len(w.dirs))
	}
	create(filepath.Join("d", "g"))
	if err := root.Rename("d", "elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := w.checkpoint(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	for _, f := range w.files {
		f.Close()
	}
}
