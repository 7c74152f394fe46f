package api

import "time"

// Status is the answer to GET status.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	FProxy  string    `json:"fproxy"`
	State   string    `json:"state"` // of the store: "open"; "locked" or "opening": then there is nothing to say of what follows
	Peers   PeerCount `json:"peers"`
	Store   Store     `json:"store"`
	Traffic Traffic   `json:"traffic"`
	Jobs    int       `json:"jobs"`              // jobs that are open
	Trouble []string  `json:"trouble,omitempty"` // what was damaged or is lost, and why the store takes no blocks, for people
	// OnionHops is 0 if requests go to the network directly; then OriginatorHidden is false.
	OnionHops        int   `json:"onion_hops"`
	OriginatorHidden bool  `json:"originator_hidden"`
	Onion            Onion `json:"onion"`
}

// Onion is what there is to hide the originator with.
type Onion struct {
	Relays int `json:"relays"` // other nodes that can be part of a circuit
	// Unreached counts other nodes that are known and not reached yet, or not any more.
	Unreached int      `json:"unreached"`
	Missing   int      `json:"missing"`  // how many more are needed before a circuit can be built
	Guards    int      `json:"guards"`   // relays that circuits begin with; which ones is not told
	Ready     int      `json:"ready"`    // circuits that wait for use
	InUse     int      `json:"in_use"`   // circuits that carry requests
	Building  int      `json:"building"` // circuits that are being built
	Built     uint64   `json:"built"`    // circuits that were built since the start
	Links     int      `json:"links"`    // connections that exist for circuits alone
	Steady    bool     `json:"constant_rate"`
	Obstacle  string   `json:"obstacle,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
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
	Quota  int64 `json:"quota"`  // of the disk
	Usable int64 `json:"usable"` // what bytes may become
}

// Quota is the body of POST store/quota, and its answer.
type Quota struct {
	Quota int64 `json:"quota"`
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

// URI is a question about a URI, and an answer that is one.
type URI struct {
	URI string `json:"uri"`
}

// Passphrase is the body of POST store/unlock.
type Passphrase struct {
	Passphrase string `json:"passphrase"`
}

// Passphrases is the body of POST store/passphrase. None is the empty one.
type Passphrases struct {
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// SiteName is the body of POST sites and the answer to DELETE sites/{name}.
type SiteName struct {
	Name string `json:"name"`
}

// Site is a site of the node's user. Its insert key is never told.
type Site struct {
	Name       string `json:"name"`
	URI        string `json:"uri"`                   // asks for the newest edition
	Edition    int64  `json:"edition"`               // that is known to be the newest; -1 = none
	EditionURI string `json:"edition_uri,omitempty"` // of that edition
	Published  string `json:"published,omitempty"`   // the day of the last one from here, like 2026-11-24
	Files      int    `json:"files"`
	Size       uint64 `json:"size"`
	Folder     string `json:"folder,omitempty"` // that it was published from
}

// Sites is the answer to GET sites.
type Sites struct {
	Sites   []Site `json:"sites"`
	Trouble string `json:"trouble,omitempty"` // sites that cannot be read, for people
}

// SealedSite is the body of POST sites/import and, without the text, of POST sites/{name}/export; the answer to that is the text alone.
type SealedSite struct {
	Sealed     string `json:"sealed,omitempty"`
	Passphrase string `json:"passphrase,omitempty"`
}
