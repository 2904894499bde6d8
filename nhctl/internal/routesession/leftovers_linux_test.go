package routesession_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

func leftovers(t *testing.T, s *sessiontest.Shell) (all []rpc.Leftover) {
	t.Helper()
	if err := s.Call(rpc.MethodLeftovers, rpc.Leftovers{Caller: s.Caller}, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// states are the leftovers, each as "state what".
func states(all []rpc.Leftover) (lines []string) {
	for _, l := range all {
		lines = append(lines, string(l.State)+" "+l.What)
	}
	return lines
}

// removeAll removes whatever is listed.
func removeAll(t *testing.T, s *sessiontest.Shell, others ...string) (gone []rpc.Leftover, err error) {
	t.Helper()
	p := rpc.RemoveLeftovers{Caller: s.Caller, Others: others}
	for _, l := range leftovers(t, s) {
		p.Keys = append(p.Keys, l.Key)
	}
	err = s.Call(rpc.MethodRemove, p, &gone)
	return gone, err
}

func age(l *coordinationv1.Lease) {
	long := metav1.NewMicroTime(l.Spec.RenewTime.Add(-time.Hour))
	l.Spec.RenewTime, l.Spec.AcquireTime = &long, &long
}

// Sessions of every kind are listed, with whose they are, and one's own are ended in their own way.
func TestCleanOwn(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	mine, theirs := ada.Shell(b.Cluster, "ada", "true"), eve.Shell(b.Cluster, "eve", "")
	before := b.Snapshot(ns)
	mine.MustStart()
	b.mustBegin(mine, local(t, "ada's"), mesh("ada"))
	other := b.mustBegin(theirs, local(t, "eve's"), mesh("eve"))
	want := []string{"held route of Service web", "yours dev mode of deployment/web", "yours route of Service web"}
	got := states(leftovers(t, mine))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	gone, err := removeAll(t, mine)
	if problem.From(err).Code != problem.Held || !strings.Contains(err.Error(), "eve@") {
		t.Errorf("%+v, %v", gone, err)
	}
	b.gets("eve", "eve's /x")
	if diff := cmp.Diff([]string{"held route of Service web"}, states(leftovers(t, mine))); diff != "" {
		t.Error(diff)
	}
	if gone, err := removeAll(t, mine, other.ID); err != nil || len(gone) != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	b.Restored(before)
}

// All namespaces are looked at in which the caller may look; the others are named.
func TestLeftoversEverywhere(t *testing.T) {
	t.Parallel()
	b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
	b.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vault"}})
	b.mustBegin(ada.Shell(b.Cluster, "ada", ""), local(t, "mine"))
	everywhere := func(s *sessiontest.Shell) (all []rpc.Leftover, err error) {
		caller := s.Caller
		caller.Namespace = "vault"
		err = s.Call(rpc.MethodLeftovers, rpc.Leftovers{Caller: caller, AllNamespaces: true}, &all)
		return all, err
	}
	if _, err := everywhere(ada.Shell(b.Cluster, "ada", "")); problem.From(err).Code != problem.Forbidden {
		t.Errorf("who may not list namespaces: %v", err)
	}
	unrestricted := func(c *sessiontest.Computer, user string) *sessiontest.Shell {
		s := c.Shell(b.Cluster, user, "")
		every := []string{"*"}
		b.Restrict(user, rbacv1.PolicyRule{Verbs: every, APIGroups: every, Resources: every})
		return s
	}
	all, err := everywhere(unrestricted(ada, "ada"))
	if err != nil || len(all) != 1 || all[0].Namespace != ns || all[0].State != rpc.LeftoverYours {
		t.Errorf("%+v, %v", all, err)
	}
	b.Forbid("eve", "list", "leases")
	all, err = everywhere(unrestricted(eve, "eve"))
	if err != nil || len(all) != 0 || !eve.Heard("shop, vault") {
		t.Errorf("%+v, %v", all, err)
	}
}

// What no one has any more goes: routes of computers that are gone, and fronts whose Leases are lost.
func TestCleanLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lose func(b *bed)
		want string
	}{
		"silent": {
			lose: func(b *bed) { kubetest.Edit(b.Cluster.Cluster, ns, "nhctl-exchange-web", age) },
			want: "abandoned route of Service web",
		},
		"the Lease is lost": {
			lose: func(b *bed) { kubetest.Delete[coordinationv1.Lease](b.Cluster.Cluster, ns, "nhctl-exchange-web") },
			want: "abandoned front of Service web",
		},
		"and someone has restored the Service": {
			lose: func(b *bed) {
				kubetest.Delete[coordinationv1.Lease](b.Cluster.Cluster, ns, "nhctl-exchange-web")
				kubetest.Edit(b.Cluster.Cluster, ns, "web", func(s *corev1.Service) {
					s.Spec.Selector = map[string]string{"app": "web"}
					delete(s.Annotations, contract.AnnotationFront)
				})
			},
			want: "abandoned front ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
			before := b.Snapshot(ns)
			b.mustBegin(ada.Shell(b.Cluster, "ada", ""), local(t, "mine"))
			ada.StopDaemon()
			tt.lose(b)
			second := eve.Shell(b.Cluster, "eve", "")
			if got := states(leftovers(t, second)); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if _, err := removeAll(t, second); err != nil {
				t.Error(err)
			}
			b.Restored(before)
		})
	}
}

// Whatever a Lease, a label or an annotation says, an object that is not nhctl's stays as it is, and so does a front
// that a colleague's route needs.
func TestCleanForged(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(t *testing.T, b *bed, id string){
		"a Lease that is no record": func(_ *testing.T, b *bed, _ string) {
			labels := map[string]string{contract.LabelRole: contract.RoleRoute, contract.LabelSession: "11111111"}
			b.Add(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
				Name:        "nhctl-exchange-pay",
				Namespace:   ns,
				Labels:      labels,
				Annotations: map[string]string{contract.AnnotationRecord: `{"kind":"route","version":1}`},
			}})
		},
		"a silent route of another Service with web's front": func(_ *testing.T, b *bed, _ string) {
			l := kubetest.Get[coordinationv1.Lease](b.Cluster.Cluster, ns, "nhctl-exchange-web").DeepCopy()
			text := strings.ReplaceAll(l.Annotations[contract.AnnotationRecord], `"service":"web"`, `"service":"pay"`)
			l.Annotations[contract.AnnotationRecord] = text
			l.Name, l.ResourceVersion, l.UID = "nhctl-exchange-pay", "", ""
			age(l)
			b.Add(l)
		},
		"a silent route of web with another front": func(_ *testing.T, b *bed, id string) {
			l := kubetest.Get[coordinationv1.Lease](b.Cluster.Cluster, ns, "nhctl-exchange-web").DeepCopy()
			text := strings.NewReplacer(id, "22222222", l.Labels[contract.LabelSession], "44444444",
				`"ports"`, `"matches":[{"of":"header","name":"a","value":"b"}],"ports"`).
				Replace(l.Annotations[contract.AnnotationRecord])
			l.Annotations[contract.AnnotationRecord] = text
			l.Labels[contract.LabelSession] = "44444444"
			l.Name, l.ResourceVersion, l.UID = "nhctl-mesh-web-44444444", "", ""
			age(l)
			b.Add(l)
		},
		"a Deployment with a front's name": func(_ *testing.T, b *bed, _ string) {
			d := kubetest.Get[appsv1.Deployment](b.Cluster.Cluster, ns, "web").DeepCopy()
			d.Name, d.ResourceVersion, d.UID = "nhctl-front-33333333", "", ""
			b.Add(d)
		},
		"a Deployment with a front's labels": func(_ *testing.T, b *bed, _ string) {
			d := kubetest.Get[appsv1.Deployment](b.Cluster.Cluster, ns, "web").DeepCopy()
			d.Name, d.ResourceVersion, d.UID = "pay", "", ""
			d.Labels = map[string]string{contract.LabelRole: contract.RoleFront, contract.LabelSession: "33333333"}
			b.Add(d)
		},
		"a note on a Service": func(_ *testing.T, b *bed, _ string) {
			s := kubetest.Get[corev1.Service](b.Cluster.Cluster, ns, "web").DeepCopy()
			s.Name, s.ResourceVersion, s.UID = "pay", "", ""
			s.Annotations = map[string]string{contract.AnnotationFront: `{"kind":"front","version":1}`}
			s.Spec.Selector = map[string]string{"app": "pay"}
			b.Add(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ada, eve := newBed(t), sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "eve")
			first, second := ada.Shell(b.Cluster, "ada", ""), eve.Shell(b.Cluster, "eve", "")
			b.mustBegin(first, local(t, "mine"))
			id := strings.TrimPrefix(b.service().Spec.Selector["app"], "nhctl-front-")
			forge(t, b, id)
			_, _ = removeAll(t, second)
			if selector := b.service().Spec.Selector["app"]; selector != "nhctl-front-"+id {
				t.Errorf("Service web leads to %q", selector)
			}
			b.gets("", "mine /x")
			if s := kubetest.List[corev1.Service](b.Cluster.Cluster, ns); strings.HasPrefix(name, "a note") {
				if !slices.ContainsFunc(s, func(s corev1.Service) bool {
					return s.Name == "pay" && s.Spec.Selector["app"] == "pay"
				}) {
					t.Error("the Service has changed")
				}
			}
			all := kubetest.List[appsv1.Deployment](b.Cluster.Cluster, ns)
			if strings.HasPrefix(name, "a Deployment") && len(all) != 3 {
				t.Errorf("%d Deployments", len(all))
			}
		})
	}
}
