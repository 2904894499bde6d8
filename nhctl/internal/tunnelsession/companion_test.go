package tunnelsession_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func as(workload string) func(*rpc.Connect) { return func(p *rpc.Connect) { p.Workload = workload } }

// A developer has the plain tunnel and one for each workload at the same time: each is found, shown and ended by
// itself, and all of them together.
func TestCompanions(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	plain := mustConnect(t, shell)
	web := mustConnect(t, shell, as("web"))
	if web.ID == plain.ID || web.Tunnel.Port == plain.Tunnel.Port || web.Workload != "deployment/web" ||
		web.Container != "app" || plain.Workload != "" {
		t.Errorf("%+v and %+v", plain, web)
	}
	for _, tunnel := range []rpc.Session{plain, web} {
		if err := works(tunnel, server); err != nil {
			t.Error(err)
		}
	}
	if again := mustConnect(t, shell, as("deploy/web")); again.ID != web.ID || !again.Reattached {
		t.Errorf("a second connect: %+v", again)
	}
	_, err := connect(shell, as("web"), func(p *rpc.Connect) { p.Container = "other" })
	if p := problem.From(err); p.Code != problem.Refused || !strings.Contains(p.Hint, "--workload web") {
		t.Errorf("another container: %v", err)
	}
	if all := overview(t, shell); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	if got := ended(t, shell, func(p *rpc.Disconnect) { p.Workload = "web" }); len(got) != 1 || got[0].ID != web.ID {
		t.Errorf("%+v", got)
	}
	if err := works(plain, server); err != nil {
		t.Errorf("the plain tunnel afterwards: %v", err)
	}
	mustConnect(t, shell, as("web"))
	if got := ended(t, shell); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	cluster.Restored(before)
}

func ended(t *testing.T, s *sessiontest.Shell, changes ...func(*rpc.Disconnect)) []rpc.Session {
	t.Helper()
	e, err := disconnect(s, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return e.Sessions
}

// The next daemon takes all of them up; a computer that has forgotten them ends them all the same.
func TestCompanionsOutliveTheDaemon(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	mustConnect(t, shell)
	web := mustConnect(t, shell, as("web"))
	ada.StopDaemon()
	ada.StartDaemon()
	if all := overview(t, shell); len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	sessiontest.Until(t, "connections work", func() error { return works(web, server) })
	if jobs := kubetest.List[batchv1.Job](cluster.Cluster, ns); len(jobs) != 2 {
		t.Errorf("%d gateways", len(jobs))
	}
	ada.StopDaemon()
	forgotten := sessiontest.NewComputer(t, "ada")
	if got := ended(t, forgotten.Shell(cluster, "ada", "")); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	cluster.Restored(before)
}

// What a companion can't be made of is refused before anything is made; what it goes without is told.
func TestNoCompanion(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	data := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "web-data"}}
	kubetest.Edit(cluster.Cluster, ns, "web", func(d *appsv1.Deployment) {
		spec := &d.Spec.Template.Spec
		spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: data}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
		spec.Containers = append(spec.Containers, corev1.Container{Name: "proxy", Image: "proxy:1"})
	})
	before := cluster.Snapshot(ns)
	for name, tt := range map[string]struct {
		workload, container string
		code                problem.Code
		says                string
	}{
		"no such workload":      {"shop", "", problem.NotFound, `no deployment "shop"`},
		"no workload's name":    {"a/b/c", "", problem.Usage, "names no workload"},
		"one of two containers": {"web", "", problem.Usage, "several containers"},
		"no such container":     {"web", "other", problem.Usage, `no container "other"`},
		"a container alone":     {"", "app", problem.Usage, "a container is one of a workload"},
	} {
		_, err := connect(shell, as(tt.workload), func(p *rpc.Connect) { p.Container = tt.container })
		if p := problem.From(err); p.Code != tt.code || !strings.Contains(p.Message, tt.says) {
			t.Errorf("%s: %s: %s (%s)", name, p.Code, p.Message, p.Hint)
		}
	}
	cluster.Restored(before)
	mustConnect(t, shell, as("web"), func(p *rpc.Connect) { p.Container = "proxy" })
	if ada.Heard("goes without") {
		t.Error("the proxy has no claim")
	}
	ended(t, shell)
	mustConnect(t, shell, as("web"), func(p *rpc.Connect) { p.Container = "app" })
	if !ada.Heard("the gateway's pod goes without PersistentVolumeClaim web-data at /data") {
		t.Error("no notice of the claim that is left out")
	}
	ended(t, shell)
	cluster.Restored(before)
}
