package datadir

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"nightjar/crypto"
	"nightjar/routing/wire"
)

const (
	identityFile = "identity"
	portFile     = "port"
	quotaFile    = "quota"
	peersFile    = "peers"
	circuitsFile = "circuits"
	saidFile     = "descriptor"
	storeDir     = "store"
	tokenFile    = "api-token"
	endpointFile = "node.json"
)

const (
	maxFile       = 1 << 20   // no file that is read here is ever larger, but for circuits
	maxCircuits   = 256 << 20 // 200 000 relays
	maxPeers      = 512       // references kept over a restart
	maxAside      = 20        // files of known relays that could not be used
	tokenSize     = 32
	identityStart = "nightjar-identity-1:"
)

var (
	// ErrIdentity reports an identity file that is damaged or that other users can read.
	ErrIdentity = errors.New("bad identity file")
	// ErrAbsent reports that the directory holds no such file: nothing was written there yet, or no node is running.
	ErrAbsent = errors.New("not in the data directory")
)

// Dir is a data directory.
type Dir struct {
	path string
	key  *crypto.Key // of its private files; nil = they are not sealed
}

// At names the directory at path, which need not exist.
func At(path string) Dir { return Dir{path: path} }

// Create makes the directory unless it exists.
func Create(path string) (Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return Dir{}, fmt.Errorf("make the data directory: %w", err)
	}
	return Dir{path: path}, nil
}

// Path is the directory's path.
func (d Dir) Path() string { return d.path }

// Store is the path of the block store's directory.
func (d Dir) Store() string { return filepath.Join(d.path, storeDir) }

// Identity reads the node's identity key; at the first start it makes one. The error wraps ErrIdentity if the file is not usable.
func (d Dir) Identity() (ed25519.PrivateKey, error) {
	key, err := d.readIdentity()
	if !errors.Is(err, ErrAbsent) {
		return key, err
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand ends the program instead
	text := identityStart + base64.RawURLEncoding.EncodeToString(seed) + "\n"
	clear(seed)
	if err := d.create(identityFile, []byte(text)); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write the identity: %w", err)
	}
	return d.readIdentity()
}

func (d Dir) readIdentity() (ed25519.PrivateKey, error) {
	b, err := d.read(identityFile)
	if errors.Is(err, ErrSealed) {
		return nil, fmt.Errorf("%w: %w; its store is the only one that opens it: bring that back, or delete %s to become a new node", ErrIdentity, err,
			strings.Join(private(), ", "))
	}
	if err != nil {
		return nil, err
	}
	defer clear(b)
	name := filepath.Join(d.path, identityFile)
	if open, err := othersCanRead(name); err != nil || open {
		return nil, errors.Join(err, fmt.Errorf("%w: %s can be read by other users; make it private (chmod 600) or, if it may have been copied, delete it", ErrIdentity, name))
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(b)), identityStart)
	seed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s is damaged; restore it from a copy, or delete it to become a new node", ErrIdentity, name)
	}
	defer clear(seed)
	return ed25519.NewKeyFromSeed(seed), nil
}

// othersCanRead looks at the mode bits, which mean nothing on Windows.
func othersCanRead(name string) (bool, error) {
	info, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0, nil
}

// Port reads the port that was drawn at the first start, or ErrAbsent.
func (d Dir) Port() (uint16, error) {
	b, err := d.read(portFile)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%s holds no port number; delete it to draw a new one", filepath.Join(d.path, portFile))
	}
	return uint16(port), nil
}

// SavePort keeps the port for the next starts.
func (d Dir) SavePort(port uint16) error {
	return d.write(portFile, fmt.Appendf(nil, "%d\n", port))
}

// Quota reads how many bytes the store may take, or ErrAbsent if nobody has said it.
func (d Dir) Quota() (int64, error) {
	b, err := d.read(quotaFile)
	if errors.Is(err, ErrSealed) { // a guess that is too small would cost blocks
		return 0, fmt.Errorf("%w; delete it, or say --store-size", err)
	}
	if err != nil {
		return 0, err
	}
	quota, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || quota <= 0 {
		return 0, fmt.Errorf("%s holds no number of bytes; delete it, or say --store-size", filepath.Join(d.path, quotaFile))
	}
	return quota, nil
}

// SaveQuota keeps it for the next starts.
func (d Dir) SaveQuota(quota int64) error {
	return d.write(quotaFile, fmt.Appendf(nil, "%d\n", quota))
}

// Peers reads the references that were saved. Lines that are not understood are left out; a directory without the file has none.
func (d Dir) Peers() ([]wire.Descriptor, error) {
	b, err := d.read(peersFile)
	if errors.Is(err, ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	peers, _ := ParseRefs(string(b))
	return peers, nil
}

// ParseRefs reads node references, one a line, and stops at the most that a node keeps. Empty lines and lines that begin
// with # mean nothing; bad counts the lines that are not understood.
func ParseRefs(text string) (peers []wire.Descriptor, bad int) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		d, err := wire.ParseRef(line)
		if err != nil {
			bad++
			continue
		}
		if peers = append(peers, d); len(peers) == maxPeers {
			break
		}
	}
	return peers, bad
}

// SavePeers replaces the saved references; those first in order are kept if there are too many.
func (d Dir) SavePeers(peers []wire.Descriptor) error {
	var b strings.Builder
	for _, p := range peers[:min(len(peers), maxPeers)] {
		b.WriteString(p.Ref())
		b.WriteByte('\n')
	}
	return d.write(peersFile, []byte(b.String()))
}

// Circuits reads what the node knows of relays, or nil if nothing was saved. It is secret.
func (d Dir) Circuits() ([]byte, error) {
	b, err := d.readUpTo(circuitsFile, maxCircuits)
	if errors.Is(err, ErrAbsent) {
		return nil, nil
	}
	return b, err
}

// SaveCircuits replaces it.
func (d Dir) SaveCircuits(b []byte) error { return d.write(circuitsFile, b) }

// SetAsideCircuits gives a file that cannot be used another name, which it returns: it may be of use to whoever finds out what
// damaged it. It overwrites no earlier one, unless there are maxAside; then the last.
func (d Dir) SetAsideCircuits() (name string, err error) {
	for i := 1; ; i++ {
		name = filepath.Join(d.path, circuitsFile+".damaged")
		if i > 1 {
			name += "-" + strconv.Itoa(i)
		}
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) || i == maxAside {
			return name, os.Rename(filepath.Join(d.path, circuitsFile), name)
		}
	}
}

// Descriptor reads what the node last said of itself, or nil if nothing was saved or it cannot be read: it only makes what the node
// says after a restart newer.
func (d Dir) Descriptor() []byte {
	b, err := d.read(saidFile)
	if err != nil {
		return nil
	}
	return b
}

// SaveDescriptor replaces it.
func (d Dir) SaveDescriptor(b []byte) error { return d.write(saidFile, b) }

// NewToken draws a bearer token for the control API and writes it where only this user's commands can read it. A new token at
// every start means that one which leaked dies with its node.
func (d Dir) NewToken() (string, error) {
	var b [tokenSize]byte
	rand.Read(b[:])
	token := hex.EncodeToString(b[:])
	if err := d.write(tokenFile, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("write the API token: %w", err)
	}
	return token, nil
}

// Token reads the running node's token, or ErrAbsent.
func (d Dir) Token() (string, error) {
	b, err := d.read(tokenFile)
	return strings.TrimSpace(string(b)), err
}

// read reads a file of the directory; the error wraps ErrAbsent if it is not there.
func (d Dir) read(name string) ([]byte, error) { return d.readUpTo(name, maxFile) }

// sealedMore bounds what sealing adds to a file.
func sealedMore(limit int64) int64 { return limit + limit/8 + 2*minClass }

func (d Dir) readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.path, name), ErrAbsent)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > sealedMore(limit) {
		return nil, fmt.Errorf("%s is larger than %d bytes", f.Name(), limit) // before memory is taken for it
	}
	b, err := io.ReadAll(io.LimitReader(f, sealedMore(limit)+1))
	if err == nil {
		b, err = d.open(name, b)
	}
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", f.Name(), limit)
	}
	return b, err
}
