//go:build !unix

package main

import "os/exec"

// detach does nothing: here a process does not end with the terminal that started it.
func detach(*exec.Cmd) {}
