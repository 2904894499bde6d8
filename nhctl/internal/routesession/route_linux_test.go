package routesession_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/process"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

func TestMain(m *testing.M) { sessiontest.Main(m) }

const ns = sessiontest.Namespace

// bed is a cluster whose Service web has one port. The originals answer on the cluster's address, and the front is to
// listen on that port of 127.0.0.1: there clients of the Service come.
type bed struct {
	*sessiontest.Cluster
	t    *testing.T
	port int
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{Cluster: sessiontest.New(t), t: t}
	b.port = tunneltest.FreePort(t) // the front listens on it, too
	listener, err := net.Listen("tcp", net.JoinHostPort(kubetest.Address, strconv.Itoa(b.port)))
	if err != nil {
		t.Fatal(err)
	}
	original := &httptest.Server{Listener: listener, Config: &http.Server{Handler: answers("original")}}
	original.Start()
	t.Cleanup(original.Close)
	kubetest.Edit(b.Cluster.Cluster, ns, "web", func(s *corev1.Service) {
		s.Spec.Ports = []corev1.ServicePort{{
			Name:       "http",
			Port:       int32(b.port),
			TargetPort: intstr.FromInt(b.port),
			Protocol:   corev1.ProtocolTCP,
		}}
	})
	return b
}

func answers(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name, " ", r.URL.Path) })
}

// local is a process of a computer.
func local(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answers(name))
	t.Cleanup(s.Close)
	return s
}

// begin begins a route of web that leads to a server.
func (b *bed) begin(s *sessiontest.Shell, to *httptest.Server, changes ...func(*rpc.BeginRoute)) (rpc.Session, error) {
	p := rpc.BeginRoute{Caller: s.Caller, Service: "web", SidecarImage: "sidecar:1", Timeout: time.Minute}
	p.Ports = []rpc.WantedPort{{Port: "http", Local: to.Listener.Addr().String()}}
	for _, change := range changes {
		change(&p)
	}
	var session rpc.Session
	err := s.Call(rpc.MethodRoute, p, &session)
	return session, err
}

func (b *bed) mustBegin(s *sessiontest.Shell, to *httptest.Server, changes ...func(*rpc.BeginRoute)) rpc.Session {
	b.t.Helper()
	session, err := b.begin(s, to, changes...)
	if err != nil {
		b.t.Fatal(err)
	}
	return session
}

func mesh(value string) func(*rpc.BeginRoute) {
	return func(p *rpc.BeginRoute) {
		p.Mesh = true
		p.Matches = []rpc.Match{{Of: "header", Name: "dev", Value: value}}
	}
}

func leave(s *sessiontest.Shell) (rpc.Ended, error) {
	var ended rpc.Ended
	err := s.Call(rpc.MethodLeave, rpc.Leave{Caller: s.Caller, Service: "web"}, &ended)
	return ended, err
}

// get asks the front as a client of the Service.
func (b *bed) get(dev string) (answer, mark string, err error) {
	url := "http://127.0.0.1:" + strconv.Itoa(b.port) + "/x"
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", "", err
	}
	r.Header.Set("dev", dev)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), response.Header.Get("X-Nhctl-Route"), err
}

func (b *bed) gets(dev, want string) {
	b.t.Helper()
	if got, mark, err := b.get(dev); got != want || mark != "" || err != nil {
		b.t.Errorf("%q, %q, %v; want %q", got, mark, err, want)
	}
}

func (b *bed) service() *corev1.Service {
	return kubetest.Get[corev1.Service](b.Cluster.Cluster, ns, "web")
}

// An exchange leads a Service's traffic to this computer, tells how it is, and leaves nothing.
func TestExchange(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	kubetest.Edit(b.Cluster.Cluster, ns, "web", func(s *corev1.Service) {
		s.Labels = map[string]string{"argocd.argoproj.io/instance": "shop"}
	})
	before := b.Snapshot(ns)
	mine := local(t, "mine")
	s := b.mustBegin(shell, mine)
	if len(s.Notices) != 1 || !strings.Contains(s.Notices[0], "Argo CD manages Service web") {
		t.Errorf("warnings: %q", s.Notices)
	}
	selector := b.service().Spec.Selector
	if len(selector) != 1 || !strings.HasPrefix(selector["app"], "nhctl-front-") {
		t.Errorf("the selector is %v", selector)
	}
	if note := b.service().Annotations[contract.AnnotationFront]; !strings.Contains(note, `"selector":{"app":"web"}`) ||
		!strings.Contains(note, "kubectl patch service web -n shop --type=json") {
		t.Error(note)
	}
	b.gets("", "mine /x")
	if again := b.mustBegin(shell, mine); !again.Reattached || again.ID != s.ID {
		t.Errorf("a second exchange: %+v", again)
	}
	var all []rpc.Session
	if err := shell.Call(rpc.MethodOverview, rpc.Overview{Caller: shell.Caller}, &all); err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	r := all[0].Route
	if r == nil || r.Reason != "" || r.RoundTrip <= 0 || r.Matched != 1 || len(r.Last) != 1 || r.Last[0].Path != "/x" {
		t.Errorf("%+v", r)
	}
	mine.Close()
	if got, mark, err := b.get(""); got != "original /x" || mark != s.ID+"; failed-open=refused" || err != nil {
		t.Errorf("without the local process: %q, %q, %v", got, mark, err)
	}
	ended, err := leave(shell)
	if err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != s.ID {
		t.Errorf("%+v, %v", ended, err)
	}
	b.Restored(before)
	if _, err := leave(shell); problem.From(err).Code != problem.NoSession {
		t.Errorf("a second leave: %v", err)
	}
}

// Meshes of two developers share a front, each with its requests; overlapping ones are refused with the holder's name.
func TestMeshes(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
	before := b.Snapshot(ns)
	b.mustBegin(first, local(t, "ada's"), mesh("ada"))
	b.gets("eve", "original /x")
	b.mustBegin(second, local(t, "eve's"), mesh("eve"))
	b.gets("ada", "ada's /x")
	b.gets("eve", "eve's /x")
	b.gets("", "original /x")
	_, err := b.begin(second, local(t, "x"), mesh("^ad"))
	if p := problem.From(err); p.Code != problem.Held || !strings.Contains(p.Message, "ada@") {
		t.Errorf("an overlapping mesh: %v", err)
	}
	b.mustBegin(second, local(t, "all"))
	b.gets("ada", "ada's /x")
	b.gets("", "all /x")
	if _, err := b.begin(first, local(t, "x")); problem.From(err).Code != problem.Held {
		t.Errorf("a second exchange: %v", err)
	}
	if _, err := leave(second); err != nil { // both of eve's
		t.Error(err)
	}
	b.gets("eve", "original /x")
	b.gets("ada", "ada's /x")
	if _, err := leave(first); err != nil {
		t.Error(err)
	}
	b.Restored(before)
}

// A mirror brings copies here, next to whatever others have; the originals answer, and nothing is left.
func TestMirror(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
	before := b.Snapshot(ns)
	copied := make(chan string, 10)
	mine := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		copied <- r.URL.Path + " " + r.Header.Get("X-Nhctl-Route")
	}))
	t.Cleanup(mine.Close)
	mirror := func(p *rpc.BeginRoute) { p.Mirror = true }
	s := b.mustBegin(first, mine, mirror)
	b.gets("", "original /x")
	if got := <-copied; got != "/x "+s.ID+"; mirrored" {
		t.Errorf("%q", got)
	}
	b.mustBegin(second, local(t, "eve's"))
	b.mustBegin(second, local(t, "a second mirror"), mirror)
	b.gets("", "eve's /x")
	if got := <-copied; got != "/x "+s.ID+"; mirrored" {
		t.Errorf("%q", got)
	}
	if again := b.mustBegin(first, mine, mirror); !again.Reattached || again.ID != s.ID {
		t.Errorf("%+v", again)
	}
	sessiontest.Until(t, "both copies are counted", func() error {
		all := overview(t, first)
		if len(all) != 1 || all[0].Route == nil || !all[0].Route.Mirror || all[0].Route.Matched != 2 {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
	_, err := b.begin(second, local(t, "x"), func(p *rpc.BeginRoute) { p.Mirror, p.Raw = true, true })
	if problem.From(err).Code != problem.Usage {
		t.Errorf("a raw mirror: %v", err)
	}
	for _, shell := range []*sessiontest.Shell{first, second} {
		if _, err := leave(shell); err != nil {
			t.Error(err)
		}
	}
	b.Restored(before)
}

// A raw exchange excludes meshes, which could not tell its connections' requests apart.
func TestRawExchange(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	b.mustBegin(shell, local(t, "mine"), func(p *rpc.BeginRoute) { p.Raw = true })
	b.gets("", "mine /x")
	if _, err := b.begin(shell, local(t, "x"), mesh("ada")); problem.From(err).Code != problem.Held {
		t.Errorf("a mesh next to it: %v", err)
	}
	if _, err := leave(shell); err != nil {
		t.Error(err)
	}
	b.Restored(before)
}

// Who takes over ends the other's route, whose developer is told.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rpc.BeginRoute){
		"exchange": func(*rpc.BeginRoute) {},
		"mesh":     mesh("x"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
			first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
			before := b.Snapshot(ns)
			b.mustBegin(first, local(t, "ada's"), change)
			theirs := local(t, "eve's")
			if _, err := b.begin(second, theirs, change); problem.From(err).Code != problem.Held {
				t.Errorf("%v", err)
			}
			b.mustBegin(second, theirs, change, func(p *rpc.BeginRoute) { p.TakeOver = true })
			sessiontest.Until(t, "ada's route has ended", func() error {
				if all := overview(t, first); len(all) > 0 {
					return fmt.Errorf("%+v", all)
				}
				return nil
			})
			sessiontest.Until(t, "requests come to eve", func() error { // ada's daemon may take its last look just now
				if got, mark, err := b.get("x"); got != "eve's /x" || mark != "" || err != nil {
					return fmt.Errorf("%q, %q, %w", got, mark, err)
				}
				return nil
			})
			if _, err := leave(second); err != nil {
				t.Error(err)
			}
			b.Restored(before)
			_, err := leave(first)
			if problem.From(err).Code != problem.NoSession || !ada.Heard("the route of Service web") {
				t.Errorf("%v", err)
			}
		})
	}
}

// Whoever comes by restores a Service whose routes' computers are gone.
func TestRestoreForOthers(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
	before := b.Snapshot(ns)
	s := b.mustBegin(first, local(t, "mine"))
	if _, err := leave(second); problem.From(err).Code != problem.NoSession {
		t.Errorf("while it is alive: %v", err)
	}
	b.gets("", "mine /x")
	ada.StopDaemon()
	kubetest.Edit(b.Cluster.Cluster, ns, "nhctl-exchange-web", func(l *coordinationv1.Lease) {
		long := metav1.NewMicroTime(l.Spec.RenewTime.Add(-time.Hour))
		l.Spec.RenewTime, l.Spec.AcquireTime = &long, &long
	})
	if ended, err := leave(second); err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].Route.Service != "web" {
		t.Errorf("%+v, %v", ended, err)
	}
	b.Restored(before)
	if err := os.RemoveAll(ada.Dirs.Session(s.ID)); err != nil {
		t.Fatal(err)
	}
}

// A preview is a new Service, which goes with its route; a Service that is there is none.
func TestPreview(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	mine := local(t, "mine")
	b.port = tunneltest.FreePort(t) // where no original is
	preview := func(p *rpc.BeginRoute) {
		p.Preview, p.Service = true, "web-ada"
		p.Ports[0].Port = strconv.Itoa(b.port)
	}
	s := b.mustBegin(shell, mine, preview)
	b.gets("", "mine /x")
	if again := b.mustBegin(shell, mine, preview); !again.Reattached || again.ID != s.ID {
		t.Errorf("%+v", again)
	}
	mine.Close()
	if got, _, err := b.get(""); !strings.HasPrefix(got, "no original") || err != nil {
		t.Errorf("without its process: %q, %v", got, err)
	}
	var ended rpc.Ended
	if err := shell.Call(rpc.MethodLeave, rpc.Leave{Caller: shell.Caller, Service: "web-ada"}, &ended); err != nil {
		t.Error(err)
	}
	b.Restored(before)
	_, err := b.begin(shell, mine, preview, func(p *rpc.BeginRoute) { p.Service = "web" })
	if problem.From(err).Code != problem.Refused {
		t.Errorf("of a Service that is there: %v", err)
	}
	_, err = b.begin(shell, mine, preview, func(p *rpc.BeginRoute) { p.Ports[0].Local = "nowhere" })
	if problem.From(err).Code != problem.Usage {
		t.Errorf("of no address: %v", err)
	}
	b.Restored(before)
}

// A preview goes once its lifetime is over, which the same call begins again.
func TestPreviewLifetime(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	mine := local(t, "mine")
	port := strconv.Itoa(tunneltest.FreePort(t))
	lasting := func(lifetime time.Duration) func(*rpc.BeginRoute) {
		return func(p *rpc.BeginRoute) {
			p.Preview, p.Service, p.Lifetime = true, "web-ada", lifetime
			p.Ports[0].Port = port
		}
	}
	first := b.mustBegin(shell, mine, lasting(time.Hour)).Route.Until
	second := b.mustBegin(shell, mine, lasting(8*time.Hour))
	if first == nil || second.Route.Until == nil || second.Route.Until.Sub(*first) < time.Hour || !second.Reattached {
		t.Errorf("%s, %+v", first, second)
	}
	b.mustBegin(shell, mine, lasting(time.Nanosecond))
	sessiontest.Until(t, "the preview has ended", func() error {
		if all := overview(t, shell); len(all) > 0 {
			return fmt.Errorf("%+v", all)
		}
		if all := kubetest.List[corev1.Service](b.Cluster.Cluster, ns); len(all) != 1 {
			return fmt.Errorf("%d Services", len(all))
		}
		return nil
	})
	b.Restored(before)
	if _, err := leave(shell); problem.From(err).Code != problem.NoSession || !ada.Heard("its lifetime is over") {
		t.Error(err)
	}
	if _, err := b.begin(shell, mine, lasting(-time.Hour)); problem.From(err).Code != problem.Usage {
		t.Error(err)
	}
}

// A mesh without conditions gets one made up, which is the same each time, as a header or in baggage.
func TestMadeUpMark(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	mine := local(t, "mine")
	s := b.mustBegin(shell, mine, func(p *rpc.BeginRoute) { p.Mesh = true })
	again := b.mustBegin(shell, mine, func(p *rpc.BeginRoute) { p.Mesh = true })
	if !again.Reattached {
		t.Errorf("%+v", again)
	}
	m := s.Route.Matches
	if len(m) != 1 || m[0].Of != "mark" || !strings.HasPrefix(m[0].Value, "ada-") {
		t.Errorf("%+v", m)
	}
	if _, err := leave(shell); err != nil {
		t.Error(err)
	}
}

// Whoever changes the Service's selector wins: the route ends, says who it was, and nothing is left.
func TestSomeoneElseChangesTheService(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	b.mustBegin(shell, local(t, "mine"))
	kubetest.Edit(b.Cluster.Cluster, ns, "web", func(s *corev1.Service) {
		s.Spec.Selector = map[string]string{"app": "web"}
	})
	sessiontest.Until(t, "the route has ended", func() error {
		var all []rpc.Session
		if err := shell.Call(rpc.MethodOverview, rpc.Overview{Caller: shell.Caller}, &all); err != nil || len(all) > 0 {
			return fmt.Errorf("%+v, %w", all, err)
		}
		if len(kubetest.List[coordinationv1.Lease](b.Cluster.Cluster, ns)) > 0 ||
			len(kubetest.List[appsv1.Deployment](b.Cluster.Cluster, ns)) > 1 {
			return fmt.Errorf("its objects are there")
		}
		return nil
	})
	b.Restored(before)
	if _, err := leave(shell); problem.From(err).Code != problem.NoSession {
		t.Errorf("%v", err)
	}
	if !ada.Heard("changed the selector of Service web") {
		t.Error("no one was told")
	}
}

// A new daemon takes a route up again; requests in the meantime fail open.
func TestNewDaemon(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	s := b.mustBegin(shell, local(t, "mine"))
	ada.StopDaemon()
	if got, mark, err := b.get(""); got != "original /x" || mark != s.ID+"; failed-open=away" || err != nil {
		t.Errorf("without a daemon: %q, %q, %v", got, mark, err)
	}
	ada.StartDaemon()
	var all []rpc.Session
	if err := shell.Call(rpc.MethodOverview, rpc.Overview{Caller: shell.Caller}, &all); err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	sessiontest.Until(t, "the route leads here again", func() error {
		if got, _, err := b.get(""); got != "mine /x" || err != nil {
			return fmt.Errorf("%q, %w", got, err)
		}
		return nil
	})
	if _, err := leave(shell); err != nil {
		t.Error(err)
	}
	b.Restored(before)
}

// byProxy asks the Service by the proxy of a developer's own tunnel.
func (b *bed) byProxy(tunnel rpc.Session) (string, error) {
	proxy := &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(tunnel.Tunnel.Port)}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	name := "http://web.shop.svc:" + strconv.Itoa(b.port) + "/x"
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, name, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// routeOf is how a developer's only route is.
func routeOf(t *testing.T, s *sessiontest.Shell) *rpc.Route {
	t.Helper()
	for _, view := range overview(t, s) {
		if view.Route != nil {
			return view.Route
		}
	}
	t.Fatal("no route is there")
	return nil
}

// Programs of the developer reach their own exchanged Service without the cluster, as long as no one else has a route
// of it and their process is there; status says so. Those of a colleague never do.
func TestDirect(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
	tunnels := map[*sessiontest.Shell]rpc.Session{}
	for _, shell := range []*sessiontest.Shell{first, second} {
		var s rpc.Session
		err := shell.Call(rpc.MethodConnect, rpc.Connect{Caller: shell.Caller, SidecarImage: "sidecar:1"}, &s)
		if err != nil {
			t.Fatal(err)
		}
		tunnels[shell] = s
	}
	mine := local(t, "mine")
	b.mustBegin(first, mine)
	// The name leads to the local process, or the gateway's resolver does not know it.
	ask := func(shell *sessiontest.Shell) (got string, direct int64) {
		t.Helper()
		before := routeOf(t, first).Direct
		got, err := b.byProxy(tunnels[shell])
		if err != nil {
			t.Error(err)
		}
		return got, routeOf(t, first).Direct - before
	}
	directly := func() {
		t.Helper()
		sessiontest.Until(t, "it goes past the cluster", func() error {
			if got, direct := ask(first); got != "mine /x" || direct != 1 {
				return fmt.Errorf("%q, %+v", got, routeOf(t, first))
			}
			return nil
		})
	}
	directly()
	if r := routeOf(t, first); r.Matched != 0 || r.NotDirect != "" || r.Open != 1 { // which the proxy keeps
		t.Errorf("%+v", r)
	}
	if got, direct := ask(second); got == "mine /x" || direct != 0 {
		t.Errorf("a colleague's: %q, %d", got, direct)
	}
	b.mustBegin(second, local(t, "eve's"), mesh("eve"))
	sessiontest.Until(t, "the front decides, also of what is connected", func() error {
		if r := routeOf(t, first); !strings.Contains(r.NotDirect, "other routes") || r.Open != 0 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	if got, direct := ask(first); got == "mine /x" || direct != 0 {
		t.Errorf("a colleague's mesh was passed by: %q, %d", got, direct)
	}
	if _, err := leave(second); err != nil {
		t.Error(err)
	}
	directly()
	mine.Close()
	if got, direct := ask(first); got == "mine /x" || direct != 0 {
		t.Errorf("without its process: %q, %d", got, direct)
	}
	if _, err := leave(first); err != nil {
		t.Error(err)
	}
}

// serveAt has a process of a pod with an address answer on the pods' port.
func (b *bed) serveAt(address, name string) {
	b.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(b.port)))
	if err != nil {
		b.t.Fatal(err)
	}
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: answers(name)}}
	s.Start()
	b.t.Cleanup(s.Close)
}

// address gives the pod of a session's twin an address, once there is one without, and returns the pod.
func (b *bed) address(session, address string) *corev1.Pod {
	b.t.Helper()
	var found *corev1.Pod
	sessiontest.Until(b.t, "the duplicate has a pod that is ready", func() error {
		for _, p := range kubetest.List[corev1.Pod](b.Cluster.Cluster, ns) {
			if p.Labels[contract.LabelSession] == session && p.DeletionTimestamp == nil && p.Status.PodIP == "" &&
				workload.Ready(&p) {
				found = &p
				return nil
			}
		}
		return errors.New("it has none")
	})
	kubetest.Edit(b.Cluster.Cluster, ns, found.Name, func(p *corev1.Pod) { p.Status.PodIP = address })
	return found
}

func (b *bed) comes(dev, want, wantMark string) {
	b.t.Helper()
	sessiontest.Until(b.t, want+" answers", func() error {
		if got, mark, err := b.get(dev); got != want || mark != wantMark || err != nil {
			return fmt.Errorf("%q, %q, %w", got, mark, err)
		}
		return nil
	})
}

func duplicated(p *rpc.Start) { p.Mode = rpc.Duplicate }

func toDev(p *rpc.BeginRoute) { p.Ports[0].Local = "dev" }

// A mesh may lead to the developer's duplicate in the cluster. It follows the duplicate's pod, lets the originals
// answer without one, and leads to no pod that only looks like one.
func TestDuplicate(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
	before := b.Snapshot(ns)
	b.serveAt("127.0.0.3", "duplicate")
	b.serveAt("127.0.0.4", "next")
	b.serveAt("127.0.0.5", "another's")
	own := local(t, "computer")
	_, err := b.begin(first, own, mesh("ada"), toDev)
	if p := problem.From(err); p.Code != problem.NoSession || !strings.Contains(p.Hint, "--mode duplicate") {
		t.Errorf("without a duplicate: %v", err)
	}
	b.Restored(before)
	dev := first.MustStart(duplicated)
	pod := b.address(dev.ID, "127.0.0.3")
	if _, err := b.begin(second, own, mesh("eve"), toDev); problem.From(err).Code != problem.NoSession {
		t.Errorf("to a colleague's duplicate: %v", err)
	}
	for name, change := range map[string]func(*rpc.BeginRoute){
		"a mirror":  func(p *rpc.BeginRoute) { p.Mesh, p.Mirror = false, true },
		"a preview": func(p *rpc.BeginRoute) { p.Mesh, p.Preview, p.Matches, p.Service = false, true, nil, "web-x" },
	} {
		if _, err := b.begin(first, own, mesh("ada"), toDev, func(p *rpc.BeginRoute) {
			p.Ports[0].Port = strconv.Itoa(b.port)
		}, change); problem.From(err).Code != problem.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := b.mustBegin(first, own, mesh("ada"), toDev)
	if s.Route.Dev != "deployment/web" || s.Route.Ports[0].Local != "dev" {
		t.Errorf("%+v", s.Route)
	}
	b.comes("ada", "duplicate /x", "")
	b.gets("eve", "original /x")
	if again := b.mustBegin(first, own, mesh("ada"), toDev); !again.Reattached || again.ID != s.ID {
		t.Errorf("%+v", again)
	}
	forged := pod.DeepCopy()
	forged.ObjectMeta = metav1.ObjectMeta{Name: "forged", Namespace: ns, Labels: pod.Labels}
	forged.Status.PodIP = "127.0.0.5"
	b.Add(forged)
	kubetest.Delete[corev1.Pod](b.Cluster.Cluster, ns, pod.Name)
	b.comes("ada", "original /x", s.ID+"; failed-open=not-ready")
	kubetest.Delete[corev1.Pod](b.Cluster.Cluster, ns, forged.Name)
	b.address(dev.ID, "127.0.0.4")
	b.comes("ada", "next /x", "")
	if _, err := first.End(); err != nil {
		t.Error(err)
	}
	b.comes("ada", "original /x", s.ID+"; failed-open=not-ready")
	said := strings.Join(overview(t, first)[0].Notices, "\n")
	if !strings.Contains(said, "nhctl dev start web --mode duplicate") || !strings.Contains(said, "nhctl leave web") {
		t.Errorf("%q", said)
	}
	dev = first.MustStart(duplicated)
	b.address(dev.ID, "127.0.0.3")
	b.comes("ada", "duplicate /x", "")
	if said := overview(t, first); strings.Contains(fmt.Sprint(said), "has ended") {
		t.Errorf("%+v", said)
	}
	if _, err := leave(first); err != nil {
		t.Error(err)
	}
	if _, err := first.End(); err != nil {
		t.Error(err)
	}
}

// Where the front does not reach the originals, the Service is not switched, and nothing is left.
func TestUnreachableOriginals(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	port := tunneltest.FreePort(t)
	kubetest.Edit(b.Cluster.Cluster, ns, "web", func(s *corev1.Service) {
		s.Spec.Ports[0].Port, s.Spec.Ports[0].TargetPort = int32(port), intstr.FromInt(port)
	})
	before := b.Snapshot(ns)
	_, err := b.begin(shell, local(t, "mine"))
	if p := problem.From(err); p.Code != problem.Refused || !strings.Contains(p.Message, "does not reach") {
		t.Errorf("%v", err)
	}
	b.Restored(before)
	if diff := cmp.Diff([]rpc.Session(nil), overview(t, shell)); diff != "" {
		t.Error(diff)
	}
}

// A route of a computer that is gone is ended from another one of its developer's, by what the cluster has.
func TestLeaveFromCluster(t *testing.T) {
	t.Parallel()
	b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(b.Cluster, "ada", "")
	before := b.Snapshot(ns)
	s := b.mustBegin(shell, local(t, "mine"))
	ada.StopDaemon()
	if err := os.RemoveAll(ada.Dirs.Session(s.ID)); err != nil {
		t.Fatal(err)
	}
	ada.StartDaemon()
	if ended, err := leave(shell); err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != s.ID {
		t.Errorf("%+v, %v", ended, err)
	}
	b.Restored(before)
}

func overview(t *testing.T, s *sessiontest.Shell) (all []rpc.Session) {
	t.Helper()
	if err := s.Call(rpc.MethodOverview, rpc.Overview{Caller: s.Caller}, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// A route that lasts for a process ends with it, however that ends, and whichever daemon serves it by then.
func TestLastsForAProcess(t *testing.T) {
	t.Parallel()
	for name, replaced := range map[string]bool{"the same daemon": false, "the next daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ada := newBed(t), sessiontest.NewComputer(t, "ada")
			before := b.Snapshot(ns)
			cmd := exec.Command("sleep", "1000")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			kill := func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
			t.Cleanup(kill)
			shell := ada.Shell(b.Cluster, "ada", "")
			b.mustBegin(shell, local(t, "mine"), func(p *rpc.BeginRoute) {
				lives := rpc.Process(process.Of(cmd.Process.Pid))
				p.Process = &lives
			})
			if replaced {
				ada.StopDaemon()
			}
			kill()
			if replaced {
				ada.StartDaemon()
			}
			sessiontest.Until(t, "the route has ended", func() error {
				// A call has the next daemon take the route up.
				if err := shell.Call(rpc.MethodOverview, rpc.Overview{Caller: shell.Caller}, nil); err != nil {
					return err
				}
				if !reflect.DeepEqual(b.Snapshot(ns), before) {
					return errors.New("it is there")
				}
				return nil
			})
		})
	}
}
