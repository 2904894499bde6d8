package devmode

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// try asks the server to create the twin and its pod and to park the original, without doing it: quotas and policies
// speak before anything changes. Where the cluster assigns the users, the one that was to take root's place is left
// out.
func (e *entry) try(ctx context.Context) error {
	err := e.ask(ctx)
	if kube.AssignsUsers(err) && e.spec.leaveUsers() {
		if err := e.plan(ctx); err != nil {
			return err
		}
		err = e.ask(ctx)
	}
	if err != nil || e.duplicate() {
		return err
	}
	return e.askToPark(ctx)
}

// askToPark asks whether the original may be parked: a policy may demand replicas of it.
func (e *entry) askToPark(ctx context.Context) error {
	err := parkerFor(e.Cluster, e.record.Workload).ask(ctx, e.record, e.original.Object)
	if err == nil || noDryRun(err) || apierrors.IsConflict(err) { // parking reads what someone has changed since
		return nil
	}
	err = fmt.Errorf("park %s: %w", e.record.Workload, e.Cluster.Explain(err))
	if p := problem.From(err); p.Code != problem.Refused {
		return err
	}
	return problem.New(problem.Refused, "%w", err).
		WithHint("the original has to stop while the twin stands in for it; develop on a copy, next to it: " +
			"--mode duplicate").
		WithRemedy(onACopy())
}

func (e *entry) ask(ctx context.Context) error {
	c, dry := e.Cluster, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	_, err := c.API.AppsV1().Deployments(e.record.Namespace).Create(ctx, e.twin, dry)
	if err != nil && !noDryRun(err) {
		return fmt.Errorf("create Deployment %s: %w", e.twin.Name, c.Explain(err))
	}
	may, err := c.May(ctx, "create", "", "pods")
	if err != nil || !may {
		return err
	}
	err = e.limits.Retry(func(l workload.Limits) error {
		e.twin = workload.Fit(e.twin, l, e.spec.SidecarResources)
		return e.tryPod(ctx, dry)
	})
	if err != nil && !noDryRun(err) {
		return fmt.Errorf("create the dev pod: %w", e.beyondLimits(c.Explain(err)))
	}
	return nil
}

// noDryRun says whether a webhook can't be asked by a dry run. Such a webhook decides when the twin is created; its
// refusal then undoes the start.
func noDryRun(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run")
}

func (e *entry) tryPod(ctx context.Context, dry metav1.CreateOptions) error {
	pod := &corev1.Pod{ObjectMeta: *e.twin.Spec.Template.ObjectMeta.DeepCopy(), Spec: e.twin.Spec.Template.Spec}
	pod.GenerateName = e.twin.Name + "-"
	_, err := e.Cluster.API.CoreV1().Pods(e.record.Namespace).Create(ctx, pod, dry)
	return err
}

// beyondLimits says which containers break a LimitRange, where that is why a pod was refused: the server does not name
// them.
func (e *entry) beyondLimits(err error) error {
	text := err.Error()
	byLimits := strings.Contains(text, " per Container is ") || strings.Contains(text, " per Pod is ")
	if problem.From(err).Code != problem.Refused || !byLimits {
		return err
	}
	if broken := e.limits.Breaches(e.twin.Spec.Template.Spec); len(broken) > 0 {
		text = strings.Join(broken, "; ")
	}
	return problem.New(problem.Refused, "a LimitRange of namespace %s refuses the dev pod: %s",
		e.Cluster.Namespace, text).
		WithHint("write requests and limits that it allows: " +
			"for the dev container as containers[].dev.resources in .dev/config.yaml, " +
			"for nhctl's own containers as dev.sidecarResources, for any other in dev.patches")
}
