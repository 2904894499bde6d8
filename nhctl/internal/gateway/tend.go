package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Keeper keeps a tunnel's gateway there: a pod that is lost is followed by another one, and the agent comes into it
// where it is to come through exec.
type Keeper struct {
	// Binaries finds the agent's, once one is needed.
	Binaries func() plant.Binaries
	// Save keeps a record that names another way for the agent to come, before a gateway takes it. Note tells the user.
	Save func(context.Context, record.Tunnel) error
	Note func(text string)

	mu      sync.Mutex
	planted string // the pod that has the agent
	// useless are the images of the namespace that have turned out to have no shell.
	useless map[string]bool
}

// refusedAfter is how long a Job may be without a pod before it is asked why.
const refusedAfter = 2 * time.Second

// Pod returns the pod of a tunnel's gateway once its containers run; until then the error says what is missing. A
// problem.NotReady will not go away by itself.
func (k *Keeper) Pod(ctx context.Context, c *kube.Client, t record.Tunnel, token []byte) (*corev1.Pod, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := Look(ctx, c, t)
	if err != nil {
		return nil, err
	}
	if s.Job == nil && s.Failed != nil {
		return nil, k.instead(ctx, c, t, token, s.Failed)
	}
	if s.Job == nil {
		return nil, k.next(ctx, c, t, token)
	}
	now, err := c.Now(ctx)
	if err != nil {
		return nil, err
	}
	waited := now.Sub(s.Job.CreationTimestamp.Time)
	switch {
	case s.Pod == nil && waited > refusedAfter:
		if why := failure(ctx, c, s.Job); why != "" {
			return nil, notCreated(c, t, why)
		}
		return nil, coming("for the pod to be created")
	case s.Pod == nil:
		return nil, coming("for the pod to be created")
	case workload.Running(s.Pod):
		return s.Pod, nil
	case t.ByExec && s.Pod.Name != k.planted && workload.AwaitsBinary(s.Pod):
		if err := plant.Into(ctx, c.In(s.Pod.Name, contract.PlantContainer), k.Binaries()); err != nil {
			return nil, err
		}
		k.planted = s.Pod.Name
		return nil, coming("for the agent to start")
	}
	if workload.CannotRunAgent(s.Pod) != "" {
		return nil, k.instead(ctx, c, t, token, s.Pod)
	}
	return nil, diagnose(t, s.Pod, waited)
}

// diagnose says what a gateway's pod waits for, or what is wrong with it.
func diagnose(t record.Tunnel, pod *corev1.Pod, waited time.Duration) error {
	waiting, fatal := workload.Diagnose(&appsv1.Deployment{}, pod, waited)
	switch {
	case fatal == nil:
		return coming(waiting)
	case t.Companion() && workload.CannotPlant(pod) == "":
		return fatal.WithHint("%s", plain)
	case pod.Spec.NodeName == "" && !t.Companion():
		return fatal
	}
	return fatal.WithHint("%s", images)
}

// instead makes another gateway, into which the agent comes in another way, and says that it is on its way. Where there
// is no other way, it says what is wrong with the pod that there is.
func (k *Keeper) instead(
	ctx context.Context, c *kube.Client, t record.Tunnel, token []byte, pod *corev1.Pod,
) error {
	another, err := k.otherwise(ctx, c, t, pod)
	if err != nil {
		return err
	}
	if another == nil {
		return diagnose(t, pod, 0)
	}
	return k.next(ctx, c, *another, token)
}

// next makes another gateway, and says that it is on its way.
func (k *Keeper) next(ctx context.Context, c *kube.Client, t record.Tunnel, token []byte) error {
	if err := k.replace(ctx, c, t, token); err != nil {
		return err
	}
	return coming("for the pod to be created")
}

// otherwise is the tunnel with another way for the agent to come, where its pod can't get it as it is; nil where there
// is no other.
func (k *Keeper) otherwise(
	ctx context.Context, c *kube.Client, t record.Tunnel, pod *corev1.Pod,
) (*record.Tunnel, error) {
	switch {
	case t.ByExec && t.Borrowed:
		if k.useless == nil {
			k.useless = map[string]bool{}
		}
		k.useless[pod.Spec.InitContainers[0].Image] = true
		return &t, nil
	case t.ByExec || !t.ElseByExec || k.Binaries().Check() != nil:
		return nil, nil
	}
	k.Note(fmt.Sprintf("the sidecar's image %s can't be had (%s): nhctl copies the agent into the gateway's pod "+
		"through exec", t.Image, workload.CannotRunAgent(pod)))
	t, err := ByExec(ctx, c, t)
	if err != nil {
		return nil, err
	}
	return &t, k.Save(ctx, t)
}

// ByExec is a tunnel whose agent comes through exec: into the image of its workload's container, or, of a plain
// gateway, into one that the namespace runs already.
func ByExec(ctx context.Context, c *kube.Client, t record.Tunnel) (record.Tunnel, error) {
	t.ByExec = true
	if t.Companion() {
		original, err := c.Original(ctx, t.Workload, "")
		if err != nil {
			return t, err
		}
		for _, o := range original.Template.Spec.Containers {
			if o.Name == t.Container {
				t.Image = o.Image
			}
		}
		return t, nil
	}
	all, err := lenders(ctx, c, nil)
	if err != nil {
		return t, err
	}
	t.Borrowed, t.Image = true, all[0].Image
	return t, nil
}

// lenders are the containers of the namespace whose image the agent may come into, the best first.
func lenders(ctx context.Context, c *kube.Client, useless map[string]bool) ([]workload.Lender, error) {
	pods, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	all := workload.Lenders(pods.Items, useless)
	if len(all) == 0 {
		return nil, noLender(c, len(useless))
	}
	return all, nil
}

// lender is the container whose image the next gateway of a tunnel takes; nil where that has an image of its own. The
// one before goes on to be it while it is there.
func (k *Keeper) lender(ctx context.Context, c *kube.Client, t record.Tunnel) (*workload.Lender, error) {
	if !t.Borrowed {
		return nil, nil
	}
	all, err := lenders(ctx, c, k.useless)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Image == t.Image {
			return &all[i], nil
		}
	}
	return &all[0], nil
}

// replace makes another gateway, and then removes those that were there. The Lease goes with the new one. A context may
// lead elsewhere by now: nothing is made in a namespace that is not the tunnel's.
func (k *Keeper) replace(ctx context.Context, c *kube.Client, t record.Tunnel, token []byte) error {
	place, err := c.Place(ctx)
	if err != nil {
		return err
	}
	if !place.Same(t.Place) {
		return fmt.Errorf("%s has another namespace %s than the tunnel's", c.Server(), t.Namespace)
	}
	from, err := k.lender(ctx, c, t)
	if err != nil {
		return err
	}
	if from != nil && from.Image != t.Image {
		t.Image = from.Image
		if err := k.Save(ctx, t); err != nil {
			return err
		}
	}
	job, err := create(ctx, c, t, from, token)
	if err != nil {
		return err
	}
	if err := hold(ctx, c, t, ownerOf(job)); err != nil {
		return errors.Join(err, Remove(ctx, c, t, nil))
	}
	return Remove(ctx, c, t, job)
}

// Hold has the tunnel's Lease there again, with the gateway that there is.
func (k *Keeper) Hold(ctx context.Context, c *kube.Client, t record.Tunnel) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := Look(ctx, c, t)
	if err != nil || s.Job == nil { // the next one brings the Lease along
		return err
	}
	return hold(ctx, c, t, ownerOf(s.Job))
}

// hold has the tunnel's Lease go with a Job. It may have gone with the one before, while this computer was away: then
// it is created again.
func hold(ctx context.Context, c *kube.Client, t record.Tunnel, owner metav1.OwnerReference) error {
	err := lease.Bind(ctx, c, t, owner)
	if !errors.Is(err, lease.ErrNotHolder) {
		return err
	}
	if taken, err := lease.Create(ctx, c, t); taken || err != nil {
		return errors.Join(lease.ErrNotHolder, err)
	}
	return lease.Bind(ctx, c, t, owner)
}

// Await returns once the pod of the gateway runs which a tunnel has by then. It tells what is waited for, and fails
// early where waiting can't help.
func (k *Keeper) Await(
	ctx context.Context, c *kube.Client, of func() record.Tunnel, token []byte, tell func(waiting string),
) error {
	const pause = 100 * time.Millisecond
	begin, last := time.Now(), ""
	for {
		t := of()
		_, err := k.Pod(ctx, c, t, token)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errComing) && err.Error() != last:
			last = err.Error()
			tell(last)
		case errors.Is(err, errComing), ctx.Err() != nil:
		default:
			return err
		}
		err = delay.For(ctx, pause)
		if errors.Is(err, context.DeadlineExceeded) {
			p := problem.New(problem.Timeout, "the gateway is not running after %s: %s",
				time.Since(begin).Round(time.Second), last)
			if t.Companion() {
				return p.WithHint("give it longer with --timeout, or do without it: %s", plain)
			}
			return p.WithHint("give it longer with --timeout")
		}
		if err != nil {
			return err
		}
	}
}
