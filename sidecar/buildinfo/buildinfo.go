// Package buildinfo holds what the build stamps into nhctl and the sidecar, so that both ends are of the same build.
package buildinfo

// Set with -ldflags -X by the Makefile; the zero values are those of a plain `go build`.
var (
	// Version is the release, with a content hash of the sources between releases.
	Version = "devel"
	// Sidecar is the version of the sidecar that nhctl carries; empty means that it carries none.
	Sidecar = ""
	// SidecarImage is the image that twins plant the sidecar from, unless flag, config or environment name another.
	// It is empty where no registry has one of this build.
	SidecarImage = ""
)
