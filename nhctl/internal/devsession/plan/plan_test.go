package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "web", ".dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "name: web\ncontainers:\n- name: app\n" +
		"  dev: {image: golang, sync: {type: send}, portForward: ['8080:80'], resources: {limits: {memory: 1Gi}}}\n"
	file := filepath.Join(dir, "web", ".dev", "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	caller := rpc.Caller{Env: map[string]string{"HOME": "/home/ada"}, Dir: filepath.Join(dir, "web")}
	start := rpc.Start{Target: rpc.Target{Caller: caller}, Mode: rpc.Replace, SidecarImage: "sidecar:1"}
	todo, err := Read(start, noCluster{})
	if err != nil {
		t.Fatal(err)
	}
	spec, state := todo.Spec, todo.State
	root, _ := filepath.EvalSymlinks(filepath.Join(dir, "web"))
	if spec.Workload.Name != "web" || spec.Container != "app" || spec.Image != "golang" || spec.Folder != root ||
		spec.SidecarImage != "sidecar:1" || spec.Resources.Limits.Memory().String() != "1Gi" {
		t.Errorf("%+v", spec)
	}
	forwards := []rpc.PortPair{{Local: 8080, Remote: 80}}
	if diff := cmp.Diff(forwards, state.Forwards); diff != "" || state.Settings.Type != filesync.Send {
		t.Errorf("%s %+v", diff, state.Settings)
	}
	if err := os.WriteFile(file, []byte("serviceType: CronJob\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"":           "cronjob/web",
		"web":        "cronjob/web",
		"deploy/web": "deployment/web",
		"cart":       "deployment/cart",
	} {
		if ref, _, err := Named(rpc.Target{Caller: caller, Workload: name}, ""); err != nil || ref.String() != want {
			t.Errorf("%q means %s, %v; want %s", name, ref, err, want)
		}
	}
	for name, tt := range map[string]struct {
		start rpc.Start
		code  problem.Code
	}{
		"no config and no name": {rpc.Start{Target: rpc.Target{Caller: rpc.Caller{Dir: dir}}}, problem.Usage},
		"the root": {
			rpc.Start{Target: rpc.Target{Caller: caller, Workload: "web"}, Folder: "/"},
			problem.Refused,
		},
		"no kind": {rpc.Start{Target: rpc.Target{Caller: caller, Workload: "thing/db"}}, problem.Usage},
	} {
		if _, err := Read(tt.start, noCluster{}); err == nil || problem.From(err).Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// noCluster has nothing.
type noCluster struct{}

func (noCluster) Containers(workload.Ref, string) ([]corev1.Container, error) { return nil, nil }
func (noCluster) Config(workload.Ref, string) (*config.File, error)           { return nil, nil }

// shared has one config for every workload.
type shared struct {
	noCluster
	text string
}

func (s shared) Config(ref workload.Ref, profile string) (*config.File, error) {
	return config.LoadShared("configmap/nhctl-config (config.yaml)", s.text, ref, profile)
}

func TestPlanShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	caller := rpc.Caller{Env: map[string]string{"HOME": "/home/ada"}, Dir: dir}
	start := rpc.Start{Target: rpc.Target{Caller: caller, Workload: "sts/db"}, Folder: dir, SidecarImage: "sidecar:1"}
	cluster := shared{text: "containers:\n- name: app\n  dev: {image: golang, command: {run: go run .}}\n"}
	todo, err := Read(start, cluster)
	if err != nil {
		t.Fatal(err)
	}
	spec, state := todo.Spec, todo.State
	if spec.Workload.String() != "statefulset/db" || spec.Image != "golang" || state.Config != "" ||
		state.Dev.Command.Run.String() != "go run ." || len(todo.Notices) != 1 {
		t.Errorf("%+v", todo)
	}
	other := shared{text: "name: web\ncontainers:\n- dev: {image: golang}\n"}
	if todo, err := Read(start, other); err != nil || todo.Spec.Image != "" {
		t.Errorf("another workload's config: %q, %v", todo.Spec.Image, err)
	}
	for name, text := range map[string]string{
		"local command": "local: {command: rm}",
		"env file":      "containers: [{dev: {envFrom: {envFile: [{path: x.env}]}}}]",
		"sync folder":   "containers: [{dev: {sync: {local: ../..}}}]",
		"include":       "containers: [{dev: {image: \"${_INCLUDE_:- /etc/passwd}\"}}]",
		"set's env":     "configProperties: {envFile: x.env}\nservices: [{name: db}]",
	} {
		_, err := Read(start, shared{text: text})
		if err == nil || problem.From(err).Code != problem.Usage ||
			!strings.Contains(err.Error(), "configmap/nhctl-config (config.yaml):1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
