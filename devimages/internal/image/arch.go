package image

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Arch is a processor architecture that images are made for. Go and Debian call it the same.
type Arch string

// The architectures that images are made for, all of them for Linux.
const (
	AMD64 Arch = "amd64"
	ARM64 Arch = "arm64"
)

// Host is the architecture of this machine.
func Host() Arch { return Arch(runtime.GOARCH) }

// Arches are the architectures that an image can be made for here.
func (d Definition) Arches() []Arch {
	// npm takes the packages of the machine that it runs on, and busybox itself says which tools it has.
	if slices.ContainsFunc(d.Layers, func(l Layer) bool { return l.NpmPackages != nil || l.Busybox != "" }) {
		return []Arch{Host()}
	}
	return []Arch{AMD64, ARM64}
}

// ParsePlatform returns the architecture of a platform such as linux/arm64.
func ParsePlatform(platform string) (Arch, error) {
	arch, linux := strings.CutPrefix(platform, "linux/")
	if a := Arch(arch); linux && (a == AMD64 || a == ARM64) {
		return a, nil
	}
	return "", fmt.Errorf("no image is made for the platform %q; the platforms are linux/%s and linux/%s", platform,
		AMD64, ARM64)
}

// Target is an image, and the architectures to make it for.
type Target struct {
	Definition
	Arches []Arch
}
