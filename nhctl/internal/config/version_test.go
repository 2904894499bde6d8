package config

import (
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// A config of a newer version is refused as a whole, from the cluster as from a folder: nothing else is said of it.
func TestVersion(t *testing.T) {
	t.Parallel()
	const newer = "a newer nhctl wrote this config: it is of version v3, and this nhctl reads up to v2; " +
		"install the version of nhctl"
	for name, tt := range map[string]struct{ head, fails string }{
		"none":            {"", ""},
		"blank":           {"configProperties: {version: }\n", ""},
		"its own":         {"configProperties: {version: v2}\n", ""},
		"with a kind":     {"configProperties: {kind: nhctl-config, version: v2}\n", ""},
		"a number":        {"configProperties: {version: 2}\n", ""},
		"older":           {"configProperties: {version: v1}\n", ""},
		"newer":           {"configProperties: {version: v3, color: red}\ntunnels: [{from: a}]\n", newer},
		"newer, a number": {"configProperties: {version: 3}\n", newer},
		"no version":      {"configProperties: {version: latest}\n", `version: want v2, got the text "latest"`},
		"another kind":    {"configProperties: {kind: other}\n", "kind: want one of nhctl-config"},
	} {
		text := tt.head + "name: web\ncontainers:\n- dev: {image: golang}\n"
		for where, load := range map[string]func() (*File, error){
			"in a folder": func() (*File, error) {
				f := Check("/src/.dev/config.yaml", []byte(text), Options{})
				return f, f.Problem()
			},
			"in the cluster": func() (*File, error) {
				return LoadShared("configmap/nhctl-config (config.yaml)", text,
					workload.Ref{Kind: workload.Deployment, Name: "web"}, "")
			},
		} {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				f, err := load()
				if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("it says %v", err)
				}
				if tt.fails == newer && (len(f.Findings) != 1 || len(f.Services) > 0) {
					t.Errorf("more is said of it: %s", f.Findings)
				}
			})
		}
	}
}
