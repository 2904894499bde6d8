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
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Depend names what must be up before the workload is taken into dev mode: label selectors of pods and of Jobs, and
// what must answer as seen from the dev pod.
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
			options, chosen := choose(selector)
			pods, err := e.Cluster.API.CoreV1().Pods(e.Cluster.Namespace).List(ctx, options)
			if err != nil {
				return nil, fmt.Errorf("dependLabelSelector.pods: %q: %w", selector, e.Cluster.Explain(err))
			}
			if !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return chosen(&p) && workload.Ready(&p) }) {
				down = append(down, fmt.Sprintf("no pod with %s is ready", selector))
			}
		}
		for _, selector := range e.spec.Depend.Jobs {
			options, chosen := choose(selector)
			jobs, err := e.Cluster.API.BatchV1().Jobs(e.Cluster.Namespace).List(ctx, options)
			if err != nil {
				return nil, fmt.Errorf("dependLabelSelector.jobs: %q: %w", selector, e.Cluster.Explain(err))
			}
			if !slices.ContainsFunc(jobs.Items, func(j batchv1.Job) bool { return chosen(&j) && complete(j) }) {
				down = append(down, fmt.Sprintf("no Job with %s is complete", selector))
			}
		}
		return down, nil
	})
}

// choose lists what a selector is about. A single word is a label that is there, or, as configs in Nocalhost's first
// format have it, the name of a Job or of the workload that pods belong to.
func choose(selector string) (metav1.ListOptions, func(metav1.Object) bool) {
	if strings.ContainsAny(selector, "=!,() /") {
		return metav1.ListOptions{LabelSelector: selector}, func(metav1.Object) bool { return true }
	}
	return metav1.ListOptions{}, func(o metav1.Object) bool {
		_, labelled := o.GetLabels()[selector]
		return labelled || o.GetName() == selector || strings.HasPrefix(o.GetName(), selector+"-")
	}
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
			err = fmt.Errorf("ask the dev pod which services it reaches: %w", err)
		}
		return down, err
	})
}

// await asks what is down until nothing is, and tells in the meantime what it waits for.
func (e *entry) await(ctx context.Context, step string, ask func(context.Context) ([]string, error)) error {
	begin, last := time.Now(), ""
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		down, err := ask(ctx)
		if err != nil || len(down) == 0 {
			return err == nil, err
		}
		if text := strings.Join(down, "; "); text != last {
			last = text
			e.Emit(steps.Event(step, event.StepWaiting, "for dependencies: "+text, begin))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && last != "" {
		return problem.New(problem.Timeout, "after %s these dependencies are not up: %s",
			time.Since(begin).Round(time.Second), last).
			WithHint("bring them up, take them out of dependLabelSelector in the config, " +
				"or give them longer with --timeout")
	}
	return err
}
