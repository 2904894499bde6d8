package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The sidecar runs in other people's pods: it stays small, and links nothing that could talk to an API server.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-tags", "noassets,noquic,noupgrade", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for forbidden, reason := range map[string]string{
		"k8s.io/":                       "the sidecar has no business with the API server, and client-go alone is bigger than all of it",
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
