package sessiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/sidecar/agent"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint"
	"github.com/nhctl/nhctl/sidecar/token"
)

// node runs the pods of twins and gateways: a pod begins when someone dials it, and ends once the cluster has it no
// longer.
type node struct {
	t       testing.TB
	dir     string // has a directory for each pod
	cluster *kubetest.Cluster
	// fails says what a pod's status is in the place of running.
	fails atomic.Pointer[func(*corev1.Pod) *corev1.PodStatus]

	mu      sync.Mutex
	running map[types.UID]*Pod
	gone    bool // with all pods; a late dial starts none
}

func newNode(t testing.TB) *node {
	return &node{t: t, dir: temporary(t), running: map[types.UID]*Pod{}}
}

// begin has the node follow a cluster until the test ends.
func (n *node) begin(c *kubetest.Cluster) {
	n.cluster = c
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); n.serve(ctx) }()
	n.t.Cleanup(func() { cancel(); <-done })
}

// serve ends the pods that the cluster has no longer, and all of them in the end.
func (n *node) serve(ctx context.Context) {
	for {
		changed := n.cluster.Changed()
		var left []types.UID
		for _, p := range kubetest.List[corev1.Pod](n.cluster, Namespace) {
			left = append(left, p.UID)
		}
		n.end(func(uid types.UID) bool { return !slices.Contains(left, uid) })
		select {
		case <-changed:
		case <-ctx.Done():
			n.mu.Lock()
			n.gone = true
			n.mu.Unlock()
			n.end(func(types.UID) bool { return true })
			return
		}
	}
}

func (n *node) end(over func(types.UID) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for uid, p := range n.running {
		if over(uid) {
			p.stop()
			delete(n.running, uid)
		}
	}
}

func (n *node) failing(p *corev1.Pod) *corev1.PodStatus {
	if fails := n.fails.Load(); fails != nil {
		return (*fails)(p)
	}
	return nil
}

// ready says whether a pod's containers are ready, by the gate that its sidecar keeps.
func (n *node) ready(p *corev1.Pod) bool {
	if p.Labels[contract.LabelRole] != contract.RoleTwin {
		return true
	}
	open, err := endpoint.Gate(n.root(p))
	return open && err == nil
}

func (n *node) root(p *corev1.Pod) string { return filepath.Join(n.dir, string(p.UID)) }

func (n *node) dial(ctx context.Context, pod *corev1.Pod, port int) (net.Conn, error) {
	p, err := n.run(pod)
	if err != nil {
		return nil, err
	}
	if port != p.config.Port {
		return nil, fmt.Errorf("nothing listens on port %d of pod %s", port, pod.Name)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
}

// exec answers the one command that nhctl itself runs in a sidecar.
func (n *node) exec(_ context.Context, pod *corev1.Pod, o kube.ExecOptions) error {
	p, err := n.run(pod)
	if err != nil {
		return err
	}
	program := contract.Binary
	if p.agent {
		program = contract.ImageEntry
	}
	if !slices.Equal(o.Command, []string{program, "token", p.config.Session}) {
		return fmt.Errorf("no such program: %v", o.Command)
	}
	text, err := token.Text(p.root, p.config.Session)
	if err != nil {
		return err
	}
	_, err = io.Copy(o.Stdout, bytes.NewReader(text))
	return err
}

// run starts a pod's containers, unless they run.
func (n *node) run(of *corev1.Pod) (*Pod, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.running[of.UID]; p != nil {
		return p, nil
	}
	if n.gone {
		return nil, errors.New("the node is gone")
	}
	role := of.Labels[contract.LabelRole]
	p := &Pod{Name: of.Name, root: n.root(of), agent: role == contract.RoleGateway || role == contract.RoleFront}
	for _, c := range of.Spec.Containers {
		for _, e := range c.Env {
			p.environ = append(p.environ, e.Name+"="+e.Value)
			if e.Name == contract.EnvConfig {
				if err := p.configure(e.Value); err != nil {
					return nil, err
				}
			}
		}
	}
	if p.config.Session == "" {
		return nil, fmt.Errorf("pod %s has no sidecar", of.Name)
	}
	if err := errors.Join(n.mount(p, of), p.start()); err != nil {
		return nil, fmt.Errorf("start pod %s: %w", of.Name, err)
	}
	n.running[of.UID] = p
	return p, nil
}

// configure reads what the sidecar or the agent is told at its start.
func (p *Pod) configure(text string) (err error) {
	if !p.agent {
		p.config, err = endpoint.ReadConfig(text)
		return err
	}
	p.agentConfig, err = agent.ReadConfig(text)
	p.config.Session, p.config.Port = p.agentConfig.Session, p.agentConfig.Port
	return err
}

// mount makes a pod's directories, as the kubelet does.
func (n *node) mount(p *Pod, of *corev1.Pod) error {
	dirs := []string{contract.RunDir, contract.TokenDir}
	for _, f := range p.config.Folders {
		dirs = append(dirs, contract.WorkDir+"/"+f.DataSubPath(), contract.WorkDir+"/"+f.IndexSubPath())
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(p.root, dir), 0o700); err != nil {
			return err
		}
	}
	for _, v := range of.Spec.Volumes {
		var sources []corev1.VolumeProjection
		switch {
		case v.Projected != nil:
			sources = v.Projected.Sources
		case v.Secret != nil:
			named := corev1.LocalObjectReference{Name: v.Secret.SecretName}
			secret := &corev1.SecretProjection{LocalObjectReference: named, Items: v.Secret.Items}
			sources = []corev1.VolumeProjection{{Secret: secret}}
		}
		for _, source := range sources {
			for name, data := range n.projected(source) {
				file := filepath.Join(p.root, contract.TokenDir, name)
				err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, data, 0o600))
				if err != nil {
					return err
				}
			}
		}
	}
	// The supervisor's commands begin where the dev container has the folder.
	for _, f := range p.config.Folders {
		if err := os.Remove(f.MountPath); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(p.Folder(f), f.MountPath); err != nil {
			return err
		}
	}
	return nil
}

// projected are the files of a source of a projected volume.
func (n *node) projected(source corev1.VolumeProjection) map[string][]byte {
	files := map[string][]byte{}
	if s := source.Secret; s != nil {
		if found := kubetest.Get[corev1.Secret](n.cluster, Namespace, s.Name); found != nil {
			for _, item := range s.Items {
				files[item.Path] = found.Data[item.Key]
			}
		}
	}
	if m := source.ConfigMap; m != nil {
		if found := kubetest.Get[corev1.ConfigMap](n.cluster, Namespace, m.Name); found != nil {
			for _, item := range m.Items {
				if text, ok := found.Data[item.Key]; ok {
					files[item.Path] = []byte(text)
				}
			}
		}
	}
	return files
}

// Pod is a twin's pod in this process, or that of a gateway.
type Pod struct {
	Name    string
	root    string
	agent   bool // it is a gateway's, or a front's
	environ []string
	config  contract.Sidecar
	// agentConfig is what an agent is told.
	agentConfig contract.Agent
	address     string
	stop        func()
}

// start serves the pod's sidecar and supervisors.
func (p *Pod) start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.address = listener.Addr().String()
	var supervisors []*supervisor
	for _, c := range p.config.Containers {
		s, err := startSupervisor(p.root+contract.SupervisorSocket(c), p.Sources())
		if err != nil {
			listener.Close()
			return err
		}
		supervisors = append(supervisors, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if p.agent {
			_ = agent.New(p.agentConfig, p.environ, p.root, slog.New(slog.DiscardHandler)).ServeOn(ctx, listener)
			return
		}
		_ = endpoint.New(p.config, p.root, slog.New(slog.DiscardHandler)).ServeOn(ctx, listener)
	}()
	p.stop = func() {
		cancel()
		<-done
		for _, s := range supervisors {
			s.stop()
		}
	}
	return nil
}

// Folder is where a synced folder of the pod is.
func (p *Pod) Folder(f contract.Folder) string {
	return filepath.Join(p.root, contract.WorkDir, f.DataSubPath())
}

// Sources is where the first synced folder of the pod is.
func (p *Pod) Sources() string { return p.Folder(p.config.Folders[0]) }
