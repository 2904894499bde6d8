//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Without any config, the sources say how a service is built and started, and which debugger it has; with the image
// auto, its dev image too. The program answers, and stops on a breakpoint at a local line.
func TestWithoutConfig(t *testing.T) {
	t.Parallel()
	for service, tt := range map[string]struct {
		debugged
		image, run string
		// others are files that the example goes without.
		others map[string]string
	}{
		"catalog": {image: "auto", run: "exec /tmp/catalog", debugged: debugged{
			language: "go", attach: attachDelve,
			file: "main.go", line: "hostname, _ := os.Hostname()", path: "/books", want: "The Go Programming Language",
			expression: "books[0].Title", value: "The Go Programming Language",
		}},
		"reviews": {image: "ghcr.io/nhctl/dev-python:v0.1.0", run: "exec python3 main.py", debugged: debugged{
			language: "python", attach: attachDAP,
			file: "main.py", line: `self.answer(200, {"reviews"`, path: "/reviews", want: "Read it twice.",
			expression: "self.path", value: "'/reviews'",
		}},
		"storefront": {image: "auto", run: "exec npm run dev", debugged: debugged{
			language: "node", attach: inspect,
			file: "main.js", line: "response.end('ok')", path: "/healthz", want: "ok",
			expression: "request.url", value: `"value":"/healthz"`,
		}, others: map[string]string{
			"package.json": `{"scripts": {"dev": "NODE_ENV=development node main.js"}}`,
			".nvmrc":       "18\n", // an image of the public one's shape has this name on a playground
		}},
	} {
		t.Run(tt.language, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.apply(t, ns, manifests+"settings.yaml", manifests+service+".yaml")
			// A compiler needs more than the service.
			shared.patchDeployment(t, ns, service, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[`+
				`{"name":%q,"resources":{"limits":{"memory":"1Gi"}}}]}}}}`, service))
			shared.settled(t, ns, 1)
			dev := shared.developer(t, ns)
			if tt.language == "go" {
				dev.goes()
			}
			before := shared.mustSnapshot(t, ns)
			src := dev.sources("examples/bookshop/" + service)
			if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
				t.Fatal(err)
			}
			for name, text := range tt.others {
				write(t, filepath.Join(src, name), text)
			}
			dev.must(src, "dev", "start", "deploy/"+service, "--dir", ".", "--image", tt.image, "--no-terminal")
			if r := dev.nhctl(src, "dev", "run"); r.code != 0 || !strings.Contains(r.stdout, "running: "+tt.run) {
				t.Fatalf("dev run: %s", r)
			}
			serviceAnswers(t, ns, service, tt.path, tt.want)
			tt.service = service
			d := outcome[event.DebugData](dev, src, "dev", "debug")
			if d.Language != tt.language {
				t.Errorf("debugged as %s", d.Language)
			}
			serviceAnswers(t, ns, service, tt.path, tt.want)
			file := filepath.Join(src, tt.file)
			tt.stops(t, ns, d, file, lineOf(t, file, tt.line), tt.want, func() {})
			dev.must(src, "dev", "end", "deploy/"+service)
			shared.restored(t, ns, before)
		})
	}
}
