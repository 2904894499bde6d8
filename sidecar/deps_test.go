package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The sidecar runs in other people's pods: it stays small, and links nothing that could talk to an API server.
func TestDependencies(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "-tags", "noassets,noquic,noupgrade", ".")
	list.Env = append(os.Environ(), "GOOS=linux")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for forbidden, reason := range map[string]string{
		"k8s.io/": "the sidecar has no business with the API server, and client-go alone is " +
			"bigger than all of it",
		"github.com/spf13/cobra":        "the standard library's flags are enough",
		"github.com/go-delve/":          "debuggers belong to the dev image",
		"github.com/nhctl/nhctl/nhctl/": "shared code lives in sidecar/",
	} {
		for pkg := range strings.Lines(string(out)) {
			if strings.HasPrefix(pkg, forbidden) {
				t.Errorf("the sidecar links %s: %s", strings.TrimSpace(pkg), reason)
			}
		}
	}
}

// The rooms of sync know nothing of what is above them: the compiler refuses imports of filesync itself, and this the
// rest.
func TestRoomsOfSync(t *testing.T) {
	t.Parallel()
	const (
		module    = "github.com/nhctl/nhctl/sidecar/"
		syncthing = "github.com/syncthing/syncthing/lib/"
	)
	model := map[string]string{
		syncthing + "model": "the engine alone runs the model",
		module + "wire":     "streams are given by whoever has a carrier",
	}
	for room, forbidden := range map[string]map[string]string{
		"filesync/fill":     model,
		"filesync/folderfs": model,
		"filesync/ignore":   {syncthing + "model": "rules are about names and git's files"},
		"filesync/kept":     {syncthing: "versions are plain files"},
		"filesync/rooted":   {syncthing: "it is about directories", module + "contract": "it knows nothing of pods"},
	} {
		t.Run(room, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command("go", "list", "-deps", "-tags", "noassets,noquic,noupgrade", "./"+room).Output()
			if err != nil {
				t.Fatal(err)
			}
			for pkg := range strings.Lines(string(out)) {
				for prefix, reason := range forbidden {
					if strings.HasPrefix(pkg, prefix) {
						t.Errorf("it links %s: %s", strings.TrimSpace(pkg), reason)
					}
				}
			}
		})
	}
}
