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

	mu      sync.Mutex
	planted string // the pod that has the agent
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
	if s.Job == nil {
		if err := k.replace(ctx, c, t, token); err != nil {
			return nil, err
		}
		return nil, coming("for the pod to be created")
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
	waiting, fatal := workload.Diagnose(&appsv1.Deployment{}, s.Pod, waited)
	switch {
	case fatal == nil:
		return nil, coming(waiting)
	case t.Companion() && workload.CannotPlant(s.Pod) == "":
		return nil, fatal.WithHint("%s", plain)
	case s.Pod.Spec.NodeName == "" && !t.Companion():
		return nil, fatal
	}
	return nil, fatal.WithHint("%s", images)
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
	owner, err := Create(ctx, c, t, token)
	if err != nil {
		return err
	}
	if err := hold(ctx, c, t, owner); err != nil {
		return errors.Join(err, Remove(ctx, c, t, nil))
	}
	s, err := Look(ctx, c, t)
	if err != nil || s.Job == nil {
		return err
	}
	return Remove(ctx, c, t, s.Job)
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

// Await returns once the gateway's pod runs. It tells what is waited for, and fails early where waiting can't help.
func (k *Keeper) Await(
	ctx context.Context, c *kube.Client, t record.Tunnel, token []byte, tell func(waiting string),
) error {
	const pause = 100 * time.Millisecond
	begin, last := time.Now(), ""
	for {
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
