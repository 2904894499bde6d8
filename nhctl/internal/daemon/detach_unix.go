//go:build unix

package daemon

import "syscall"

// detached starts a process that the terminal's end does not reach.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
