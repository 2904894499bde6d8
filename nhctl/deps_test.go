package main

import (
	"os/exec"
	"strings"
	"testing"
)

// imports maps each package of a pattern to what it imports itself.
func imports(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, pattern).Output()
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

const module = "github.com/nhctl/nhctl/"

// Rooms that only some may enter, and why.
func TestImports(t *testing.T) {
	t.Parallel()
	rules := []struct {
		importer, forbidden, reason string
		but                         []string
	}{
		{module, "k8s.io/client-go", "one place talks to the API server, so that errors, credentials and limits are one place's matter", []string{module + "nhctl/internal/kube"}},
		{module + "sidecar", module + "nhctl", "the sidecar is the smaller program, and runs in other people's pods", nil},
		{module + "nhctl/internal/cli", module + "nhctl/internal/devmode", "commands parse flags and call the daemon", nil},
		{module + "nhctl/internal/workload", "net/http", "workload is pure", nil},
		{module, "k8s.io/kubernetes", "the playground's dependencies never reach the product", nil},
	}
	for pkg, list := range imports(t, module+"...") {
		for _, rule := range rules {
			if !strings.HasPrefix(pkg, rule.importer) {
				continue
			}
			for _, imported := range list {
				allowed := false
				for _, but := range rule.but {
					allowed = allowed || pkg == but
				}
				if strings.HasPrefix(imported, rule.forbidden) && !allowed {
					t.Errorf("%s imports %s: %s", pkg, imported, rule.reason)
				}
			}
		}
	}
}
