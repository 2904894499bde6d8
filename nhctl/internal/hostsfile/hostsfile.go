// Package hostsfile is the form of a hosts file: pure functions of its text. Names that others have put there stay
// theirs, and so do the computer's own.
package hostsfile

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

// maxLines limits the part of a hosts file that is nhctl's.
const maxLines = 20_000

// Path is where this system has its hosts file.
func Path() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("SystemRoot"), "System32", "drivers", "etc", "hosts")
	}
	return "/etc/hosts"
}

// Line is one line: names of an address.
type Line struct {
	Address netip.Addr `json:"address"`
	Names   []string   `json:"names"`
}

// Check says why lines are none that nhctl writes: they name loopback alone, and have names that DNS could have.
func Check(lines []Line) error {
	if len(lines) > maxLines {
		return fmt.Errorf("%d lines for the hosts file: the limit is %d", len(lines), maxLines)
	}
	for _, l := range lines {
		if !l.Address.IsLoopback() || len(l.Names) == 0 {
			return fmt.Errorf("a line for the hosts file with the address %s and %d names", l.Address, len(l.Names))
		}
		for _, name := range l.Names {
			if len(validation.IsDNS1123Subdomain(name)) > 0 {
				return fmt.Errorf("%q is no name for the hosts file", name)
			}
		}
	}
	return nil
}

// Put returns the text of a hosts file with lines as nhctl's part with an id, less the names that others have: those of
// other lines, and those of the computer itself.
func Put(text, id string, lines []Line, hostname string) string {
	theirs := Names(sharedfile.Original(text))
	theirs[strings.ToLower(hostname)] = true
	for _, name := range []string{"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"} {
		theirs[name] = true
	}
	taken := func(name string) bool { return theirs[strings.ToLower(name)] }
	var part []string
	for _, l := range lines {
		names := slices.DeleteFunc(slices.Clone(l.Names), taken)
		if len(names) > 0 {
			part = append(part, l.Address.String()+"\t"+strings.Join(names, " "))
		}
	}
	return sharedfile.Put(text, id, part)
}

// Names are those that a text has, in lower case.
func Names(text string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		for _, word := range words[min(1, len(words)):] {
			all[strings.ToLower(word)] = true
		}
	}
	return all
}
