package routesession

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
)

// switched is a Service that leads to its front.
func switched() *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "1"}}
	s.Spec.Selector = map[string]string{"app": contract.FrontPrefix + front.ID(s)}
	s.Annotations = map[string]string{contract.AnnotationFront: `{"selector":{"app":"web"}}`}
	s.Spec.ClusterIPs = []string{"10.96.0.10", "fd00::10", "None", "127.0.0.1", "0.0.0.0"}
	return s
}

func exchange() record.Route {
	return record.Route{
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Service:   "web",
		Front:     front.ID(switched()),
		Ports: []record.RoutePort{
			{Port: 80, Target: 8080, Local: "127.0.0.1:3000"},
			{Port: 81, Target: 8081, Local: "unix:/run/web"},
		},
	}
}

// A connection goes past the cluster only where nothing but the route decides over all of it.
func TestShortcutOf(t *testing.T) {
	t.Parallel()
	both := map[int]string{80: "127.0.0.1:3000", 81: "unix:/run/web"}
	one := map[int]string{81: "unix:/run/web"}
	probe := []route.Probe{{Port: 8080, Path: "/healthz"}}
	for name, tt := range map[string]struct {
		edit    func(r *record.Route, s *corev1.Service)
		probed  []route.Probe
		others  []record.Route
		missing bool
		want    map[int]string
		why     bool
	}{
		"an exchange":         {want: both},
		"itself in its Lease": {others: []record.Route{exchange()}, want: both},
		"of another Service":  {others: []record.Route{{Service: "api", Session: "1"}}, want: both},
		"a probed port":       {probed: probe, want: one, why: true},
		"a probed port, all": {
			probed: probe,
			edit:   func(r *record.Route, _ *corev1.Service) { r.All = true },
			want:   both,
		},
		"a probed port, whole": {
			probed: probe,
			edit:   func(r *record.Route, _ *corev1.Service) { r.Raw = true },
			want:   both,
		},
		"another's mesh": {why: true, others: []record.Route{{Service: "web", Session: "1",
			Matches: []route.Match{{Of: "path", Value: "/"}}}}},
		"another's mirror": {why: true, others: []record.Route{{Service: "web", Session: "1", Mirror: true}}},
		"a mesh": {edit: func(r *record.Route, _ *corev1.Service) {
			r.Matches = []route.Match{{Of: "path", Value: "/"}}
		}},
		"a mirror":           {edit: func(r *record.Route, _ *corev1.Service) { r.Mirror = true }},
		"clients' addresses": {why: true, edit: func(r *record.Route, _ *corev1.Service) { r.Proxy = true }},
		"no Service":         {why: true, missing: true},
		"another Service":    {why: true, edit: func(_ *record.Route, s *corev1.Service) { s.UID = "2" }},
		"a restored Service": {why: true, edit: func(_ *record.Route, s *corev1.Service) {
			s.Spec.Selector["app"] = "web"
		}},
		"a route to a duplicate": {edit: func(r *record.Route, _ *corev1.Service) { r.Dev = "deployment/web" }},
		"an unreadable note":     {why: true, edit: func(_ *record.Route, s *corev1.Service) { s.Annotations = nil }},
		"without a selection":    {why: true, edit: func(_ *record.Route, s *corev1.Service) { s.Spec.Selector = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := exchange(), switched()
			if tt.edit != nil {
				tt.edit(&r, s)
			}
			if tt.missing {
				s = nil
			}
			got := shortcutOf(r, tt.probed, s, tt.others)
			if len(got.locals) == 0 {
				got.locals = nil
			}
			if diff := cmp.Diff(tt.want, got.locals); diff != "" || (got.why != "") != tt.why {
				t.Errorf("%s\nwhy: %q", diff, got.why)
			}
			if len(got.hosts) > 0 && got.locals == nil {
				t.Errorf("%q lead nowhere", got.hosts)
			}
		})
	}
}

// Only the Service's own names and addresses lead to the local process, whatever else its status says.
func TestShortcutLeads(t *testing.T) {
	t.Parallel()
	s := shortcutOf(exchange(), nil, switched(), nil)
	for host, want := range map[string]bool{
		"web": true, "WEB.shop": true, "web.shop.svc": true, "web.shop.svc.cluster.local": true,
		"web.shop.svc.cluster.local.": true, "10.96.0.10": true, "::ffff:10.96.0.10": true, "fd00::10": true,
		"web.other": false, "web.shop.svc.example.com": false, "api": false, "10.96.0.11": false, "127.0.0.1": false,
		"0.0.0.0": false, "": false, "None": false,
	} {
		if got := s.local(host, 80); (got == "127.0.0.1:3000") != want || got == "" == want {
			t.Errorf("%s: %q", host, got)
		}
		if got := s.local(host, 8080); got != "" {
			t.Errorf("%s: the pods' port leads to %q", host, got)
		}
	}
	if got := (shortcut{}).local("web", 80); got != "" {
		t.Errorf("%q", got)
	}
}

// When a shortcut ends, its connections end once they wait for a request, and not while one is answered.
func TestRetire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shortcuts{}
		s.set(shortcut{locals: map[int]string{80: "x"}})
		near, far := net.Pipe()
		defer far.Close()
		c := s.took(near, 80)
		time.Sleep(time.Second)
		if s.retire() {
			t.Error("something is to go")
		}
		say := func(to, from net.Conn) {
			t.Helper()
			go func() { _, _ = to.Write([]byte("x")) }()
			if _, err := io.ReadFull(from, make([]byte, 1)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		say(c, far)
		s.set(shortcut{})
		time.Sleep(time.Hour)
		if !s.retire() {
			t.Error("it was cut off before its answer")
		}
		say(far, c)
		if !s.retire() {
			t.Error("it was cut off in its answer")
		}
		time.Sleep(2 * quiet)
		if s.retire() {
			t.Error("it stays")
		}
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("it is open: %v", err)
		}
		if taken, open, _ := s.report(); taken != 1 || open != 0 {
			t.Errorf("%d taken, %d open", taken, open)
		}
	})
}
