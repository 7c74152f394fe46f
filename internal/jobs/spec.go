package jobs

import (
	"fmt"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// Spec says what a queued job does: a PutSpec, a GetSpec or a KeepSpec.
type Spec interface{ kind() Kind }

// PutSpec says what a put inserts and how. The fields from Path on are for queued puts alone.
type PutSpec struct {
	Folder     bool          // the job is fed by PutFolder, not by Put; of a queued put found by looking at Path
	Name       string        // as in content.PutOptions; a queued put of a file takes the file's own if it is ""
	MIME       string        // as in content.PutOptions
	Target     keys.URI      // as in content.PutOptions
	Convergent bool          // as in content.PutOptions
	Timeout    time.Duration // from being fed (of a queued put: from being made) to being done; 0 = no limit

	Path       string             // file or folder on this machine, absolute
	Hidden     bool               // take a folder's hidden files too
	Times      bool               // keep when a folder's files were changed last, which tells readers when they were made
	Site       string             // publish the folder as the next edition of this site of Config.Sites, instead of Target
	Redundancy content.Redundancy // as in content.PutOptions
	EarlyURI   bool               // read the source twice, so that the URI is known before anything is inserted
	Priority   Priority
	Tries      int // how often to try before a passing obstacle is a failure; 0 = until it has gone
}

// GetSpec says what a get fetches. The fields from Path on are for queued gets alone.
type GetSpec struct {
	URI     keys.URI
	MaxSize uint64        // as in content.GetOptions
	Timeout time.Duration // as in PutSpec; an attached get has a limit on finding the manifest in any case

	Path     string // file or folder to be written on this machine, absolute
	Force    bool   // replace what is there
	Priority Priority
	Tries    int // as in PutSpec
}

// KeepSpec says what a queued job keeps alive.
type KeepSpec struct {
	URI       keys.URI      // a request URI, or a verify capability
	Every     time.Duration // how often, a quarter more or less, for ever; 0 = once
	Check     bool          // look at a sample and say how healthy it is, but repair nothing
	Sample    float64       // of Check: as in content.KeepOptions
	MaxBlocks uint64        // as in content.KeepOptions
	Timeout   time.Duration // as in PutSpec
	Priority  Priority
	Tries     int // as in PutSpec
}

func (PutSpec) kind() Kind  { return Put }
func (GetSpec) kind() Kind  { return Get }
func (KeepSpec) kind() Kind { return Keep }

// Priority says which jobs run first, and how what is in flight is divided among those that run: 1 : 3 : 9.
type Priority int8

// The priorities; the zero value is Normal.
const (
	Low    Priority = -1
	Normal Priority = 0
	High   Priority = 1
)

// String is "low", "normal" or "high".
func (p Priority) String() string {
	switch {
	case p < Normal:
		return "low"
	case p > Normal:
		return "high"
	}
	return "normal"
}

// ParsePriority reads what String writes; "" is Normal.
func ParsePriority(s string) (Priority, error) {
	switch s {
	case "low":
		return Low, nil
	case "", "normal":
		return Normal, nil
	case "high":
		return High, nil
	}
	return Normal, fmt.Errorf("%w: a priority is low, normal or high", ErrSpec)
}

// weight is a job's share of what is in flight.
func (p Priority) weight() int {
	switch {
	case p < Normal:
		return 1
	case p > Normal:
		return 9
	}
	return 3
}
