package doctor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// deployed is a cluster whose namespace shop has Deployments.
func deployed(annotations map[string]string, names ...string) *kubetest.Cluster {
	cluster := kubetest.New([]string{"shop"})
	for _, name := range names {
		cluster.Add(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Annotations: annotations},
			Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: name, Image: "shop/" + name}},
			}}},
		})
	}
	return cluster
}

// session adds a session of a Deployment.
func session(t *testing.T, c *kube.Client, id, name, local string) {
	t.Helper()
	_, err := lease.Create(t.Context(), c, record.Record{
		Session:   id,
		Namespace: "shop",
		Workload:  deployment(name),
		Replicas:  1,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: local},
		Since:     time.Unix(1700000000, 0),
		Port:      20001,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
	})
	if err != nil {
		t.Fatal(err)
	}
}

func deployment(name string) workload.Ref { return workload.Ref{Kind: workload.Deployment, Name: name} }

// The commands to try next follow from what the checks have found, the folder, and the namespace.
func TestAdvise(t *testing.T) {
	t.Parallel()
	failing := func(checks ...string) (found []Finding) {
		for _, check := range checks {
			found = append(found, Finding{Check: check, State: Failed})
		}
		return append(found, Finding{Check: "clock", State: OK})
	}
	config := Here{Config: true, Workloads: []workload.Ref{deployment("web")}}
	both := Here{Config: true, Workloads: []workload.Ref{deployment("web"), {Kind: workload.StatefulSet, Name: "db"}}}
	sources := Here{Name: "web", Language: "go"}
	flags := Here{Config: true, Workloads: config.Workloads, Flags: []string{"--context", "a b", "-n", "shop"}}
	start := func(args string) []string {
		return []string{"nhctl dev start" + args, "nhctl dev run", "nhctl dev end"}
	}
	begin := func(args string) []string {
		return []string{"nhctl config init", "nhctl dev start " + args, "nhctl dev run"}
	}
	again := []string{"nhctl doctor", "nhctl support", "nhctl dev list"}
	mine := func(args string) []string {
		return []string{"nhctl dev status" + args, "nhctl dev terminal" + args, "nhctl dev end" + args}
	}
	for name, tt := range map[string]struct {
		cluster  *kubetest.Cluster
		sessions [][3]string // id, Deployment, holder
		found    []Finding
		here     Here
		want     []string
	}{
		"no cluster, nothing here": {found: failing("cluster"),
			want: []string{"kubectl config get-contexts", "nhctl doctor", "nhctl config init --offline"}},
		"no cluster, a config": {found: failing("cluster"), here: flags, want: []string{
			"kubectl config get-contexts --context 'a b' -n shop", "nhctl doctor --context 'a b' -n shop",
			"nhctl config validate --context 'a b' -n shop",
		}},
		"a session, and no cluster any more": {cluster: deployed(nil, "web"),
			sessions: [][3]string{{"0a1b2c3d", "web", "ada@here"}}, found: failing("cluster"), here: config,
			want: []string{"kubectl config get-contexts", "nhctl doctor", "nhctl config validate"}},
		"permissions are missing": {found: failing("permissions"), here: config,
			want: []string{"nhctl doctor --role", "nhctl doctor", "nhctl support"}},
		"a quota, after --pull": {found: failing("pods"), here: Here{Pull: true},
			want: []string{"kubectl describe quota,limits", "nhctl doctor --pull", "nhctl support"}},
		"an image of the config": {found: failing("image dev:1"), here: config,
			want: []string{"nhctl config show --origin", "nhctl doctor", "nhctl support"}},
		"the sidecar's image": {found: failing("image sidecar:1"), want: again},
		"who am I": {found: failing("user"),
			want: []string{"kubectl auth whoami", "nhctl doctor", "nhctl support"}},
		"all at once": {found: failing("user", "permissions", "pods", "image dev:1"), here: config,
			want: []string{"kubectl auth whoami", "nhctl doctor --role", "kubectl describe quota,limits"}},
		"only warnings": {cluster: deployed(nil), found: []Finding{{Check: "clock", State: Warning}}, here: config,
			want: start("")},
		"a config": {cluster: deployed(nil, "web"), here: config, want: start("")},
		"a config, with flags": {cluster: deployed(nil), here: flags,
			want: withFlags(start(""), " --context 'a b' -n shop")},
		"a config of several": {cluster: deployed(nil, "web"), here: both, want: start(" web")},
		"a config with a fault": {cluster: deployed(nil), here: Here{Config: true, Mistakes: true},
			want: []string{"nhctl config validate", "nhctl dev start", "nhctl dev run"}},
		"a session": {cluster: deployed(nil, "web"), sessions: [][3]string{{"0a1b2c3d", "web", "ada@here"}},
			here: config, want: mine("")},
		"a session of another folder": {cluster: deployed(nil, "web", "db"),
			sessions: [][3]string{{"0a1b2c3d", "db", "ada@here"}}, here: config, want: start("")},
		"a session, without a config": {cluster: deployed(nil, "web"),
			sessions: [][3]string{{"0a1b2c3d", "web", "ada@here"}}, here: sources, want: mine("")},
		"a session of several workloads": {cluster: deployed(nil, "web"),
			sessions: [][3]string{{"0a1b2c3d", "web", "ada@here"}}, here: both, want: mine(" --session 0a1b2c3d")},
		"several sessions": {cluster: deployed(nil, "db", "web"),
			sessions: [][3]string{{"0a1b2c3d", "db", "ada@here"}, {"11111111", "web", "ada@here"}},
			here:     sources, want: mine(" --session 0a1b2c3d")},
		"another's session": {cluster: deployed(nil, "web"), sessions: [][3]string{{"0a1b2c3d", "web", "bob@there"}},
			here: config, want: start("")},
		"sources of a workload": {cluster: deployed(nil, "db", "web"), here: sources,
			want: begin("web --dir . --image auto")},
		"sources of no workload": {cluster: deployed(nil, "db"), here: sources,
			want: begin("WORKLOAD --dir . --image auto")},
		"no sources that are known": {cluster: deployed(nil, "web"), here: Here{Name: "web"},
			want: begin("web --dir . --image IMAGE")},
		"a config in the cluster": {
			cluster: deployed(map[string]string{contract.AnnotationConfig: "name: web"}, "web"), here: sources,
			want: start(" web --dir .")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c *kube.Client
			if tt.cluster != nil {
				c = tt.cluster.Client(t, "ada", "shop")
			}
			for _, s := range tt.sessions {
				session(t, c, s[0], s[1], s[2])
			}
			tt.here.Local = "ada@here"
			var got []string
			for _, n := range Advise(t.Context(), c, tt.found, tt.here) {
				got = append(got, n.Command)
				if n.Title == "" {
					t.Errorf("%s: nothing says what it is for", n.Command)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withFlags(commands []string, flags string) (all []string) {
	for _, c := range commands {
		all = append(all, c+flags)
	}
	return all
}

// Where the namespace can't be looked into, the advice is that for an empty one.
func TestAdviseWithoutPermissions(t *testing.T) {
	t.Parallel()
	cluster := deployed(nil, "web")
	session(t, cluster.Client(t, "root", "shop"), "0a1b2c3d", "web", "ada@here")
	for _, resource := range []string{"leases", "deployments"} {
		cluster.Forbid("ada", "list", resource)
	}
	got := Advise(t.Context(), cluster.Client(t, "ada", "shop"), nil, Here{Local: "ada@here", Name: "web"})
	want := Next{Command: "nhctl config init", Title: "write a config for the sources in this folder"}
	if len(got) != count || got[0] != want {
		t.Errorf("%+v", got)
	}
}
