package rpc

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// Protocol is the number of this protocol. It grows when a change would break clients of the number before.
const Protocol = 1

// Build names a build of nhctl. Builds have an order, so that two of them used in turn agree on whose daemon serves
// both.
type Build struct {
	// Protocol is the number of the protocol that it speaks; 0 for builds before there were numbers.
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	// Built is the time of the program's file, which orders builds of one release.
	Built time.Time `json:"built"`
}

// ThisBuild is the program that runs.
func ThisBuild() Build {
	b := Build{Protocol: Protocol, Version: buildinfo.Version}
	if self, err := os.Executable(); err == nil {
		if info, err := os.Stat(self); err == nil {
			b.Built = info.ModTime().UTC()
		}
	}
	return b
}

// Newer says whether a build is newer than another one. Of two builds with different versions exactly one is.
func (b Build) Newer(o Build) bool {
	if b.Version == o.Version {
		return false
	}
	return cmp.Or(
		cmp.Compare(b.Protocol, o.Protocol),
		compareReleases(b.Version, o.Version),
		b.Built.Compare(o.Built),
		cmp.Compare(b.Version, o.Version),
	) > 0
}

// compareReleases compares two versions such as v0.1.0 or v0.1.0+3f2a, without what follows the plus sign.
func compareReleases(a, b string) int {
	first, second := numbers(a), numbers(b)
	for i := range first {
		if c := cmp.Compare(first[i], second[i]); c != 0 {
			return c
		}
	}
	return 0
}

// numbers are the three numbers of a version; those that are missing are 0.
func numbers(version string) (list [3]int) {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "+")
	for i, text := range strings.SplitN(version, ".", len(list)) {
		list[i], _ = strconv.Atoi(text)
	}
	return list
}

// Initialize introduces a client.
type Initialize struct {
	Build Build `json:"build"`
}

// Initialized introduces the daemon: a client whose build is newer replaces it, and every other one is served.
type Initialized struct {
	Build Build `json:"build"`
	// Capabilities are what it can do beyond the first build of its protocol.
	Capabilities []string `json:"capabilities"`
}

// The capabilities.
const (
	// CanCancelOne says that Cancel takes the id of a call.
	CanCancelOne = "cancel.one"
	// NamesCalls says that events name their call.
	NamesCalls = "events.call"
	// CanSubscribe says that there are subscriptions.
	CanSubscribe = "subscribe"
)

// Capabilities are those of this build.
func Capabilities() []string { return []string{CanCancelOne, NamesCalls, CanSubscribe} }

// Cancel asks to undo calls of this connection. As a call, it is answered once that is done.
type Cancel struct {
	// ID is that of the call, as JSON; without it all calls are meant.
	ID string `json:"id,omitempty"`
}
