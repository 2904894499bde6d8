package sessiontest

import (
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Shell is where a developer types commands: on a computer, in the folder of their sources, with a kubeconfig.
type Shell struct {
	*Computer
	Caller rpc.Caller
	// Folder has the sources, WorkDir is where commands in the pod find them.
	Folder, WorkDir string
	cluster         *Cluster
}

// Shell opens a shell of a cluster's user, who has the permissions that nhctl asks for and no others. Its folder has a
// config with a run command.
func (c *Computer) Shell(cluster *Cluster, user, run string) *Shell {
	c.t.Helper()
	cluster.Restrict(user, cluster.role.Rules...)
	folder, err := os.MkdirTemp(c.base, "src-")
	if err != nil {
		c.t.Fatal(err)
	}
	s := &Shell{Computer: c, Folder: folder, cluster: cluster}
	s.WorkDir = filepath.Join(c.base, "pod-"+filepath.Base(folder)) // a link to the folder in the pod
	s.Caller = rpc.Caller{Env: c.env, Dir: folder, Kubeconfig: cluster.Serve(c.t, user, Namespace)}
	s.Config(fmt.Sprintf("command: {run: [%q]}", run))
	return s
}

// Config writes a config with further lines of its one container.
func (s *Shell) Config(lines ...string) {
	s.t.Helper()
	text := "name: web\ncontainers:\n- name: app\n  dev:\n"
	for _, line := range append([]string{"image: dev:1", "workDir: " + s.WorkDir, "shell: sh"}, lines...) {
		text += "    " + line + "\n"
	}
	s.Write(".dev/config.yaml", text)
}

// Write writes a file of the sources.
func (s *Shell) Write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.Folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// Target is the shell's workload.
func (s *Shell) Target() rpc.Target { return rpc.Target{Caller: s.Caller} }

// Start begins dev mode, with changes of the call.
func (s *Shell) Start(changes ...func(*rpc.Start)) (rpc.Session, error) {
	s.t.Helper()
	p := rpc.Start{Target: s.Target(), SidecarImage: "sidecar:1"}
	for _, change := range changes {
		change(&p)
	}
	var session rpc.Session
	err := s.Call(rpc.MethodStart, p, &session)
	return session, err
}

// MustStart is a Start that does not fail.
func (s *Shell) MustStart(changes ...func(*rpc.Start)) rpc.Session {
	s.t.Helper()
	session, err := s.Start(changes...)
	if err != nil {
		s.t.Fatal(err)
	}
	return session
}

// End leaves dev mode, with changes of the call.
func (s *Shell) End(changes ...func(*rpc.End)) (rpc.Ended, error) {
	s.t.Helper()
	p := rpc.End{Target: s.Target()}
	for _, change := range changes {
		change(&p)
	}
	var ended rpc.Ended
	err := s.Call(rpc.MethodEnd, p, &ended)
	return ended, err
}

// Status asks for the session.
func (s *Shell) Status() (rpc.Session, error) {
	s.t.Helper()
	var session rpc.Session
	err := s.Call(rpc.MethodStatus, s.Target(), &session)
	return session, err
}

// List asks for the sessions of the namespace.
func (s *Shell) List() []rpc.Session {
	s.t.Helper()
	var all []rpc.Session
	if err := s.Call(rpc.MethodList, rpc.List{Caller: s.Caller}, &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// Pod is a session's pod, once it runs.
func (c *Cluster) Pod(session string) *Pod {
	c.t.Helper()
	var found *Pod
	Until(c.t, "the session has a pod", func() error {
		for _, p := range kubetest.List[corev1.Pod](c.Cluster, Namespace) {
			c.node.mu.Lock()
			running := c.node.running[p.UID]
			c.node.mu.Unlock()
			if p.Labels[contract.LabelSession] == session && running != nil {
				found = running
				return nil
			}
		}
		return fmt.Errorf("session %q has no pod that runs", session)
	})
	return found
}

// Holds waits until a file of a folder has a content.
func (c *Computer) Holds(folder, name, text string) {
	c.t.Helper()
	Until(c.t, name+" holds "+text, func() error {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil && string(data) != text {
			err = fmt.Errorf("%s holds %q", name, data)
		}
		return err
	})
}
