package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// tunnel is a tunnel's record with a value in every field.
func tunnel() record.Tunnel {
	return record.Tunnel{
		Kind:      record.TunnelKind,
		Version:   record.TunnelVersion,
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Place:     record.Place{Namespace: "uid", Server: "server"},
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     noon,
		Port:      20001,
		Image:     "sidecar:1",
		ByExec:    true,
		Workload:  workload.Ref{Kind: workload.Deployment, Name: "web"},
		Container: "app",
		Heartbeat: noon,
	}
}

func TestTunnelSurvivesItsLease(t *testing.T) {
	t.Parallel()
	want := tunnel()
	l, err := want.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.TunnelFromLease(l)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if l.Labels[contract.LabelRole] != contract.RoleTunnel || *l.Spec.LeaseDurationSeconds != contract.AgentLinger {
		t.Errorf("labels %v, duration %d", l.Labels, *l.Spec.LeaseDurationSeconds)
	}
	// What a newer build has added survives.
	text := l.Annotations[contract.AnnotationRecord]
	l.Annotations[contract.AnnotationRecord] = strings.NewReplacer(`{"kind"`, `{"color":{"r":1},"kind"`,
		`"holder":{`, `"holder":{"team":"a",`).Replace(text)
	if got, err = record.TunnelFromLease(l); err != nil {
		t.Fatal(err)
	}
	again, err := got.Text()
	for _, added := range []string{`"color":{"r":1}`, `"team":"a"`} {
		if strings.Count(again, added) != 1 || err != nil {
			t.Errorf("no %s in %s, %v", added, again, err)
		}
	}
}

// A developer has one plain tunnel from a computer into a namespace, and one for each workload: the Lease's name says
// whose it is.
func TestTunnelsLease(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, by := range []record.Holder{
		{User: "ada", Local: "ada@laptop"},
		{User: "ada", Local: "ada@desktop"},
		{User: "bob", Local: "ada@laptop"},
		{User: "adaada@", Local: "laptop"},
	} {
		r := tunnel()
		r.Holder = by
		names[r.Lease()] = true
		r.Session = "ffffffff"
		names[r.Lease()] = true
		for _, of := range []workload.Ref{
			{}, {Kind: workload.StatefulSet, Name: "web"}, {Kind: workload.Deployment, Name: "db"},
		} {
			r.Workload = of
			names[r.Lease()] = true
		}
	}
	if len(names) != 4*4 {
		t.Errorf("%d names of 4 developers' 4 tunnels: %v", len(names), names)
	}
}

// Whoever may write Leases may write anything into a record: what no tunnel of ours would have written is refused.
func TestForgedTunnels(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(*record.Tunnel){
		"no session":           func(r *record.Tunnel) { r.Session = "" },
		"session above":        func(r *record.Tunnel) { r.Session = "../../.." },
		"namespace of a path":  func(r *record.Tunnel) { r.Namespace = "../kube-system" },
		"no holder":            func(r *record.Tunnel) { r.Holder.User = "" },
		"holder with a line":   func(r *record.Tunnel) { r.Holder.Local = "a\nb" },
		"place with an escape": func(r *record.Tunnel) { r.Place.Server = "\x1b[2J" },
		"port of the system":   func(r *record.Tunnel) { r.Port = 22 },
		"another era":          func(r *record.Tunnel) { r.Since = time.Time{} },
		"no image":             func(r *record.Tunnel) { r.Image = "" },
		"image with a line":    func(r *record.Tunnel) { r.Image = "a\nb" },
		"no kind of workload":  func(r *record.Tunnel) { r.Workload.Kind = "../pods" },
		"workload of a path":   func(r *record.Tunnel) { r.Workload.Name = "../web" },
		"no container":         func(r *record.Tunnel) { r.Container = "" },
		"container of a path":  func(r *record.Tunnel) { r.Container = "../app" },
		"container of nothing": func(r *record.Tunnel) { r.Workload = workload.Ref{} },
	} {
		r := tunnel()
		forge(&r)
		l, err := r.NewLease()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := record.TunnelFromLease(l); problem.From(err).Code != problem.Unreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := tunnel()
	l, err := r.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	l.Name = "nhctl-tunnel-000000000000"
	if _, err := record.TunnelFromLease(l); err == nil {
		t.Error("the Lease of another developer is accepted")
	}
}
