package devsession_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// runsIn waits until the run command runs in another pod than one.
func runsIn(t *testing.T, ada *sessiontest.Shell, not string) {
	t.Helper()
	sessiontest.Until(t, "the command runs again", func() error {
		s, err := ada.Status()
		if err == nil && (s.Pod == not || !slices.ContainsFunc(s.Commands, func(c event.CommandData) bool {
			return c.Name == "run" && c.State == "running"
		})) {
			err = fmt.Errorf("pod %q, commands %+v, notices %q", s.Pod, s.Commands, s.Notices)
		}
		return err
	})
}

// A command that the user wants is started again in the next pod, also by a daemon that came in the meantime, and no
// more once the user has stopped it.
func TestWantedCommands(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "cat input; exec sleep 1000")
	ada.Write("input", "the sources are there")
	ada.MustStart()
	var started event.CommandData
	err := ada.Call(rpc.MethodRun, rpc.Run{Target: ada.Target()}, &started)
	if err != nil || started.State != "running" {
		t.Fatalf("%+v, %v", started, err)
	}
	for _, restart := range []bool{false, true} {
		lost, err := ada.Status()
		if err != nil {
			t.Fatal(err)
		}
		if restart {
			ada.StopDaemon()
		}
		kubetest.Delete[corev1.Pod](cluster.Cluster, sessiontest.Namespace, lost.Pod)
		if restart {
			ada.StartDaemon()
		}
		runsIn(t, ada, lost.Pod)
		notes(t, ada, "which was started again in pod")
	}
	var stopped event.CommandData
	err = ada.Call(rpc.MethodStop, rpc.Stop{Target: ada.Target()}, &stopped)
	if err != nil || stopped.State != "exited" {
		t.Errorf("stopped: %+v, %v", stopped, err)
	}
	session, err := ada.Status()
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Delete[corev1.Pod](cluster.Cluster, sessiontest.Namespace, session.Pod)
	sessiontest.Until(t, "there is a pod without the command", func() error {
		s, err := ada.Status()
		if err == nil && (s.Pod == session.Pod || len(s.Commands) != 1 || s.Commands[0].State != "none") {
			err = fmt.Errorf("pod %q, commands %+v", s.Pod, s.Commands)
		}
		return err
	})
}

// Commands run in the pod, with the sources that were saved before: build, run, restart, and what they print.
func TestCommands(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "cat input; exec sleep 1000")
	ada.MustStart()
	ada.Write("input", "first\n")
	call := func(method string, p any) (c event.CommandData) {
		t.Helper()
		if err := ada.Call(method, p, &c); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		return c
	}
	built := call(rpc.MethodBuild, rpc.Run{Target: ada.Target(), Argv: []string{"sh", "-c", "cp input built"}})
	if built.ExitCode == nil || *built.ExitCode != 0 {
		t.Errorf("built: %+v", built)
	}
	ada.Holds(ada.Folder, "built", "first\n")
	failing := rpc.Run{Target: ada.Target(), Argv: []string{"sh", "-c", "exit 3"}}
	if err := ada.Call(rpc.MethodBuild, failing, nil); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("a build that fails: %v", err)
	}
	first := call(rpc.MethodRun, rpc.Run{Target: ada.Target()})
	kept := rpc.Run{Target: ada.Target(), KeepRunning: true}
	if err := ada.Call(rpc.MethodRun, kept, nil); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("run a second time: %v", err)
	}
	ada.Write("input", "second\n")
	if second := call(rpc.MethodRestart, ada.Target()); second.PID == first.PID || second.State != "running" {
		t.Errorf("restarted: %+v, %+v", first, second)
	}
	sessiontest.Until(t, "the output is there", func() error {
		lines := ada.Output(rpc.Logs{Target: ada.Target()})
		for _, want := range []string{"first", "second"} {
			if !slices.Contains(lines, want) {
				return fmt.Errorf("%q has no %q", lines, want)
			}
		}
		return nil
	})
}

// A save starts the command again once it is in the pod; a build that fails leaves the program, or stops it.
func TestHotReload(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "")
	command := "command: {build: ['! grep -q bad input'], run: ['cat input; exec sleep 1000']}"
	ada.Config("hotReload: true", "onBuildFailure: stop", command)
	ada.Write("input", "first")
	ada.MustStart()
	var first event.CommandData
	if err := ada.Call(rpc.MethodRun, rpc.Run{Target: ada.Target()}, &first); err != nil || !first.HotReload {
		t.Fatalf("%+v, %v", first, err)
	}
	state := func(want string, check func(event.CommandData) bool) {
		t.Helper()
		sessiontest.Until(t, want, func() error {
			s, err := ada.Status()
			if err == nil && !slices.ContainsFunc(s.Commands, check) {
				err = fmt.Errorf("commands %+v", s.Commands)
			}
			return err
		})
	}
	ada.Write("input", "second")
	state("the save starts it again", func(c event.CommandData) bool {
		return c.Name == "run" && c.State == "running" && c.PID != first.PID && c.Reloads > 0
	})
	ada.Write("input", "bad")
	state("a failed build stops it", func(c event.CommandData) bool { return c.Name == "run" && c.State == "exited" })
	if err := ada.Call(rpc.MethodRun, rpc.Run{Target: ada.Target()}, nil); problem.From(err).Code != problem.Command {
		t.Errorf("run with sources that don't build: %v", err)
	}
}
