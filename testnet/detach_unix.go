//go:build unix

package testnet

import (
	"os/exec"
	"syscall"
)

// detach keeps a Ctrl-C at the terminal from the node: it is for the process that runs the network, which then stops the nodes in order.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
