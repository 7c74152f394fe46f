package api

import (
	"time"

	"nightjar/internal/jobs"
)

// Status is the answer to GET status.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	FProxy  string    `json:"fproxy"`
	Peers   PeerCount `json:"peers"`
	Store   Store     `json:"store"`
	Traffic Traffic   `json:"traffic"`
	Jobs    int       `json:"jobs"` // jobs that are open
	// OnionHops is 0 if requests go to the network directly; then OriginatorHidden is false.
	OnionHops        int   `json:"onion_hops"`
	OriginatorHidden bool  `json:"originator_hidden"`
	Onion            Onion `json:"onion"`
}

// Onion is what there is to hide the originator with.
type Onion struct {
	Relays   int      `json:"relays"`   // other nodes that can be part of a circuit
	Missing  int      `json:"missing"`  // how many more are needed before a circuit can be built
	Guards   int      `json:"guards"`   // relays that circuits begin with; which ones is not told
	Ready    int      `json:"ready"`    // circuits that wait for use
	InUse    int      `json:"in_use"`   // circuits that carry requests
	Building int      `json:"building"` // circuits that are being built
	Built    uint64   `json:"built"`    // circuits that were built since the start
	Links    int      `json:"links"`    // connections that exist for circuits alone
	Steady   bool     `json:"constant_rate"`
	Obstacle string   `json:"obstacle,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// PeerCount counts peers.
type PeerCount struct {
	Total   int `json:"total"`
	Inbound int `json:"inbound"`
	Barred  int `json:"barred"` // nodes kept out because they broke the protocol
}

// Traffic counts the bytes of messages on all links with other nodes since the start.
type Traffic struct {
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
}

// Store is the occupancy of the block store.
type Store struct {
	Blocks int64 `json:"blocks"`
	Bytes  int64 `json:"bytes"`
	Quota  int64 `json:"quota"`
}

// Peer is one element of the answer to GET peers.
type Peer struct {
	ID        string    `json:"id"` // the node's identity, base64url
	Transport string    `json:"transport"`
	Inbound   bool      `json:"inbound"`
	Since     time.Time `json:"since"`
}

// Peers is the answer to GET peers.
type Peers struct {
	Peers []Peer `json:"peers"`
}

// Ref is the answer to GET ref and the body of POST peers: a node's reference line.
type Ref struct {
	Ref string `json:"ref"`
}

// Added is the answer to POST peers.
type Added struct {
	ID string `json:"id"`
}

// JobRequest is the body of POST jobs.
type JobRequest struct {
	Kind      jobs.Kind `json:"kind"`
	TimeoutMS int64     `json:"timeout_ms,omitempty"` // 0 = no limit
	// Put only.
	Folder     bool   `json:"folder,omitempty"`
	Name       string `json:"name,omitempty"`
	MIME       string `json:"mime,omitempty"`
	Target     string `json:"target,omitempty"` // "" = a new CHK
	Convergent bool   `json:"convergent,omitempty"`
	// Get only.
	URI     string `json:"uri,omitempty"`
	MaxSize uint64 `json:"max_size,omitempty"` // 0 = no limit
}

// Job is a job in answers and events.
type Job struct {
	ID       jobs.ID    `json:"id"`
	Kind     jobs.Kind  `json:"kind"`
	State    jobs.State `json:"state"`
	Folder   bool       `json:"folder"`
	Name     string     `json:"name,omitempty"`
	Created  time.Time  `json:"created"`
	Started  time.Time  `json:"started,omitzero"`
	Ended    time.Time  `json:"ended,omitzero"`
	Progress Progress   `json:"progress"`
	URI      string     `json:"uri,omitempty"`
	Size     uint64     `json:"size"`
	MIME     string     `json:"mime,omitempty"`
	Obstacle string     `json:"obstacle,omitempty"` // why a running job cannot go on at the moment
	Error    *Error     `json:"error,omitempty"`
}

// Progress is how far a job is.
type Progress struct {
	Done  uint64  `json:"done"`  // blocks
	Need  uint64  `json:"need"`  // blocks
	Bytes uint64  `json:"bytes"` // content bytes delivered or taken in
	Size  uint64  `json:"size"`  // content bytes in all; 0 = not known yet
	Rate  float64 `json:"rate"`  // content bytes per second of late
}

// Jobs is the answer to GET jobs.
type Jobs struct {
	Jobs []Job `json:"jobs"`
}

func newJob(s jobs.Snapshot) Job {
	j := Job{
		ID: s.ID, Kind: s.Kind, State: s.State, Folder: s.Folder, Name: s.Name,
		Created: s.Created, Started: s.Started, Ended: s.Ended,
		Progress: Progress{Done: s.Progress.Done, Need: s.Progress.Need, Bytes: s.Progress.Bytes, Size: s.Progress.Size, Rate: s.Rate},
		Size:     s.Size, MIME: s.MIME,
	}
	if s.URI.Type != 0 {
		j.URI = s.URI.Encode()
	}
	if s.Obstacle != nil {
		j.Obstacle = s.Obstacle.Error()
	}
	if s.Err != nil {
		j.Error = newError(s.Err)
	}
	return j
}
