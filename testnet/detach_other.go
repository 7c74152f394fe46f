//go:build !unix

package testnet

import "os/exec"

// detach does nothing where there are no process groups: a Ctrl-C then reaches the nodes as well, which stop cleanly.
func detach(*exec.Cmd) {}
