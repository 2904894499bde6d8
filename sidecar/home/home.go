// Package home lets programs start where the environment names no home directory, as in some services, containers and
// jobs: syncthing's lib/locations looks for one while the program is initialized, and would end it there.
//
// Go initializes packages by their import paths, as far as their own imports allow
// (https://go.dev/ref/spec#Program_initialization): this one comes before syncthing's, since it imports next to
// nothing.
package home

import (
	"os"
	"runtime"
)

// missing says that the environment named none.
var missing = pretend()

// variable is where programs look for the home directory.
func variable() string {
	if runtime.GOOS == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

// pretend names one until Restore, where there is none. Nothing is written there.
func pretend() bool {
	if os.Getenv(variable()) != "" {
		return false
	}
	return os.Setenv(variable(), os.TempDir()) == nil
}

// Restore leaves the environment as it was. Programs call it first of all.
func Restore() {
	if missing {
		_ = os.Unsetenv(variable())
	}
}
