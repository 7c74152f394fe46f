//go:build !unix

package datadir

// SyncDir does nothing: the system offers no way to sync a directory.
func SyncDir(path string) error { return nil }
