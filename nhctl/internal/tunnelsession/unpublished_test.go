package tunnelsession_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/sidecar/contract"
)

func withoutImage(p *rpc.Connect) { p.SidecarImage = "" }

// Whoever has built nhctl, and has a cluster whose node has the sidecar's image, names none.
func TestUnpublishedOnTheNode(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	for _, change := range []func(*rpc.Connect){func(*rpc.Connect) {}, as("web")} {
		tunnel := mustConnect(t, shell, withoutImage, change)
		if err := works(tunnel, server); err != nil || tunnel.Image != unpublished {
			t.Errorf("image %s: %v", tunnel.Image, err)
		}
	}
	for _, j := range kubetest.List[batchv1.Job](cluster.Cluster, ns) {
		spec := j.Spec.Template.Spec
		for _, c := range append(spec.InitContainers, spec.Containers...) {
			if c.Image == unpublished && c.ImagePullPolicy != corev1.PullNever {
				t.Errorf("container %s would pull the image: %s", c.Name, c.ImagePullPolicy)
			}
		}
	}
	ended(t, shell)
	cluster.Restored(before)
}

// Where the node lacks the image, the agent comes through exec into an image that the namespace runs. The record says
// so, here and in the cluster; the next daemon and the next gateway go on that way.
func TestUnpublishedByExec(t *testing.T) {
	t.Parallel()
	carriedBySelf(t)
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	var planted atomic.Bool
	cluster.Fail(func(p *corev1.Pod) *corev1.PodStatus {
		var s corev1.ContainerStatus
		switch spec := p.Spec; {
		case p.Labels[contract.LabelRole] != contract.RoleGateway:
			return nil
		case spec.Containers[0].Image == unpublished:
			s = corev1.ContainerStatus{Name: spec.Containers[0].Name, Image: unpublished}
			s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "not present"}
			return &corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{s}}
		case !planted.Load():
			s = corev1.ContainerStatus{Name: contract.PlantContainer, Image: spec.InitContainers[0].Image}
			s.State.Running = &corev1.ContainerStateRunning{}
			return &corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{s}}
		}
		return nil
	})
	others := cluster.Exec
	cluster.Exec = func(ctx context.Context, p *corev1.Pod, o kube.ExecOptions) (err error) {
		switch {
		case o.Container != contract.PlantContainer:
			return others(ctx, p, o)
		case o.Command[0] == "uname":
			_, err = io.WriteString(o.Stdout, runtime.GOARCH+"\n")
		default:
			_, err = io.Copy(io.Discard, o.Stdin)
			planted.Store(true)
		}
		return err
	}
	before := cluster.Snapshot(ns)
	tunnel := mustConnect(t, shell, withoutImage)
	if err := works(tunnel, server); err != nil || tunnel.Image != "web:1" {
		t.Errorf("image %s: %v", tunnel.Image, err)
	}
	if !ada.Heard("nhctl copies the agent into the gateway's pod through exec") {
		t.Error("its developer was not told")
	}
	l := kubetest.List[coordinationv1.Lease](cluster.Cluster, ns)[0]
	if r, err := record.TunnelFromLease(&l); err != nil || r.Image != "web:1" || !r.ByExec || !r.Borrowed {
		t.Errorf("the record in the cluster: %+v, %v", r, err)
	}
	ada.StopDaemon()
	ada.StartDaemon()
	sessiontest.Until(t, "the tunnel works again", func() error {
		if all := overview(t, shell); len(all) != 1 || all[0].Image != "web:1" {
			return errors.New("it is not there")
		}
		return works(tunnel, server)
	})
	ended(t, shell)
	cluster.Restored(before)
}

// carriedBySelf has the test's own program be the sidecar that nhctl finds next to itself: none has to be built.
func carriedBySelf(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(self), sidecarbinary.Name(runtime.GOARCH))
	if err := os.Symlink(self, file); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if strings.HasPrefix(file, os.TempDir()) {
		t.Cleanup(func() { _ = os.Remove(file) })
	}
}
