package devmode

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// apart is a Deployment two of whose pods can't run at once.
const apart = "deployment, apart"

// rollout is a custom resource.
const rollout = "rollouts.v1alpha1.argoproj.io"

// kinds has the manifest of a workload of each kind, named web.
func kinds() map[string]string {
	const container = "containers: [{name: app, image: 'web:1', ports: [{containerPort: 80}]}]"
	const template = "template: {metadata: {labels: {app: web}}, spec: {" + container + "}}"
	const selector = "selector: {matchLabels: {app: web}}, "
	const head = "metadata: {name: web, namespace: shop, labels: {team: front}}\n"
	apps := func(kind, spec string) string {
		return "apiVersion: apps/v1\nkind: " + kind + "\n" + head + "spec: {" + selector + spec + template + "}"
	}
	return map[string]string{
		"deployment": apps("Deployment", "replicas: 2, "),
		apart: strings.Replace(apps("Deployment", ""),
			"containerPort: 80", "containerPort: 80, hostPort: 80", 1),
		"replicaset": apps("ReplicaSet", "replicas: 2, "),
		"daemonset":  apps("DaemonSet", ""),
		"statefulset": apps("StatefulSet", "replicas: 2, serviceName: web, volumeClaimTemplates: "+
			"[{metadata: {name: data}, spec: "+
			"{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}], "),
		"job": "apiVersion: batch/v1\nkind: Job\n" + head + "spec: {" + template + "}",
		"cronjob": "apiVersion: batch/v1\nkind: CronJob\n" + head +
			"spec: {schedule: '0 0 1 1 *', jobTemplate: {spec: {" + template + "}}}",
		"pod": "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n" +
			"spec: {ofANewerKubernetes: {level: 3}, " + container + "}",
		rollout: "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n" + head +
			"spec: {replicas: 2, " + selector + template + "}",
	}
}

// ref is the workload of a kind's manifest.
func ref(kind string) workload.Ref {
	kind, _, _ = strings.Cut(kind, ",")
	return workload.Ref{Kind: workload.Kind(kind), Name: "web"}
}

// stage is a cluster with a workload that its Service selects.
type stage struct {
	*kubetest.Cluster
	t    *testing.T
	kind string

	mu sync.Mutex
	// ready has the sessions whose sidecar lets traffic in.
	ready map[string]bool
	// fails is the status of twins' pods in the place of running, originalFails that of the others.
	fails, originalFails *corev1.PodStatus
	// status is that of a twin's pod in the place of running, where one for all does not do.
	status func(*corev1.Pod) *corev1.PodStatus
}

// newStage is a stage where the developers have the Role that nhctl asks for, and no other permission.
func newStage(t *testing.T, kind string) *stage {
	t.Helper()
	s := &stage{t: t, kind: kind, ready: map[string]bool{}}
	kubelet := kubetest.Kubelet{
		Start: 200 * time.Millisecond, // each poll of a wait is work, and costs the bubble no time
		Grace: 200 * time.Millisecond,
		Ready: func(p *corev1.Pod) bool { return !isTwin(p) || s.gate(p.Labels[contract.LabelSession]) },
		Fails: func(p *corev1.Pod) *corev1.PodStatus {
			s.mu.Lock()
			defer s.mu.Unlock()
			if isTwin(p) && s.status != nil {
				return s.status(p)
			}
			if isTwin(p) {
				return s.fails
			}
			return s.originalFails
		},
	}
	rollouts := kubetest.Scaling(kubetest.Rollout())
	s.Cluster = kubetest.New([]string{"shop"}, kubetest.Workloads(), rollouts, kubelet.Controller())
	s.Define(kubetest.Rollout(), kubetest.ScaledObject())
	s.add("apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}}")
	if kind != "" {
		s.add(kinds()[kind])
	}
	var role rbacv1.Role
	if err := yaml.Unmarshal([]byte(kube.Role), &role); err != nil {
		t.Fatal(err)
	}
	s.Restrict("ada", role.Rules...)
	s.Restrict("bob", role.Rules...)
	pass(kubelet.Start)
	return s
}

// pass lets time pass on the bubble's clock.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait() // fails outside of a bubble
}

func isTwin(p *corev1.Pod) bool { return p.Labels[contract.LabelRole] == contract.RoleTwin }

func (s *stage) add(manifest string) {
	s.t.Helper()
	s.Add(s.parse(manifest))
}

func (s *stage) parse(manifest string) *unstructured.Unstructured {
	s.t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		s.t.Fatal(err)
	}
	text, err := o.MarshalJSON()
	if err == nil {
		err = o.UnmarshalJSON(text) // whole numbers
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func (s *stage) gate(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready[session]
}

func (s *stage) setGate(session string, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[session] = open
}

// computer is a developer's, with what nhctl has there.
type computer struct {
	*stage
	deps   Deps
	holder record.Holder
	link   *link
	// ousted are the sessions that were ended from here since their own computer is silent.
	ousted []string

	said sync.Mutex
	// notices are the texts of notices, waits those of what a step waits for.
	notices, waits []string
}

func (s *stage) computer(user, host string) *computer {
	s.t.Helper()
	c := &computer{stage: s, holder: record.Holder{User: user, Local: user + "@" + host}}
	c.link = &link{stage: s}
	c.deps = Deps{Cluster: s.Client(s.t, user, "shop"), Link: c.link, Emit: c.hear, Oust: c.oust}
	return c
}

func (c *computer) hear(e event.Event) {
	c.said.Lock()
	defer c.said.Unlock()
	if e.Type == event.Notice {
		c.notices = append(c.notices, e.Message)
	}
	if e.Step != nil && e.Step.State == event.StepWaiting {
		c.waits = append(c.waits, e.Step.Detail)
	}
}

// heard says whether a notice has a text.
func (c *computer) heard(text string) bool {
	c.said.Lock()
	defer c.said.Unlock()
	return slices.ContainsFunc(c.notices, func(n string) bool { return strings.Contains(n, text) })
}

func (c *computer) oust(ctx context.Context, r Record) (string, error) {
	c.ousted = append(c.ousted, r.Session)
	return "/kept/" + r.Session, Leave(ctx, c.deps, r, LeaveOptions{Force: true})
}

// spec is how the stage's workload is taken into dev mode.
func (c *computer) spec(mode record.Mode) Spec {
	s := spec(mode)
	s.Workload, s.Holder, s.Yes = ref(c.kind), c.holder, true
	return s
}

// enter takes the stage's workload into dev mode, within a minute.
func (c *computer) enter(s Spec) (Record, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	return Enter(ctx, c.deps, s)
}

func (c *computer) mustEnter(s Spec) Record {
	c.t.Helper()
	r, err := c.enter(s)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *computer) leave(r Record) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	return Leave(ctx, c.deps, r, LeaveOptions{})
}

// end ends whatever there is of the stage's workload from what the cluster has, as `dev end --force` does on any
// computer.
func (c *computer) end() {
	c.t.Helper()
	ctx := c.t.Context()
	listed, err := lease.List(ctx, c.deps.Cluster)
	if err != nil || len(listed.Unreadable) > 0 {
		c.t.Fatal(listed, err)
	}
	for _, r := range listed.Records {
		if err := Leave(ctx, c.deps, r, LeaveOptions{Force: true}); err != nil {
			c.t.Errorf("end: %v", err)
		}
	}
	orphans, _, err := Orphan(ctx, c.deps.Cluster, ref(c.kind))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range orphans {
		if err := Leave(ctx, c.deps, r, LeaveOptions{Force: true}); err != nil {
			c.t.Errorf("end without a Lease: %v", err)
		}
	}
}

// restored compares the namespace with an earlier snapshot, once pods have had the time to come and go.
func (s *stage) restored(before map[string]any, what ...any) {
	s.t.Helper()
	s.Snapshot("shop") // missing pods are created
	pass(5 * time.Second)
	if diff := cmp.Diff(before, s.Snapshot("shop")); diff != "" {
		s.t.Errorf("%v: the namespace differs (-before +after):\n%s", what, diff)
	}
}

// link does what the daemon's does, without a pod.
type link struct {
	*stage
	// fail is the error of a call, by its name.
	fail map[string]error
	// down is what can't be reached from the pod, until it is nil.
	down  []string
	saved Record
	calls []string
}

func (l *link) call(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, name)
	return l.fail[name]
}

func (l *link) Save(r Record, _ []byte) error {
	l.saved = r
	return l.call("save")
}

func (l *link) Mounted(context.Context, corev1.PodSpec) error { return l.call("mounted") }
func (l *link) Start() error                                  { return l.call("start") }
func (l *link) Wake()                                         {}
func (l *link) Connect(context.Context) error                 { return l.call("connect") }
func (l *link) FirstSync(context.Context) error               { return l.call("sync") }
func (l *link) Flush(context.Context) error                   { return l.call("flush") }

func (l *link) Reach(context.Context, []string, []string) ([]string, error) {
	err := l.call("reach")
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down, err
}

func (l *link) SetReady(_ context.Context, open bool) error {
	for _, p := range kubetest.List[corev1.Pod](l.Cluster, "shop") {
		session := p.Labels[contract.LabelSession]
		if isTwin(&p) && (l.saved.Session == "" || l.saved.Session == session) {
			l.setGate(session, open)
		}
	}
	return l.call(map[bool]string{true: "open", false: "close"}[open])
}
