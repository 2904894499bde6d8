// Package buildinfo holds what the build stamps into nhctl and the sidecar, so that both ends name the same version.
package buildinfo

// Set with -ldflags -X by the Makefile; the zero values are those of a plain `go build`.
var (
	// Version is the release, with a content hash of the sources between releases.
	Version = "devel"
	// SidecarImage is the image that twins plant the sidecar from, unless flag, config or environment name another.
	SidecarImage = "ghcr.io/nhctl/sidecar:devel"
)
