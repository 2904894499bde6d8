package devmode

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// plant brings the sidecar's binary into the twin's pod where that does not get it from an image, and says whether
// there was something to do.
func (e *entry) plant(ctx context.Context, pod *corev1.Pod) (bool, error) {
	switch {
	case pod.Name == e.abandoned:
		return true, nil // its successor is on the way
	case e.record.ByExec && pod.Name != e.planted && workload.AwaitsBinary(pod):
		e.planted = pod.Name
		return true, Plant(ctx, e.Cluster, pod, e.Binaries)
	case !e.spec.ByExec && !e.spec.ElseByExec:
		return false, nil
	}
	why := workload.CannotPlant(pod)
	if why == "" || e.Binaries.Check() != nil {
		return false, nil
	}
	next := workload.NextPlanter(e.twin, e.original.Template)
	if next == nil {
		return false, nil
	}
	if e.record.ByExec {
		e.Emit(notice(fmt.Sprintf("an image without a shell can't take the sidecar's binary (%s): %s is tried, which "+
			"the pod has anyway", why, next.Image)))
	} else {
		e.Emit(notice(fmt.Sprintf("the sidecar's image %s can't be had (%s): nhctl copies the sidecar into the pod "+
			"through exec", e.spec.SidecarImage, why)))
	}
	e.abandoned = pod.Name
	return true, e.plantIn(ctx, next)
}

// plantIn has the twin's next pod wait for the binary in a container with another one's image. The record in the Lease
// and on this computer says so once the session is entered: until then, no one else plants.
func (e *entry) plantIn(ctx context.Context, with *corev1.Container) error {
	e.record.ByExec = true
	text, err := e.record.Text()
	if err != nil {
		return err
	}
	patch, err := workload.PlantPatch(e.twin, with, text)
	if err != nil {
		return err
	}
	twin, err := e.Cluster.API.AppsV1().Deployments(e.record.Namespace).Patch(ctx, e.record.Twin(),
		types.JSONPatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("have the sidecar come through exec: %w", e.Cluster.Explain(err))
	}
	e.twin = twin
	return nil
}

// Plant puts the sidecar's binary into a pod that waits for it.
func Plant(ctx context.Context, c *kube.Client, pod *corev1.Pod, binaries plant.Binaries) error {
	return plant.Into(ctx, func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
		return c.Exec(ctx, kube.ExecOptions{
			Pod:       pod.Name,
			Container: contract.PlantContainer,
			Command:   argv,
			Stdin:     stdin,
			Stdout:    stdout,
		})
	}, binaries)
}
