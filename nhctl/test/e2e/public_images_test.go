//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger/carried"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// debuggers is the directory of caches where this computer keeps its debuggers for pods. The first scenario that needs
// them has delve built there, which takes minutes where Go has to compile all of it; it is still there in the next run.
var debuggers = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return "", err
	}
	dirs := userdirs.Dirs{Cache: filepath.Join(cache, "nhctl")}
	delve := carried.Delve{
		Store: carried.Store{Dir: dirs.Tools(), Env: os.Environ()},
		Go:    goCommand,
		Arch:  runtime.GOARCH,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	_, err = delve.Make(ctx)
	return cache, err
})

// keepsDebuggers gives a developer the debuggers of this computer.
func (d *developer) keepsDebuggers() {
	d.t.Helper()
	cache, err := debuggers()
	if err != nil {
		d.t.Fatal(err)
	}
	d.env = append(d.env, "XDG_CACHE_HOME="+cache)
}

// goes also gives them the Go settings of this computer: where its caches are, and its module proxy. The containers
// of scenarios that need them have no caches, so that commands may take longer.
func (d *developer) goes() {
	d.t.Helper()
	d.keepsDebuggers()
	d.limit = 3 * commandLimit
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
// With the variables that `nhctl config init` writes, Go's caches are in a volume; without them, in a home that ends
// with the pod.
func TestPublicImages(t *testing.T) {
	t.Parallel()
	const stranger = 4711 // in no image's /etc/passwd
	for name, tt := range map[string]struct {
		image, cache string
		dev          string // of the config; without one, there is none
	}{
		"Alpine, with caches in a volume": {
			image: "docker.io/library/golang:1.26-alpine",
			cache: "/home/dev/.cache/go-build",
			dev: "persistentVolumeDirs: [{path: /home/dev/.cache, capacity: 1Mi}], " +
				"env: [{name: GOCACHE, value: /home/dev/.cache/go-build}], ",
		},
		"a user without a home": {
			image: "ghcr.io/nhctl/test-shape-nonroot:v0.1.0",
			cache: "/.nhctl/run/home/.cache/go-build",
		},
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
			if tt.dev != "" {
				write(t, filepath.Join(src, ".dev", "config.yaml"), "name: catalog\ncontainers:\n"+
					"- {name: catalog, dev: {"+tt.dev+"image: \""+tt.image+"\"}}\n")
			} else { // the daemon builds the debugger itself, from Go's warm cache
				dev.env = append(dev.env, "XDG_CACHE_HOME="+filepath.Join(dev.home, "cache"))
			}
			dev.must(src, "dev", "start", "deploy/catalog", "--dir", ".", "--image", tt.image, "--no-terminal")
			home, err := dev.inPod(src, "sh", "-c", "echo kept > $HOME/mine && cd && cat mine && pwd")
			if err != nil || !strings.HasPrefix(home, "kept\n/.nhctl/run/home") {
				t.Errorf("the user's home: %q, %v", home, err)
			}
			s := dev.begin(src, true, "dev", "terminal")
			s.say("go env GOVERSION GOCACHE | sed s/^/found:/; exit\n")
			s.until("found:go1.")
			s.until("found:" + tt.cache)
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
			if out, err := dev.inPod(src, "touch", tt.cache+"/mine"); err != nil {
				t.Errorf("Go's cache: %s %v", out, err)
			}
			debuggedAgain(t, dev, ns, src)
			serviceAnswers(t, ns, "catalog", "/books", scenario.want)
			if out, err := dev.inPod(src, "ls", tt.cache+"/mine"); (err == nil) != (tt.dev != "") {
				t.Errorf("Go's cache in the next pod: %s %v", out, err)
			}
			dev.must(src, "dev", "end", "deploy/catalog")
			shared.restoredBut(t, ns, before, "persistentvolumeclaims")
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
