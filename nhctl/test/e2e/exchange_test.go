//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
)

// exchanging is a shop whose Service catalog has several replicas, a developer, and a client in the cluster.
type exchanging struct {
	*developer
	ns     string
	client *http.Client
}

func newExchanging(t *testing.T) *exchanging {
	t.Helper()
	ns := shop(t)
	shared.patchDeployment(t, ns, "catalog", `{"spec":{"replicas":3}}`)
	shared.deploymentReady(t, ns, "catalog")
	dev := shared.developer(t, ns)
	dev.must("", "connect", "--socks")
	tunnels := query[[]rpc.Session](dev, "", "status")
	if len(tunnels) != 1 || tunnels[0].Tunnel == nil {
		t.Fatalf("%+v", tunnels)
	}
	return &exchanging{developer: dev, ns: ns, client: socksPort(tunnels[0].Tunnel.Port).client("socks5h")}
}

// asks asks the Service by its name, from a pod.
func (e *exchanging) asks(path string, headers ...string) (text, mark string, err error) {
	r, err := http.NewRequest(http.MethodGet, "http://catalog"+path, nil)
	if err != nil {
		return "", "", err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := e.client.Do(r)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), response.Header.Get(route.Mark), err
}

// comes waits until a text is in the answer.
func (e *exchanging) comes(t *testing.T, text, mark string, headers ...string) {
	t.Helper()
	eventually(t, time.Minute, text+" answers", func(context.Context) error {
		got, marked, err := e.asks("/books", headers...)
		as := strings.Contains(got, text) && strings.Contains(marked, mark) && (mark == "") == (marked == "")
		if err == nil && !as {
			err = fmt.Errorf("%q, %q", got, marked)
		}
		return err
	})
}

// localServer is a process of this computer, which answers with a text.
func localServer(t *testing.T, text string) (address string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	stop = func() {
		server.Close()
		<-done
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// restored waits until the namespace is as before the routes; the tunnel's Lease is renewed all the time.
func (e *exchanging) restored(t *testing.T, before snapshot) {
	t.Helper()
	shared.restoredBut(t, e.ns, before, "leases/nhctl-tunnel-")
}

const original = "Welcome to the bookshop"

// What reaches a Service comes to this computer, whatever its client, and the originals answer whenever it does not;
// no request fails in the meantime, and nothing is left.
func TestExchange(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	local, stop := localServer(t, "mine")
	e.comes(t, original, "")
	t.Run("Switching", func(t *testing.T) { e.switches(t, local) })

	e.must("", "exchange", "catalog:80:"+local)
	e.comes(t, "mine", "")
	t.Run("ByAPIServer", func(t *testing.T) {
		if text, err := shared.get(t.Context(), e.ns, "catalog", "/books"); text != "mine" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("DaemonKilled", func(t *testing.T) {
		_ = syscall.Kill(e.daemonPID(), syscall.SIGKILL)
		if _, err := shared.get(t.Context(), e.ns, "catalog", "/books"); err != nil {
			t.Error(err)
		}
		eventually(t, time.Minute, "the next daemon takes it up", func(context.Context) error {
			for _, s := range query[[]rpc.Session](e.developer, "", "status") {
				if s.Route != nil && s.Route.Reason == "" {
					return nil
				}
			}
			return errors.New("no route is up")
		})
		e.comes(t, "mine", "")
	})
	t.Run("AgentKilled", func(t *testing.T) {
		fronts := metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleFront}
		now := int64(0)
		err := shared.typed.CoreV1().Pods(e.ns).DeleteCollection(t.Context(),
			metav1.DeleteOptions{GracePeriodSeconds: &now}, fronts)
		if err != nil {
			t.Fatal(err)
		}
		e.comes(t, "mine", "")
	})
	t.Run("LocalProcessGone", func(t *testing.T) {
		stop()
		e.comes(t, original, "failed-open=refused")
	})
	e.must("", "leave", "catalog")
	e.comes(t, original, "")
	e.restored(t, before)

	t.Run("SomeoneElse", func(t *testing.T) {
		e.must("", "exchange", "catalog:80:"+local)
		_, err := shared.typed.CoreV1().Services(e.ns).Patch(t.Context(), "catalog", types.MergePatchType,
			[]byte(`{"spec":{"selector":{"app":"catalog"}}}`), metav1.PatchOptions{FieldManager: "their-gitops"})
		if err != nil {
			t.Fatal(err)
		}
		e.restored(t, before)
		if r := e.nhctl("", "leave", "catalog"); r.code == 0 || !strings.Contains(r.stderr, "their-gitops") {
			t.Errorf("no one says who it was: %s", r)
		}
	})
	e.must("", "disconnect")
}

// switches exchanges and leaves several times, while clients ask all the time.
func (e *exchanging) switches(t *testing.T, local string) {
	const clients, rounds = 4, 5
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asking sync.WaitGroup
	var mine, originals atomic.Int64
	for range clients {
		asking.Go(func() {
			for ctx.Err() == nil {
				text, mark, err := e.asks("/books")
				switch {
				case err != nil:
					t.Errorf("after %d and %d answers: %v", mine.Load(), originals.Load(), err)
					return
				case text == "mine":
					mine.Add(1)
				case mark != "":
					t.Errorf("it failed open: %s", mark)
				default:
					originals.Add(1)
				}
			}
		})
	}
	for range rounds {
		e.must("", "exchange", "catalog:80:"+local)
		e.comes(t, "mine", "") // the switch has reached the nodes
		e.must("", "leave", "catalog")
		e.comes(t, original, "")
	}
	cancel()
	asking.Wait()
	t.Logf("%d requests came here, %d to the originals", mine.Load(), originals.Load())
	if mine.Load() == 0 || originals.Load() == 0 {
		t.Error("nothing was switched")
	}
}

// Requests that match come to their developer, all others to the originals; several developers share a Service.
func TestMesh(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	other := shared.developer(t, e.ns)
	before := shared.mustSnapshot(t, e.ns)
	mine, _ := localServer(t, "mine")
	theirs, _ := localServer(t, "theirs")
	e.must("", "mesh", "catalog:80:"+mine, "--header", "x-user=ada", "--path", "^/books")
	e.comes(t, "mine", "", "x-user", "ada")
	e.comes(t, original, "", "x-user", "eve")
	e.comes(t, original, "")
	e.must("", "leave", "catalog")

	name, value := made(t, e.must("", "mesh", "catalog:80:"+mine))
	_, another := made(t, other.must("", "mesh", "catalog:80:"+theirs))
	e.comes(t, "mine", "", name, value)
	e.comes(t, "theirs", "", name, another)
	e.comes(t, "theirs", "", "baggage", "a=b,"+name+"="+another)
	e.comes(t, original, "")
	if r := other.nhctl("", "mesh", "catalog:80:"+theirs, "--header", "x-user=^a"); r.code == 0 ||
		!strings.Contains(r.stderr, "has a mesh of Service catalog") {
		t.Errorf("an overlapping mesh: %s", r)
	}
	routes := query[[]rpc.Session](e.developer, "", "status")
	for _, s := range routes {
		if s.Route != nil && (s.Route.Matched < 1 || s.Route.Passed < 3 || len(s.Route.Last) < 1) {
			t.Errorf("%+v", s.Route)
		}
	}
	other.must("", "leave", "catalog")
	e.comes(t, original, "", name, another)
	e.comes(t, "mine", "", name, value)
	e.must("", "leave")
	e.restored(t, before)
	e.must("", "disconnect")
}

// routeOf is the developer's only route.
func (e *exchanging) routeOf(t *testing.T) *rpc.Route {
	t.Helper()
	for _, s := range query[[]rpc.Session](e.developer, "", "status") {
		if s.Route != nil {
			return s.Route
		}
	}
	t.Fatal("no route is there")
	return nil
}

// A developer's own programs reach what they exchange without the cluster, and get the same answers: by a proxy, and in
// nhctl run. Where a colleague has a route, or the process is away, the front decides.
func TestExchangeDirect(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	other := shared.developer(t, e.ns)
	before := shared.mustSnapshot(t, e.ns)
	mine, stop := localServer(t, "mine")
	theirs, _ := localServer(t, "theirs")
	e.must("", "exchange", "catalog:80:"+mine, "--all")
	directly := func(ask func() string) {
		t.Helper()
		eventually(t, time.Minute, "it goes past the cluster", func(context.Context) error {
			direct := e.routeOf(t).Direct
			if got := ask(); got != "mine" || e.routeOf(t).Direct <= direct {
				return fmt.Errorf("%q, %+v", got, e.routeOf(t))
			}
			return nil
		})
	}
	run := func() string { return e.nhctl("", "run", "--", "curl", "-sS", "http://catalog/books").stdout }
	directly(run)
	t.Run("ByAddress", func(t *testing.T) {
		service, err := shared.typed.CoreV1().Services(e.ns).Get(t.Context(), "catalog", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		directly(func() string {
			return e.nhctl("", "run", "--", "curl", "-sS", "http://"+service.Spec.ClusterIP+"/books").stdout
		})
	})
	t.Run("Colleague", func(t *testing.T) {
		direct := e.routeOf(t).Direct
		if got := other.must("", "run", "--", "curl", "-sS", "http://catalog/books"); got != "mine" {
			t.Errorf("%q", got)
		}
		if r := e.routeOf(t); r.Direct != direct || r.Matched == 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("NextToAMesh", func(t *testing.T) {
		other.must("", "mesh", "catalog:80:"+theirs, "--header", "x-user=eve")
		eventually(t, time.Minute, "the front decides", func(context.Context) error {
			if r := e.routeOf(t); r.NotDirect == "" {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
		if got := e.must("", "run", "--", "curl", "-sS", "-H", "x-user: eve", "http://catalog/books"); got != "theirs" {
			t.Errorf("a colleague's request: %q", got)
		}
		other.must("", "leave", "catalog")
	})
	directly(run)
	t.Run("ProcessGone", func(t *testing.T) {
		stop()
		if got := run(); !strings.Contains(got, original) {
			t.Errorf("%q", got)
		}
	})
	e.must("", "leave", "catalog")
	other.must("", "disconnect")
	e.restored(t, before)
	e.must("", "disconnect")
}

// A mesh may lead to the developer's duplicate in the cluster: it follows that pod, and lets the originals answer
// without one.
func TestMeshDuplicate(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	src := filepath.Join(e.home, "src", "duplicate")
	write(t, filepath.Join(src, ".dev", "config.yaml"), `
name: catalog
containers:
- name: catalog
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    mode: duplicate
    command: {run: go run .}
`)
	write(t, filepath.Join(src, "go.mod"), "module duplicate\n\ngo 1.24\n")
	write(t, filepath.Join(src, "main.go"), `package main

import (
	"fmt"
	"net/http"
)

func main() {
	_ = http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "duplicate")
	}))
}
`)
	if r := e.nhctl("", "mesh", "catalog:80:dev", "--header", "x-user=ada"); r.code == 0 ||
		!strings.Contains(r.stderr, "--mode duplicate") {
		t.Errorf("without a duplicate: %s", r)
	}
	e.restored(t, before)
	e.must(src, "dev", "start", "--no-terminal")
	e.must(src, "dev", "run")
	e.must("", "mesh", "catalog:80:dev", "--header", "x-user=ada")
	e.comes(t, "duplicate", "", "x-user", "ada")
	e.comes(t, original, "", "x-user", "eve")
	t.Run("PodReplaced", func(t *testing.T) {
		session := query[rpc.Session](e.developer, src, "dev", "status")
		now := int64(0)
		at := metav1.DeleteOptions{GracePeriodSeconds: &now}
		err := shared.typed.CoreV1().Pods(e.ns).Delete(t.Context(), session.Pod, at)
		if err != nil {
			t.Fatal(err)
		}
		e.comes(t, original, "failed-open=", "x-user", "ada")
		e.comes(t, "duplicate", "", "x-user", "ada")
	})
	t.Run("DevEnds", func(t *testing.T) {
		e.must(src, "dev", "end")
		e.comes(t, original, "failed-open=not-ready", "x-user", "ada")
		if out := e.must("", "status"); !strings.Contains(out, "nhctl dev start catalog --mode duplicate") {
			t.Errorf("%s", out)
		}
	})
	t.Run("DevStartsAgain", func(t *testing.T) {
		e.must(src, "dev", "start", "--no-terminal")
		e.must(src, "dev", "run")
		e.comes(t, "duplicate", "", "x-user", "ada")
	})
	e.must("", "leave", "catalog")
	e.must(src, "dev", "end")
	e.restored(t, before)
	e.must("", "disconnect")
}

// Copies of requests come to this computer, and the originals answer, whatever becomes of the copies.
func TestMirror(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	mine, stop := localServer(t, "mine")
	theirs, _ := localServer(t, "theirs")
	e.must("", "mirror", "catalog:80:"+mine, "--path", "^/books")
	mirrored := func() *rpc.Route {
		for _, s := range query[[]rpc.Session](e.developer, "", "status") {
			if s.Route != nil && s.Route.Mirror {
				return s.Route
			}
		}
		t.Fatal("no mirror is there")
		return nil
	}
	copies := func(more int64) {
		t.Helper()
		begin := mirrored().Matched
		for range more {
			if text, mark, err := e.asks("/books"); strings.Contains(text, "mine") || mark != "" || err != nil {
				t.Errorf("%q, %q, %v", text, mark, err)
			}
		}
		eventually(t, time.Minute, "the copies come here", func(context.Context) error {
			if r := mirrored(); r.Matched != begin+more || r.Dropped > 0 || r.Errors > 0 {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
	}
	eventually(t, time.Minute, "the nodes lead to the front", func(context.Context) error {
		if _, _, err := e.asks("/books"); err != nil || mirrored().Matched == 0 {
			return errors.Join(errors.New("no copy came"), err)
		}
		return nil
	})
	copies(20)
	t.Run("NextToAnExchange", func(t *testing.T) {
		e.must("", "exchange", "catalog:80:"+theirs)
		e.comes(t, "theirs", "")
		copies(5)
	})
	t.Run("WithoutItsProcess", func(t *testing.T) {
		stop()
		e.comes(t, "theirs", "")
		eventually(t, time.Minute, "it is counted", func(context.Context) error {
			if r := mirrored(); r.Errors == 0 {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
	})
	e.must("", "leave", "catalog")
	e.comes(t, original, "")
	e.restored(t, before)
	e.must("", "disconnect")
}

// made is the header that a mesh has made up and printed.
func made(t *testing.T, printed string) (name, value string) {
	t.Helper()
	_, line, _ := strings.Cut(printed, "-H '")
	line, _, found := strings.Cut(line, "'")
	if name, value, _ = strings.Cut(line, ": "); !found || value == "" {
		t.Fatalf("no header in %q", printed)
	}
	return name, value
}
