package devmode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Depend names what must be up before the workload is taken into dev mode: label selectors of pods and of Jobs, and what must answer
// as seen from the dev pod.
type Depend struct{ Pods, Jobs, TCP, HTTP []string }

const (
	stepDepend    = "wait for dependencies"
	stepReachable = "wait for dependencies to answer"
)

// awaitDependencies returns when the pods are ready and the Jobs complete.
func (e *entry) awaitDependencies(ctx context.Context) error {
	return e.await(ctx, stepDepend, func(ctx context.Context) ([]string, error) {
		var down []string
		for _, selector := range e.spec.Depend.Pods {
			pods, err := e.Cluster.API.CoreV1().Pods(e.Cluster.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				return nil, fmt.Errorf("dependLabelSelector.pods: %q: %w", selector, e.Cluster.Explain(err))
			}
			if !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return workload.Ready(&p) }) {
				down = append(down, fmt.Sprintf("no pod with %s is ready", selector))
			}
		}
		for _, selector := range e.spec.Depend.Jobs {
			jobs, err := e.Cluster.API.BatchV1().Jobs(e.Cluster.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				return nil, fmt.Errorf("dependLabelSelector.jobs: %q: %w", selector, e.Cluster.Explain(err))
			}
			if !slices.ContainsFunc(jobs.Items, complete) {
				down = append(down, fmt.Sprintf("no Job with %s is complete", selector))
			}
		}
		return down, nil
	})
}

func complete(j batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue
	})
}

// awaitReachable returns when all that must answer does, as seen from the dev pod.
func (e *entry) awaitReachable(ctx context.Context) error {
	return e.await(ctx, stepReachable, func(ctx context.Context) ([]string, error) {
		down, err := e.Link.Reach(ctx, e.spec.Depend.TCP, e.spec.Depend.HTTP)
		if err != nil {
			err = fmt.Errorf("ask the dev pod what it reaches: %w", err)
		}
		return down, err
	})
}

// await asks what is down until nothing is, and tells meanwhile what it waits for.
func (e *entry) await(ctx context.Context, step string, ask func(context.Context) ([]string, error)) error {
	begin, last := time.Now(), ""
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		down, err := ask(ctx)
		if err != nil || len(down) == 0 {
			return err == nil, err
		}
		if text := strings.Join(down, "; "); text != last {
			last = text
			e.Emit(stepEvent(step, event.StepWaiting, "for dependencies: "+text, begin))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && last != "" {
		return problem.New(problem.Timeout, "after %s these dependencies are not up: %s", time.Since(begin).Round(time.Second), last).
			WithHint("bring them up, take them out of dependLabelSelector in the config, or give them longer with --timeout")
	}
	return err
}
