//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// goes gives a developer the Go settings of this computer: where its caches are, and its module proxy.
func (d *developer) goes() {
	d.t.Helper()
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOMODCACHE", "GOCACHE", "GOTOOLCHAIN"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			d.t.Fatal(err)
		}
		d.env = append(d.env, name+"="+strings.TrimSpace(string(value)))
	}
}

// Images of the shape of public ones, with neither a debugger nor a home for the pod's user, and with no shell but
// busybox's: Go builds there, the debugger comes from this computer, also into the next pod, and stops the program.
func TestPublicImages(t *testing.T) {
	t.Parallel()
	const stranger = 4711 // in no image's /etc/passwd
	for name, image := range map[string]string{
		"Alpine":                "docker.io/library/golang:1.26-alpine",
		"a user without a home": "ghcr.io/nhctl/test-shape-nonroot:v0.1.0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atShop(t)
			shared.patchDeployment(t, ns, "catalog", fmt.Sprintf(`{"spec":{"template":{"spec":{`+
				`"securityContext":{"runAsUser":%d},"containers":[`+
				`{"name":"catalog","resources":{"limits":{"memory":"1Gi"}}}]}}}}`, stranger))
			shared.settled(t, ns, 1)
			before := shared.mustSnapshot(t, ns)
			dev.goes()
			if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
				t.Fatal(err)
			}
			dev.must(src, "dev", "start", "deploy/catalog", "--dir", ".", "--image", image, "--no-terminal")
			home, err := dev.inPod(src, "sh", "-c", "echo kept > $HOME/mine && cd && cat mine && pwd")
			if err != nil || !strings.HasPrefix(home, "kept\n/.nhctl/run/home") {
				t.Errorf("the user's home: %q, %v", home, err)
			}
			s := dev.begin(src, true, "dev", "terminal")
			s.say("go env GOVERSION | sed s/^/found:/; exit\n")
			s.until("found:go1.")
			s.code()
			d := outcome[event.DebugData](dev, src, "dev", "debug")
			serviceAnswers(t, ns, "catalog", "/books", "The Go Programming Language")
			scenario := debugged{
				service: "catalog", language: "go", attach: attachDelve, path: "/books",
				want: "The Go Programming Language", expression: "books[0].Title", value: "The Go Programming Language",
			}
			file := filepath.Join(src, "main.go")
			line := lineOf(t, file, "hostname, _ := os.Hostname()")
			scenario.stops(t, ns, d, file, line, scenario.want, func() {})
			debuggedAgain(t, dev, ns, src)
			serviceAnswers(t, ns, "catalog", "/books", scenario.want)
			dev.must(src, "dev", "end", "deploy/catalog")
			shared.restored(t, ns, before)
		})
	}
}

// The sources choose an image of their version, and say why. A pod that lets no one be root, and names no user, gets
// one.
func TestChosenImage(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	shared.patchDeployment(t, ns, "catalog", `{"spec":{"template":{"spec":{"securityContext":{"runAsUser":null}}}}}`)
	shared.settled(t, ns, 1)
	before := shared.mustSnapshot(t, ns)
	if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(src, "go.mod"), "go 1.24", "go 1.26")
	r := dev.nhctl(src, "dev", "start", "deploy/catalog", "--dir", ".", "--image", "auto", "--no-terminal")
	const why = "the dev image is docker.io/library/golang:1.26, as go.mod says go 1.26"
	if r.code != 0 || !strings.Contains(r.stdout+r.stderr, why) {
		t.Fatalf("%s", r)
	}
	if s := query[rpc.Session](dev, src, "dev", "status"); s.Image != "docker.io/library/golang:1.26" {
		t.Errorf("the sources chose %s", s.Image)
	}
	if out, err := dev.inPod(src, "id", "-u"); err != nil || out != "1000\n" {
		t.Errorf("it runs as %q, %v", out, err)
	}
	dev.must(src, "dev", "end", "deploy/catalog")
	shared.restored(t, ns, before)
}

// Without any shell, programs run, and a terminal says what is missing.
func TestDistroless(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal", "--image", "ghcr.io/nhctl/test-shape-distroless:v0.1.0")
	dev.must(src, "dev", "run", "--", "/catalog")
	if c := dev.ran(src, "run"); c.State != "running" {
		t.Errorf("%+v", c)
	}
	s := dev.begin(src, true, "dev", "terminal")
	s.until("the image has no shell")
	if code := s.code(); code == 0 {
		t.Error("it says that the terminal was fine")
	}
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}
