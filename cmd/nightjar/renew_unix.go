//go:build unix

package main

import (
	"os"
	"syscall"
)

func renewal() func(proxy string) error { return renew }

// renew replaces this process by a new one of the same program, with the same number, files and terminal, and none of its memory: keys and what they
// opened lie about there in copies that nobody can find to overwrite. It returns only if that fails.
func renew(proxy string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, append(os.Args, "--locked", "--fproxy", proxy), os.Environ())
}
