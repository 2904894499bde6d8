package main

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module    = "github.com/nhctl/nhctl/sidecar"
	syncthing = "github.com/syncthing/syncthing/lib/"
)

// links maps packages to all that they link, in the sidecar.
func links(t *testing.T, packages ...string) map[string][]string {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-tags", "noassets,noquic,noupgrade", "-f",
		`{{.ImportPath}} {{join .Deps " "}}`}, packages...)...)
	list.Env = append(os.Environ(), "GOOS=linux")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		all[words[0]] = words[1:]
	}
	return all
}

// The sidecar runs in other people's pods: it stays small, and links nothing that could talk to an API server. The
// rooms of sync know nothing of what is above them: the compiler refuses imports of filesync itself, and this the rest.
func TestDependencies(t *testing.T) {
	t.Parallel()
	model := map[string]string{
		syncthing + "model": "the engine alone runs the model",
		module + "/wire":    "streams are given by whoever has a carrier",
	}
	rules := map[string]map[string]string{
		module: {
			"k8s.io/": "the sidecar has no business with the API server, and client-go alone is " +
				"bigger than all of it",
			"github.com/spf13/cobra":        "the standard library's flags are enough",
			"github.com/go-delve/":          "debuggers belong to the dev image",
			"github.com/nhctl/nhctl/nhctl/": "shared code lives in sidecar/",
		},
		module + "/filesync/fill":     model,
		module + "/filesync/folderfs": model,
		module + "/filesync/ignore":   {syncthing + "model": "rules are about names and git's files"},
		module + "/filesync/kept":     {syncthing: "versions are plain files"},
		module + "/filesync/rooted": {
			syncthing:            "it is about directories",
			module + "/contract": "it knows nothing of pods",
		},
	}
	all := links(t, slices.Collect(maps.Keys(rules))...)
	for room, forbidden := range rules {
		if len(all[room]) == 0 {
			t.Errorf("%s links nothing: is it there?", room)
		}
		for _, pkg := range all[room] {
			for prefix, reason := range forbidden {
				if strings.HasPrefix(pkg, prefix) {
					t.Errorf("%s links %s: %s", room, pkg, reason)
				}
			}
		}
	}
}
