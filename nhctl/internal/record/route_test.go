package record_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
)

// routed is a route's record with a value in every field.
func routed() record.Route {
	return record.Route{
		Kind:      record.RouteKind,
		Version:   record.RouteVersion,
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Place:     record.Place{Namespace: "uid", Server: "server"},
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     noon,
		Service:   "web",
		Front:     "00112233",
		Port:      20001,
		Image:     "sidecar:1",
		Ports: []record.RoutePort{
			{Port: 80, Target: 8080, Local: "127.0.0.1:3000"},
			{Port: 81, Target: 8081, Local: "unix:/run/web.sock"},
		},
		Matches:   []route.Match{{Of: route.OfHeader, Name: "dev", Value: "ada"}},
		Strict:    true,
		All:       true,
		Hold:      2000,
		Heartbeat: noon,
	}
}

func TestRouteSurvivesItsLease(t *testing.T) {
	t.Parallel()
	want := routed()
	l, err := want.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.RouteFromLease(l)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if l.Labels[contract.LabelRole] != contract.RoleRoute || l.Name != "nhctl-mesh-web-0a1b2c3d" {
		t.Errorf("%s: labels %v", l.Name, l.Labels)
	}
	l.Annotations[contract.AnnotationRecord] = strings.Replace(l.Annotations[contract.AnnotationRecord],
		`{"kind"`, `{"color":{"r":1},"kind"`, 1)
	if got, err = record.RouteFromLease(l); err != nil {
		t.Fatal(err)
	}
	if again, err := got.Text(); strings.Count(again, `"color":{"r":1}`) != 1 || err != nil {
		t.Errorf("%s, %v", again, err)
	}
	want.Matches = nil
	if want.Lease() != "nhctl-exchange-web" {
		t.Errorf("an exchange has %s", want.Lease())
	}
}

func TestRoutesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*record.Route){
		"a service of lines":   func(r *record.Route) { r.Service = "web\n" },
		"a front of a path":    func(r *record.Route) { r.Front = "../../../" },
		"a port of none":       func(r *record.Route) { r.Ports[0].Port = 0 },
		"a target of none":     func(r *record.Route) { r.Ports[0].Target = 70000 },
		"no port":              func(r *record.Route) { r.Ports = nil },
		"a local of none":      func(r *record.Route) { r.Ports[0].Local = "3000" },
		"a local of lines":     func(r *record.Route) { r.Ports[0].Local = "a\nb:1" },
		"a relative socket":    func(r *record.Route) { r.Ports[0].Local = "unix:web.sock" },
		"a condition of lines": func(r *record.Route) { r.Matches[0].Value = "a\x1b[2J" },
		"a condition of none":  func(r *record.Route) { r.Matches[0].Of = "body" },
		"no image":             func(r *record.Route) { r.Image = "" },
		"half a duplicate":     func(r *record.Route) { r.Dev = "deployment/web" },
		"dev of no duplicate":  func(r *record.Route) { r.Ports[0].Local = record.LocalDev },
		"a duplicate of lines": func(r *record.Route) { r.Dev, r.Ports[0].Local = "deployment/a\nb", record.LocalDev },
		"a duplicate of none":  func(r *record.Route) { r.Dev, r.Ports[0].Local = "web", record.LocalDev },
		"another session":      func(r *record.Route) { r.Session = "x" },
		"a newer version":      func(r *record.Route) { r.Version = 99 },
		"another kind":         func(r *record.Route) { r.Kind = record.TunnelKind },
	} {
		r := routed()
		change(&r)
		if r.Check("it") == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
