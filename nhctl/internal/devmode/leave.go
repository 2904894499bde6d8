package devmode

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// LeaveOptions say how to leave.
type LeaveOptions struct {
	// Force goes on without what only the pod has.
	Force bool
	// FlushLimit limits copying back the files that only the pod has.
	FlushLimit time.Duration
}

// Limits of leaving.
const (
	defaultFlushLimit = 2 * time.Minute
	restoreLimit      = time.Minute
	deleteLimit       = time.Minute
	// patience is how long the original's pods are waited for before anything is said of them.
	patience = 3 * time.Second
)

// Leave ends a session from what the cluster has of it. It can be called again after any failure, and by anyone with
// the permissions.
func Leave(ctx context.Context, deps Deps, r Record, o LeaveOptions) error {
	l := &leaving{Deps: deps, record: r, options: o}
	return steps.Run(ctx, l.steps(), deps.Emit)
}

type leaving struct {
	Deps
	record  Record
	options LeaveOptions
	// reachable says that the twin's pod runs.
	reachable bool
}

// steps restore the original before the twin goes, so that there is no gap; but where the two can't run at once, its
// pods only come up once the twin's is gone.
func (l *leaving) steps() []steps.Step {
	deleteTwin := func(ctx context.Context) error { return deleteTwin(ctx, l.Cluster, l.record) }
	release := func(ctx context.Context) error { return lease.Release(ctx, l.Cluster, l.record) }
	remove := steps.Step{Name: "delete the twin", Do: deleteTwin}
	await := steps.Step{Name: "restore the original", Do: l.awaitRestored}
	all := []steps.Step{
		{Name: "copy back the pod's own files", Do: l.flush},
		{Name: "take the twin out of its Services", Do: l.close},
		{Name: "start the original", Do: l.unpark},
	}
	if l.record.Alone {
		all = append(all, remove, await)
	} else {
		all = append(all, await, remove)
	}
	return append(all, steps.Step{Name: "release the workload", Do: release})
}

func (l *leaving) flush(ctx context.Context) error {
	l.record.Phase = record.Leaving
	if err := lease.Update(ctx, l.Cluster, l.record); err != nil && !errors.Is(err, lease.ErrNotHolder) {
		return err
	}
	pod, err := Pod(ctx, l.Cluster, l.record)
	if err != nil {
		return err
	}
	l.reachable = workload.Running(pod)
	if !l.reachable || l.options.Force {
		return nil // a pod that does not run has an empty folder, or one that no one can reach
	}
	limit := l.options.FlushLimit
	if limit == 0 {
		limit = defaultFlushLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := l.Link.Flush(ctx); err != nil {
		return problem.New(problem.SyncBlocked, "the files that only the pod has can't be copied back: %w", err).
			WithHint("fix the cause and end again, or end without them: nhctl dev end --force %s",
				l.record.Workload.Argument())
	}
	return nil
}

// close takes the twin out of its Services before the original comes back.
func (l *leaving) close(ctx context.Context) error {
	if !l.reachable || l.record.Mode == record.Duplicate {
		return nil
	}
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := l.Link.SetReady(ctx, false); err != nil && !errors.Is(err, context.Canceled) {
		l.Emit(notice("the twin's sidecar does not answer; the twin goes as it is"))
	}
	return nil
}

func (l *leaving) unpark(ctx context.Context) error {
	if l.record.Mode == record.Duplicate {
		return nil
	}
	said, err := parkerFor(l.Cluster, l.record.Workload).unpark(ctx, l.record)
	if err := errors.Join(err, resume(ctx, l.Cluster, l.record)); err != nil {
		return err
	}
	if said != "" {
		l.Emit(notice(said))
	}
	return nil
}

func (l *leaving) awaitRestored(ctx context.Context) error {
	if l.record.Mode == record.Duplicate || l.record.Scaled {
		return nil
	}
	p := parkerFor(l.Cluster, l.record.Workload)
	waiting, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	begin := time.Now()
	err := poll(waiting, func(ctx context.Context) (bool, error) {
		done, err := p.restored(ctx, l.record)
		if done || err != nil || time.Since(begin) < patience {
			return done, err
		}
		why, err := comesUp(ctx, l.Cluster, l.record)
		if err == nil && why != "" {
			l.Emit(notice(fmt.Sprintf("%s is restored, but its own pods don't come up: %s", l.record.Workload, why)))
		}
		return why != "", nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		l.Emit(notice(fmt.Sprintf("%s is restored, but its pods are not ready after %s: "+
			"its own template does not come up", l.record.Workload, restoreLimit)))
		return nil
	}
	return err
}

// deleteTwin deletes the twin, and returns when its pods are gone. Its Secret has the twin as its owner: the cluster
// deletes it.
func deleteTwin(ctx context.Context, c *kube.Client, r Record) error {
	ctx, cancel := context.WithTimeout(ctx, deleteLimit)
	defer cancel()
	if err := deleteDeployment(ctx, c, r); err != nil {
		return err
	}
	if err := closeGate(ctx, c, r); err != nil {
		return err
	}
	selector := metav1.ListOptions{
		LabelSelector: contract.LabelSession + "=" + r.Session + "," + contract.LabelRole + "=" + contract.RoleTwin,
	}
	return poll(ctx, func(ctx context.Context) (bool, error) {
		pods, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, selector)
		if err != nil || len(pods.Items) > 0 {
			return false, c.Explain(err)
		}
		sets, err := c.API.AppsV1().ReplicaSets(c.Namespace).List(ctx, selector)
		return err == nil && len(sets.Items) == 0, c.Explain(err)
	})
}
