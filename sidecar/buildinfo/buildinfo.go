// Package buildinfo holds what the build stamps into nhctl and the sidecar, so that both ends are of the same build.
package buildinfo

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// version is set with -ldflags -X by the Makefile.
var version string

// Version is the release, with a content hash of the sources between releases. Without a stamp it is the version that
// Go knows of the module: `go install` has one, and `go build` in a checkout with git.
var Version = cmp.Or(version, moduleVersion())

// Set with -ldflags -X by the Makefile; the zero values are those of a plain `go build`.
var (
	// Sidecar is the version of the sidecar that nhctl carries; empty means that it carries none.
	Sidecar = ""
	// SidecarImage is the image that twins plant the sidecar from, unless flag, config or environment name another.
	// It is empty where no registry has one of this build.
	SidecarImage = ""
	// SidecarReference is the name that an image of this very sidecar has or would have, wherever one is: between
	// releases it ends in a hash of the sidecar's binaries.
	SidecarReference = ""
)

func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasPrefix(info.Main.Version, "v") {
		return "devel"
	}
	return info.Main.Version
}
