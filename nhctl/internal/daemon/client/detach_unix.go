//go:build unix

package client

import (
	"syscall"
)

// detached starts a process that the terminal's end does not reach.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
