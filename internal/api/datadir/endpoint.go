package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Endpoint says where a running node is reached.
type Endpoint struct {
	PID    int    `json:"pid"`
	API    string `json:"api"`    // "http://127.0.0.1:8888/api/v1"
	FProxy string `json:"fproxy"` // "http://127.0.0.1:8888"
}

// Announce writes node.json.
func (d Dir) Announce(e Endpoint) error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", endpointFile, err)
	}
	if err := d.write(endpointFile, append(b, '\n')); err != nil {
		return fmt.Errorf("announce the node: %w", err)
	}
	return nil
}

// Withdraw removes node.json and the token.
func (d Dir) Withdraw() error {
	var errs []error
	for _, name := range []string{endpointFile, tokenFile} {
		if err := os.Remove(filepath.Join(d.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	day := today()
	_ = os.Chtimes(d.path, day, day) // when the node ended is nobody's business, and no reason to fail
	return errors.Join(errs...)
}

// Endpoint reads node.json, or ErrAbsent. A node that was killed leaves its file behind, so that the address may be dead or somebody else's.
func (d Dir) Endpoint() (Endpoint, error) {
	b, err := d.read(endpointFile)
	if err != nil {
		return Endpoint{}, err
	}
	var e Endpoint
	if err := json.Unmarshal(b, &e); err != nil {
		return Endpoint{}, fmt.Errorf("%s is damaged: %w", filepath.Join(d.path, endpointFile), err)
	}
	return e, nil
}
