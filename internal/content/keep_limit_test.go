package content

import (
	"context"
	"errors"
	"testing"

	"nightjar/keys"
)

// What content has more blocks than is allowed is not asked for: nothing but its manifests is, and nothing is inserted.
func TestKeepingHasALimit(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	uri := put(t, n, noise(600*keys.DataSize, 1), PutOptions{Target: author(keys.SSK, "doc")}) // with a table that is a stream
	verify := verifyOf(t, n, uri)
	for name, u := range map[string]keys.URI{"a URI": uri, "a verify capability": verify} {
		all, err := Check(context.Background(), n, u, KeepOptions{Sample: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range []func(uint64) (Health, error){
			func(most uint64) (Health, error) {
				return Check(context.Background(), n, u, KeepOptions{MaxBlocks: most})
			},
			func(most uint64) (Health, error) {
				return Keep(context.Background(), n, n, u, KeepOptions{MaxBlocks: most})
			},
		} {
			if _, err := run(all.Blocks); err != nil {
				t.Errorf("%s, as many as allowed: %v", name, err)
			}
			n.fetched, n.tried = nil, map[keys.ID]int{}
			h, err := run(all.Blocks - 1)
			var many *TooManyError
			if !errors.Is(err, ErrTooMany) || !errors.As(err, &many) || many.Blocks != all.Blocks || many.Most != all.Blocks-1 || h.Blocks != 0 {
				t.Errorf("%s, one too many: %+v, %v", name, h, err)
			}
			if len(n.fetched) > 2 || len(n.tried) > 0 {
				t.Errorf("%s, one too many: %d requests, %d inserts", name, len(n.fetched), len(n.tried))
			}
		}
	}
}

// MaxKeep, at its edge, for a list that says how many it names and is nowhere.
func TestLimitOfWhatIsKept(t *testing.T) {
	n := newNetwork()
	claimed := func(entries uint64) (uri keys.URI, blocks uint64) {
		s := tabled(entries*listEntry, maxDirectTable)
		uri = putManifest(t, n, &manifest{Version: 1, Kind: kindBlocks, Stream: s})
		uri.Verify = true
		return uri, 1 + s.allBlocks() + entries
	}
	_, blocks := claimed(MaxKeep)
	entries := uint64(MaxKeep) - (blocks - MaxKeep) // nearly: a shorter list has fewer blocks of its own
	for ; ; entries++ {
		if _, blocks := claimed(entries); blocks > MaxKeep {
			break
		}
	}
	for _, limit := range []struct {
		entries uint64
		want    error
	}{{entries - 1, ErrNotFound}, {entries, ErrTooMany}} {
		uri, blocks := claimed(limit.entries)
		if _, err := Check(context.Background(), n, uri, KeepOptions{}); !errors.Is(err, limit.want) {
			t.Errorf("%d blocks: %v, want %v", blocks, err, limit.want)
		}
	}
}
