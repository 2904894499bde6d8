package front

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
)

const ns = "shop"

// web is a Service with a named and a low port, and two pods behind it.
func web() Facts {
	f := Facts{Service: &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns, UID: "uid-web"}}}
	f.Service.Spec.Selector = map[string]string{"app": "web", "tier": "front"}
	f.Service.Spec.Ports = []corev1.ServicePort{
		{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), Protocol: corev1.ProtocolTCP, NodePort: 30080},
		{Name: "admin", Port: 81, Protocol: corev1.ProtocolTCP},
	}
	for _, name := range []string{"web-1", "web-2"} {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: map[string]string{
			"app": "web", "tier": "front", "version": "v2", "pod-template-hash": "x", "budget": "yes",
		}}}
		p.Spec.Containers = []corev1.Container{{
			Name:  "app",
			Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}},
		}}
		f.Pods = append(f.Pods, p)
	}
	f.Services = []corev1.Service{*f.Service}
	f.Selectors = []*metav1.LabelSelector{
		{MatchLabels: map[string]string{"app": "web"}},
		{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "budget", Operator: metav1.LabelSelectorOpExists}}},
		nil,
	}
	return f
}

func mustPlan(t *testing.T, f Facts) Plan {
	t.Helper()
	p, err := Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The front's pods have the originals' labels less every key that anything selects by, and listen where those do.
func TestPlan(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, web())
	swapped := "nhctl-front-" + p.ID
	if diff := cmp.Diff(map[string]string{"app": swapped, "tier": swapped}, p.Swapped); diff != "" {
		t.Error(diff)
	}
	want := map[string]string{
		"app":                 swapped,
		"tier":                swapped,
		"version":             "v2",
		contract.LabelSession: p.ID,
		contract.LabelRole:    contract.RoleFront,
	}
	if diff := cmp.Diff(want, p.Labels); diff != "" {
		t.Error(diff)
	}
	got := map[int]route.Protocol{}
	for _, port := range p.Ports {
		got[port.Number] = port.Known
	}
	if diff := cmp.Diff(map[int]route.Protocol{8080: route.HTTP, 81: route.Unknown}, got); diff != "" {
		t.Error(diff)
	}
	if p.Carrier < 20_000 || p.Carrier > 31_000 {
		t.Errorf("the carriers' port is %d", p.Carrier)
	}
	d, err := p.Deployment("sidecar:1", "10.0.0.1", workload.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var config contract.Agent
	agent := d.Spec.Template.Spec.Containers[0]
	if err := json.Unmarshal([]byte(agent.Env[0].Value), &config); err != nil {
		t.Fatal(err)
	}
	wantPorts := []contract.Intercepted{
		{Port: 8080, Protocol: "http", Original: "10.0.0.1:80"},
		{Port: 81, Original: "10.0.0.1:81"},
	}
	if diff := cmp.Diff(wantPorts, config.Intercepted); diff != "" {
		t.Error(diff)
	}
	if agent.Ports[0].Name != "web" || agent.Ports[0].ContainerPort != 8080 { // the Service finds the port by its name
		t.Errorf("%+v", agent.Ports)
	}
	pod := d.Spec.Template.Spec
	if !*agent.SecurityContext.RunAsNonRoot || len(agent.SecurityContext.Capabilities.Drop) != 1 ||
		*pod.AutomountServiceAccountToken ||
		pod.SecurityContext.Sysctls[0].Name != "net.ipv4.ip_unprivileged_port_start" {
		t.Errorf("%+v", pod)
	}
	if s := p.originals(); s.Spec.Ports[0].NodePort != 0 || !maps.Equal(s.Spec.Selector, p.Selector) {
		t.Errorf("%+v", s.Spec)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	local := corev1.ServiceInternalTrafficPolicyLocal
	for name, c := range map[string]struct {
		change func(*Facts)
		want   string
	}{
		"no selector":     {func(f *Facts) { f.Service.Spec.Selector = nil }, "has no selector"},
		"another name":    {func(f *Facts) { f.Service.Spec.Type = corev1.ServiceTypeExternalName }, "is another name"},
		"local, external": {func(f *Facts) { f.Service.Spec.ExternalTrafficPolicy = "Local" }, "traffic policy Local"},
		"local, internal": {func(f *Facts) { f.Service.Spec.InternalTrafficPolicy = &local }, "traffic policy Local"},
		"a rollout's": {func(f *Facts) {
			f.Service.Annotations = map[string]string{rolloutsOwner: "web"}
		}, "Argo Rollouts"},
		"a rollout's key": {func(f *Facts) { f.Service.Spec.Selector[rolloutsKey] = "x" }, "Argo Rollouts"},
		"governing": {func(f *Facts) {
			f.Sets = []appsv1.StatefulSet{{
				ObjectMeta: metav1.ObjectMeta{Name: "db"},
				Spec:       appsv1.StatefulSetSpec{ServiceName: "web"},
			}}
		}, "governs StatefulSet db"},
		"UDP":     {func(f *Facts) { f.Service.Spec.Ports[1].Protocol = corev1.ProtocolUDP }, "a port of UDP"},
		"no port": {func(f *Facts) { f.Service.Spec.Ports = nil }, "has no port"},
		"a front's own": {func(f *Facts) {
			f.Service.Labels = map[string]string{contract.LabelRole: contract.RoleFront}
		}, "belongs to a front"},
		"a name that no pod has": {func(f *Facts) { f.Pods = nil }, "has a port named web"},
		"a name of two numbers": {func(f *Facts) {
			f.Pods[1].Spec.Containers[0].Ports[0].ContainerPort = 9090
		}, "8080 in one pod and 9090 in another"},
	} {
		f := web()
		c.change(&f)
		_, err := Of(f)
		p := problem.From(err)
		if p == nil || p.Code != problem.Refused || p.Hint == "" || !strings.Contains(p.Message, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProtocols(t *testing.T) {
	t.Parallel()
	app := func(s string) *string { return &s }
	for _, c := range []struct {
		name string
		app  *string
		want route.Protocol
	}{
		{"http", nil, route.HTTP},
		{"http-web", nil, route.HTTP},
		{"grpc", nil, route.HTTP},
		{"https", nil, route.TCP},
		{"tcp-admin", nil, route.TCP},
		{"mysql", nil, route.TCP},
		{"httpish", nil, route.Unknown},
		{"", nil, route.Unknown},
		{"http", app("tcp"), route.TCP},
		{"x", app("kubernetes.io/h2c"), route.HTTP},
		{"http", app("example.com/own"), route.Unknown},
	} {
		if got := protocolOf(corev1.ServicePort{Name: c.name, AppProtocol: c.app}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// switched is the Service as its front's patch makes it.
func switched(t *testing.T, f Facts) *corev1.Service {
	t.Helper()
	p := mustPlan(t, f)
	body, err := p.swap(f.Service)
	if err != nil {
		t.Fatal(err)
	}
	var operations []operation
	if err := json.Unmarshal(body, &operations); err != nil {
		t.Fatal(err)
	}
	s := f.Service.DeepCopy()
	s.Spec.Selector = p.Swapped
	for _, o := range operations {
		if o.Path == notePath() {
			s.Annotations = map[string]string{contract.AnnotationFront: o.Value.(string)}
		}
	}
	return s
}

// A Service that is switched has the same front for everyone, made of what its selector was.
func TestSwitched(t *testing.T) {
	t.Parallel()
	f := web()
	before := mustPlan(t, f)
	f.Service = switched(t, f)
	after := mustPlan(t, f)
	if diff := cmp.Diff(before.Selector, after.Selector); diff != "" || before.ID != after.ID {
		t.Error(diff)
	}
	with := func(text func(*corev1.Service) string) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Annotations[contract.AnnotationFront] = text(s) }
	}
	for name, change := range map[string]func(*corev1.Service){
		"no note":     func(s *corev1.Service) { s.Annotations = nil },
		"no JSON":     func(s *corev1.Service) { s.Annotations[contract.AnnotationFront] = "x" },
		"other keys":  with(func(*corev1.Service) string { return note(`{"app":"x","b":"y"}`) }),
		"more keys":   with(func(*corev1.Service) string { return note(`{"app":"x","tier":"y","z":"z"}`) }),
		"itself":      with(func(s *corev1.Service) string { return noteOf(s.Spec.Selector) }),
		"bad values":  with(func(*corev1.Service) string { return note(`{"app":"a b","tier":"y"}`) }),
		"another one": with(func(*corev1.Service) string { return `{"kind":"x","version":1}` }),
	} {
		s := f.Service.DeepCopy()
		change(s)
		if n, err := Switched(s); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

func note(selector string) string { return `{"kind":"front","version":1,"selector":` + selector + `}` }

func noteOf(selector map[string]string) string {
	text, _ := json.Marshal(selector)
	return note(string(text))
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	of := func(session string, matches ...route.Match) record.Route {
		return record.Route{
			Session:   session,
			Service:   "web",
			Ports:     []record.RoutePort{{Target: 8080}},
			Matches:   matches,
			Holder:    record.Holder{User: "u", Local: session + "@x"},
			Since:     now,
			Heartbeat: now,
		}
	}
	header := func(value string) route.Match { return route.Match{Of: route.OfHeader, Name: "dev", Value: value} }
	path := func(value string) route.Match { return route.Match{Of: route.OfPath, Value: value} }
	raw, mirror := of("raw"), of("mirror")
	raw.Raw, mirror.Mirror = true, true
	for name, c := range map[string]struct {
		a, b record.Route
		want bool
	}{
		"two exchanges":         {of("a"), of("b"), true},
		"an exchange, a mesh":   {of("a"), of("b", header("x")), false},
		"the same":              {of("a", header("x")), of("b", header("x")), true},
		"others":                {of("a", header("x")), of("b", header("y")), false},
		"within a prefix":       {of("a", header("xy")), of("b", header("^x")), true},
		"out of a prefix":       {of("a", header("^x")), of("b", header("y")), false},
		"prefixes in one":       {of("a", path("^/a")), of("b", path("^/a/b")), true},
		"prefixes apart":        {of("a", path("^/a")), of("b", path("^/b")), false},
		"an expression":         {of("a", header("~x")), of("b", header("y")), true},
		"of different parts":    {of("a", header("x")), of("b", path("/y")), true},
		"one of two apart":      {of("a", header("x"), path("/p")), of("b", header("y"), path("/p")), false},
		"raw, a mesh":           {raw, of("b", header("x")), true},
		"raw, an exchange":      {raw, of("b"), true},
		"a mirror, an exchange": {mirror, of("b"), false},
		"a mirror, raw":         {mirror, raw, false},
		"a mirror, a mesh":      {mirror, of("b", header("x")), false},
		"names in another case": {
			of("a", header("x")), of("b", route.Match{Of: route.OfHeader, Name: "DEV", Value: "y"}), false,
		},
	} {
		for _, pair := range [][2]record.Route{{c.a, c.b}, {c.b, c.a}} {
			err := Overlap(pair[0], []record.Route{pair[0], pair[1]}, now)
			if (err != nil) != c.want {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && !strings.Contains(err.Error(), pair[1].Holder.Local) {
				t.Errorf("%s: no holder in %v", name, err)
			}
		}
	}
	silent := of("b")
	silent.Heartbeat = now.Add(-11 * time.Minute)
	other := of("c")
	other.Ports[0].Target = 9090
	elsewhere := of("d")
	elsewhere.Service = "api"
	if err := Overlap(of("a"), []record.Route{silent, other, elsewhere}, now); err != nil {
		t.Error(err)
	}
}

// cluster is web in memory.
func cluster(t *testing.T) *kubetest.Cluster {
	t.Helper()
	return clusterOf(t, kubetest.Kubelet{})
}

func clusterOf(t *testing.T, kubelet kubetest.Kubelet) *kubetest.Cluster {
	t.Helper()
	c := kubetest.New([]string{ns}, kubetest.Workloads(), kubelet.Controller(), kubetest.Endpoints())
	two := int32(2)
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns}}
	d.Spec.Replicas, d.Spec.Selector = &two, &metav1.LabelSelector{MatchLabels: labels}
	d.Spec.Template.Labels = map[string]string{"app": "web", "version": "v1", "team": "x"}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:1"}}
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns}}
	s.Spec.Selector = labels
	s.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt(8080)}}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns}}
	budget.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}
	c.Add(d, s, budget)
	return c
}

// A front that runs and is not ready yet is waited for: a Service without a ready endpoint refuses its clients.
func TestAwaitReady(t *testing.T) {
	t.Parallel()
	for _, ready := range []bool{true, false} {
		c := clusterOf(t, kubetest.Kubelet{Ready: func(*corev1.Pod) bool { return ready }})
		client := c.Client(t, "admin", ns)
		facts, err := Read(t.Context(), client, "web")
		if err != nil {
			t.Fatal(err)
		}
		p := mustPlan(t, facts)
		if _, err := Raise(t.Context(), client, p, "sidecar:1", workload.Limits{}, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		if _, err := Pod(t.Context(), client, p); err != nil {
			t.Fatalf("it runs: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := AwaitReady(ctx, client, p); (err == nil) != ready {
			t.Errorf("ready %v: %v", ready, err)
		}
	}
}

// A front is raised, switched to, and lowered; the Service and the namespace are as before.
func TestRaiseAndLower(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	client, before := c.Client(t, "admin", ns), c.Snapshot(ns)
	facts, err := Read(t.Context(), client, "web")
	if err != nil {
		t.Fatal(err)
	}
	p := mustPlan(t, facts)
	if p.Labels["version"] != "v1" || p.Labels["team"] != "" { // a budget selects by that
		t.Errorf("labels %v", p.Labels)
	}
	limits, err := Try(t.Context(), client, p, "sidecar:1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, c.Snapshot(ns)); diff != "" {
		t.Errorf("a dry run has changed something: %s", diff)
	}
	for i, made := range []bool{true, false} {
		got, err := Raise(t.Context(), client, p, "sidecar:1", limits, make([]byte, 32))
		if got.Made != made || err != nil {
			t.Fatalf("call %d: %+v, %v", i, got, err)
		}
	}
	if _, err := Pod(t.Context(), client, p); err != nil {
		t.Fatal(err)
	}
	known, err := Originals(t.Context(), client, p)
	if err != nil || len(known[8080]) != 1 { // both pods have one address here
		t.Errorf("%v, %v", known, err)
	}
	for range 2 {
		if err := Switch(t.Context(), client, p); err != nil {
			t.Fatal(err)
		}
	}
	if toFront, elsewhere, err := leads(t.Context(), client, p); !toFront || elsewhere || err != nil {
		t.Errorf("%v, %v, %v", toFront, elsewhere, err)
	}
	if by, err := Changed(t.Context(), client, p); by != "" || err != nil {
		t.Errorf("%q, %v", by, err)
	}
	for range 2 {
		if err := Lower(t.Context(), client, p); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, c.Snapshot(ns)); diff != "" {
		t.Error(diff)
	}
}

// A Service that someone else has changed is left alone, before the switch and after it.
func TestNeverFight(t *testing.T) {
	t.Parallel()
	other := map[string]string{"app": "other"}
	change := func(c *kubetest.Cluster) {
		kubetest.Edit(c, ns, "web", func(s *corev1.Service) { s.Spec.Selector = other })
	}
	selector := func(c *kubetest.Cluster) map[string]string {
		return kubetest.Get[corev1.Service](c, ns, "web").Spec.Selector
	}
	plan := func(c *kubetest.Cluster) Plan {
		facts, err := Read(t.Context(), c.Client(t, "admin", ns), "web")
		if err != nil {
			t.Fatal(err)
		}
		return mustPlan(t, facts)
	}
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		c := cluster(t)
		p := plan(c)
		change(c)
		err := Switch(t.Context(), c.Client(t, "admin", ns), p)
		if !errors.Is(err, ErrChanged) || !maps.Equal(selector(c), other) {
			t.Errorf("%v, %v", err, selector(c))
		}
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		c := cluster(t)
		p, client := plan(c), c.Client(t, "admin", ns)
		if _, err := Raise(t.Context(), client, p, "sidecar:1", workload.Limits{}, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		if err := Switch(t.Context(), client, p); err != nil {
			t.Fatal(err)
		}
		change(c)
		if by, err := Changed(t.Context(), client, p); !strings.Contains(by, "changed the selector") || err != nil {
			t.Errorf("%q, %v", by, err)
		}
		if err := Lower(t.Context(), client, p); err != nil || !maps.Equal(selector(c), other) {
			t.Errorf("%v, %v", err, selector(c))
		}
		if s := kubetest.Get[corev1.Service](c, ns, "web"); s.Annotations[contract.AnnotationFront] != "" {
			t.Errorf("%v", s.Annotations)
		}
	})
}
