package kube

import "os/exec"

// ownGroup does nothing: the program alone is ended, and its output is no longer waited for.
func ownGroup(*exec.Cmd) {}
