package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// paths are those of a user with a home of their own; socket paths must be short.
func paths(t *testing.T) Paths {
	t.Helper()
	home, err := os.MkdirTemp("", "nhctl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	p, err := NewPaths(map[string]string{"HOME": home, "XDG_STATE_HOME": home})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSavedSessionsSurvive(t *testing.T) {
	t.Parallel()
	p := paths(t)
	want := saved{
		Record:     recordOf("0a1b2c3d", "shop"),
		Token:      []byte{1, 2, 3},
		Kubeconfig: "/a:/b",
		Settings:   filesync.Settings{Type: filesync.Send},
		Roots:      []string{"/home/ada/web"},
		Forwards:   []rpc.PortPair{{Local: 8080, Remote: 80}},
	}
	if err := p.save(want); err != nil {
		t.Fatal(err)
	}
	got, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]saved{want}, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(p.session("0a1b2c3d"), savedFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file has mode %v, %v", info.Mode(), err)
	}
	if err := p.remove("0a1b2c3d"); err != nil {
		t.Fatal(err)
	}
	if left, err := p.load(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOneDaemonAUser(t *testing.T) {
	t.Parallel()
	p := paths(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, p) }()
	for {
		c, err := dial(p, func(event.Event) {})
		if err == nil {
			var d rpc.Daemon
			if err := c.Call(t.Context(), rpc.MethodDaemon, nil, &d); err != nil || d.PID != os.Getpid() {
				t.Errorf("%+v, %v", d, err)
			}
			c.Close()
			break
		}
	}
	info, err := os.Stat(p.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	if err := Serve(t.Context(), p); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A daemon that is ending still has the lock for a while: the next one waits for it.
func TestDaemonAfterOneThatEnds(t *testing.T) {
	t.Parallel()
	p := paths(t)
	ending, err := acquire(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan error, 1)
	go func() {
		lock, err := acquire(t.Context(), p)
		if err == nil {
			err = lock.Unlock()
		}
		next <- err
	}()
	select {
	case err := <-next:
		t.Errorf("the next one did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := ending.Unlock(); err != nil {
		t.Error(err)
	}
	if err := <-next; err != nil {
		t.Error(err)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "web", ".dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "name: web\ncontainers:\n- name: app\n  dev: {image: golang, sync: {type: send}, portForward: ['8080:80'], resources: {limits: {memory: 1Gi}}}\n"
	if err := os.WriteFile(filepath.Join(dir, "web", ".dev", "config.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	caller := rpc.Caller{Env: map[string]string{"HOME": "/home/nobody"}, Dir: filepath.Join(dir, "web")}
	spec, state, _, err := plan(rpc.Start{Target: rpc.Target{Caller: caller}, Mode: rpc.Replace, SidecarImage: "sidecar:1"}, noCluster{})
	if err != nil {
		t.Fatal(err)
	}
	root, _ := filepath.EvalSymlinks(filepath.Join(dir, "web"))
	if spec.Workload.Name != "web" || spec.Container != "app" || spec.Image != "golang" || spec.Folder != root || spec.SidecarImage != "sidecar:1" || spec.Resources.Limits.Memory().String() != "1Gi" {
		t.Errorf("%+v", spec)
	}
	if diff := cmp.Diff([]rpc.PortPair{{Local: 8080, Remote: 80}}, state.Forwards); diff != "" || state.Settings.Type != filesync.Send {
		t.Errorf("%s %+v", diff, state.Settings)
	}
	if err := os.WriteFile(filepath.Join(dir, "web", ".dev", "config.yaml"), []byte("serviceType: CronJob\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "cronjob/web", "web": "cronjob/web", "deploy/web": "deployment/web", "cart": "deployment/cart"} {
		if ref, _, err := named(rpc.Target{Caller: caller, Workload: name}, ""); err != nil || ref.String() != want {
			t.Errorf("%q means %s, %v; want %s", name, ref, err, want)
		}
	}
	for name, tt := range map[string]struct {
		start rpc.Start
		code  problem.Code
	}{
		"no config and no name": {rpc.Start{Target: rpc.Target{Caller: rpc.Caller{Dir: dir}}}, problem.Usage},
		"the root":              {rpc.Start{Target: rpc.Target{Caller: caller, Workload: "web"}, Folder: "/"}, problem.Refused},
		"no kind":               {rpc.Start{Target: rpc.Target{Caller: caller, Workload: "thing/db"}}, problem.Usage},
	} {
		if _, _, _, err := plan(tt.start, noCluster{}); err == nil || problem.From(err).Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// noCluster has nothing.
type noCluster struct{}

func (noCluster) containers(workload.Ref, string) ([]corev1.Container, error) { return nil, nil }
func (noCluster) config(workload.Ref, string) (*config.File, error)           { return nil, nil }

// shared has one config for every workload.
type shared struct {
	noCluster
	text string
}

func (s shared) config(ref workload.Ref, profile string) (*config.File, error) {
	return config.LoadShared("configmap/nhctl-config (config.yaml)", s.text, ref, profile)
}

func TestPlanShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := rpc.Start{Target: rpc.Target{Caller: rpc.Caller{Env: map[string]string{"HOME": "/home/nobody"}, Dir: dir}, Workload: "sts/db"}, Folder: dir}
	spec, state, said, err := plan(start, shared{text: "containers:\n- name: app\n  dev: {image: golang, command: {run: go run .}}\n"})
	if err != nil {
		t.Fatal(err)
	}
	if spec.Workload.String() != "statefulset/db" || spec.Image != "golang" || state.Config != "" || state.Dev.Command.Run.String() != "go run ." || len(said) != 1 {
		t.Errorf("%+v %+v %q", spec, state, said)
	}
	if spec, _, _, err := plan(start, shared{text: "name: web\ncontainers:\n- dev: {image: golang}\n"}); err != nil || spec.Image != "" {
		t.Errorf("another workload's config: %q, %v", spec.Image, err)
	}
	for name, text := range map[string]string{
		"local command": "local: {command: rm}",
		"env file":      "containers: [{dev: {envFrom: {envFile: [{path: x.env}]}}}]",
		"sync folder":   "containers: [{dev: {sync: {local: ../..}}}]",
		"include":       "containers: [{dev: {image: \"${_INCLUDE_:- /etc/passwd}\"}}]",
		"set's env":     "configProperties: {envFile: x.env}\nservices: [{name: db}]",
	} {
		_, _, _, err := plan(start, shared{text: text})
		if err == nil || problem.From(err).Code != problem.Usage || !strings.Contains(err.Error(), "configmap/nhctl-config (config.yaml):1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
