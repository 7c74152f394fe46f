package testnet

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSiteHasWhatTheDemoPromises(t *testing.T) {
	dir := t.TempDir()
	if err := WriteSite(dir); err != nil {
		t.Fatal(err)
	}
	for name, least := range map[string]int64{
		"index.html": 500, "journey.html": 500, "birds/churr.html": 300, "style.css": 300,
		"pictures/dusk.png": 1000, "pictures/ring.png": 1000, "song.wav": 8 << 20,
	} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if fi.Size() < least {
			t.Errorf("%s has %d bytes, want at least %d", name, fi.Size(), least)
		}
	}
}
