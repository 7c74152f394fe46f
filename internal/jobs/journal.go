package jobs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"nightjar/crypto"
	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	entrySize = 8
	// maxJournal bounds the names that a put remembers, 128 MiB: 256 GiB of content. What comes after is inserted again if the put is
	// broken off.
	maxJournal   = 16 << 20
	syncEntries  = 64
	syncInterval = time.Second
)

// labelJournal derives the key of a put's journal from the job's key.
const labelJournal crypto.Label = "jobs journal v1"

// journal remembers which blocks a put has inserted, over the end of the process: 8 bytes of a keyed hash of each name, one behind the other.
// What is torn or damaged only makes blocks be inserted again.
type journal struct {
	key crypto.Key
	old []uint64 // from before, sorted

	mu       sync.Mutex
	f        *os.File // nil once it cannot be written to
	entries  int
	unsynced int
	synced   time.Time
	syncing  bool
}

// openJournal reads what there is, and appends to it. Without a file that can be written to the journal remembers nothing new.
func openJournal(path string, key *crypto.Key) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{key: crypto.DeriveKey(key[:], labelJournal, nil), f: f, synced: time.Now()}
	b, err := io.ReadAll(io.LimitReader(f, maxJournal*entrySize))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j.old = make([]uint64, len(b)/entrySize)
	for i := range j.old {
		j.old[i] = binary.BigEndian.Uint64(b[i*entrySize:])
	}
	slices.Sort(j.old)
	j.entries = len(j.old)
	return j, nil
}

func (j *journal) entry(id keys.ID) uint64 {
	mac := hmac.New(sha256.New, j.key[:])
	mac.Write(id.Append(nil))
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

// has reports whether the block was inserted before this run.
func (j *journal) has(id keys.ID) bool {
	_, ok := slices.BinarySearch(j.old, j.entry(id))
	return ok
}

// add notes a block that is in the network. A failure to write costs nothing but that block another time.
func (j *journal) add(id keys.ID) {
	e := binary.BigEndian.AppendUint64(nil, j.entry(id))
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil || j.entries == maxJournal {
		return
	}
	if _, err := j.f.WriteAt(e, int64(j.entries)*entrySize); err != nil {
		j.f.Close()
		j.f = nil
		return
	}
	j.entries++
	j.unsynced++
	now := time.Now()
	if j.syncing || j.unsynced < syncEntries && now.Sub(j.synced) < syncInterval {
		return
	}
	j.syncing, j.unsynced, j.synced = true, 0, now
	f := j.f
	j.mu.Unlock() // others note their blocks meanwhile
	_ = f.Sync()  // what the disk loses is inserted again
	j.mu.Lock()
	j.syncing = false
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.key.Wipe()
	if j.f != nil {
		_ = j.f.Sync()
		j.f.Close()
		j.f = nil
	}
}

// skipping is a sink that leaves out what a put inserted before it was broken off. A record is always inserted: its name says nothing of what is in it.
type skipping struct {
	content.Sink
	done *journal
}

func (s *skipping) Insert(ctx context.Context, b keys.Block, top bool) error {
	if b.ID().Kind == keys.KindData && s.done.has(b.ID()) {
		return nil
	}
	return s.Sink.Insert(ctx, b, top)
}

// noting notes what the network has taken. A block that is being noted is still in flight, so that those which are not noted when the process is
// killed are no more than may be in flight.
type noting struct {
	Network
	done *journal
	sent func()
}

func (n *noting) Insert(ctx context.Context, b keys.Block, top bool) error {
	err := n.Network.Insert(ctx, b, top)
	if err == nil {
		if b.ID().Kind == keys.KindData {
			n.done.add(b.ID())
		}
		n.sent()
	}
	return err
}
