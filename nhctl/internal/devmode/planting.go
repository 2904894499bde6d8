package devmode

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Planter brings the sidecar's binary into a twin's pods, one after the other, where they don't get it from an image.
type Planter struct {
	// Binaries finds the binaries. Most sessions need none, so they are looked for once a pod does.
	Binaries func() plant.Binaries
	// Original is the original's pod template: its images may have a shell where the twin's have none.
	Original corev1.PodTemplateSpec
	// Save keeps a record that names another way, before the twin's pods take it. Note tells the user.
	Save func(ctx context.Context, r Record) error
	Note func(text string)

	mu    sync.Mutex
	found plant.Binaries
	// planted is the pod that has got the binary, abandoned the one that can't get it as it is.
	planted, abandoned string
	// pulling is the pod that waits for the sidecar's image, since a time.
	pulling string
	since   time.Time
}

// pullPatience is how long the pull of the sidecar's image may take before another way is tried. It is a small image; a
// registry that a firewall hides makes the kubelet wait for minutes without an error.
const pullPatience = 20 * time.Second

// Tend looks after a pod of a session's twin, and says whether there was something to do.
func (p *Planter) Tend(ctx context.Context, c *kube.Client, r Record, pod *corev1.Pod) (acted bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case pod.Name == p.abandoned:
		return true, nil // its successor is on the way
	case r.ByExec && pod.Name != p.planted && workload.AwaitsBinary(pod):
		if err := plant.Into(ctx, c.In(pod.Name, contract.PlantContainer), p.binaries()); err != nil {
			return true, err
		}
		p.planted = pod.Name
		return true, nil
	case !r.ByExec && !r.ElseByExec:
		return false, nil
	}
	why := workload.CannotPlant(pod)
	if why == "" && p.pullsInVain(ctx, c, pod) {
		why = fmt.Sprintf("its pull takes longer than %s", pullPatience)
	}
	if why == "" || p.binaries().Check() != nil {
		return false, nil
	}
	return p.change(ctx, c, r, pod, why)
}

func (p *Planter) binaries() plant.Binaries {
	if p.found == nil {
		p.found = p.Binaries()
	}
	return p.found
}

// change has the twin's next pod wait for the binary in a container with another one's image, if there is one to try.
func (p *Planter) change(ctx context.Context, c *kube.Client, r Record, pod *corev1.Pod, why string) (bool, error) {
	deployments := c.API.AppsV1().Deployments(r.Namespace)
	twin, err := deployments.Get(ctx, r.Twin(), metav1.GetOptions{})
	if err != nil {
		return false, c.Explain(err)
	}
	next := workload.NextPlanter(twin, p.Original)
	if next == nil {
		return false, nil
	}
	note := fmt.Sprintf("the sidecar's image %s can't be had (%s): nhctl copies the sidecar into the pod through exec",
		workload.PlantImage(twin), why)
	if r.ByExec {
		note = fmt.Sprintf("an image without a shell can't take the sidecar's binary (%s): %s is tried, which the pod "+
			"has anyway", why, next.Image)
	}
	r.ByExec = true
	text, err := r.Text()
	if err != nil {
		return false, err
	}
	patch, err := workload.PlantPatch(twin, next, text)
	if err != nil {
		return false, err
	}
	if err := p.Save(ctx, r); err != nil {
		return false, err
	}
	_, err = deployments.Patch(ctx, twin.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return false, fmt.Errorf("have the sidecar come through exec: %w", c.Explain(err))
	}
	p.Note(note)
	p.abandoned = pod.Name
	return true, nil
}

// pullsInVain says whether a pod's node has been pulling the sidecar's image for too long. The pod itself does not say
// what the kubelet is at, so its events are asked: a volume may take as long to be attached, and will come.
func (p *Planter) pullsInVain(ctx context.Context, c *kube.Client, pod *corev1.Pod) bool {
	if !workload.AwaitsImage(pod) {
		p.pulling = ""
		return false
	}
	if p.pulling != pod.Name {
		p.pulling, p.since = pod.Name, time.Now()
	}
	if time.Since(p.since) < pullPatience {
		return false
	}
	pulls := fields.Set{"involvedObject.uid": string(pod.UID), "reason": "Pulling"}
	events, err := c.API.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: pulls.AsSelector().String(),
	})
	container := "spec.initContainers{" + contract.PlantContainer + "}"
	return err == nil && slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
		return e.InvolvedObject.FieldPath == container
	})
}
