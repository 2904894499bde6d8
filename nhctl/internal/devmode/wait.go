package devmode

import (
	"context"
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// eager is how long a new pod's sidecar is dialled without a rest: with images present it listens within seconds.
const eager = 10 * time.Second

// wait returns when the twin's pod runs, and says early when it never will. The sidecar often answers a second before
// Kubernetes says that the pod runs, so it is dialled in the meantime.
func (e *entry) wait(ctx context.Context) error {
	if err := e.Link.Start(); err != nil {
		return err
	}
	begin, last := time.Now(), ""
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		pod, err := Pod(ctx, e.Cluster, e.record)
		if err != nil || workload.Running(pod) {
			return err == nil, err
		}
		if pod != nil {
			if acted, err := e.planter.Tend(ctx, e.Cluster, e.record, pod); acted || err != nil {
				return false, err
			}
		}
		twin := e.twin
		if pod == nil {
			deployments := e.Cluster.API.AppsV1().Deployments(e.record.Namespace)
			if twin, err = deployments.Get(ctx, e.record.Twin(), metav1.GetOptions{}); err != nil {
				return false, e.Cluster.Explain(err)
			}
		}
		waiting, fatal := workload.Diagnose(twin, pod, time.Since(begin))
		if fatal != nil {
			return false, withOutput(ctx, e.Cluster, pod, fatal)
		}
		if waiting != last || time.Since(begin) < eager {
			e.Link.Wake()
		}
		if waiting != last {
			last = waiting
			e.Emit(steps.Event("wait for the dev pod", event.StepWaiting, waiting, begin))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Timeout, "the dev pod is not running after %s; it still waits %s",
			time.Since(begin).Round(time.Second), last).
			WithHint("give it longer with --timeout")
	}
	return err
}

// sync returns when the sources are there. A container that ends soon after its start has done so by then: the original
// stays as it is.
func (e *entry) sync(ctx context.Context) error {
	if err := e.Link.FirstSync(ctx); err != nil {
		return err
	}
	pod, err := Pod(ctx, e.Cluster, e.record)
	if err != nil || workload.Running(pod) {
		return err
	}
	if _, fatal := workload.Diagnose(e.twin, pod, 0); fatal != nil {
		return withOutput(ctx, e.Cluster, pod, fatal)
	}
	return nil
}

// withOutput adds what a container of a pod has printed before it crashed, where that can be had.
func withOutput(ctx context.Context, c *kube.Client, pod *corev1.Pod, fatal *problem.Error) *problem.Error {
	if pod == nil {
		return fatal
	}
	name, again := workload.Crashed(pod)
	if name == "" {
		return fatal
	}
	lines := int64(10)
	logs := c.API.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: name,
		Previous:  again,
		TailLines: &lines,
	})
	output, err := logs.DoRaw(ctx)
	if err != nil {
		return fatal // the container may never have run
	}
	return workload.WithOutput(fatal, string(output))
}

// Ails says why a session's twin does not run, or "" when it does.
func Ails(ctx context.Context, c *kube.Client, r Record) (string, error) {
	pod, err := Pod(ctx, c, r)
	if err != nil || workload.Running(pod) {
		return "", err
	}
	twin, err := c.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Twin(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "the twin was deleted; end dev mode and start again", nil
	}
	if err != nil {
		return "", c.Explain(err)
	}
	waiting, fatal := workload.Diagnose(twin, pod, time.Hour)
	if fatal == nil {
		return "the dev pod waits " + strings.TrimSpace(waiting), nil
	}
	fatal = withOutput(ctx, c, pod, fatal)
	return fatal.Message + " (" + fatal.Hint + ")", nil
}

// Pod returns the twin's pod that is not on its way out, or nil.
func Pod(ctx context.Context, c *kube.Client, r Record) (*corev1.Pod, error) {
	twins := contract.LabelSession + "=" + r.Session + "," + contract.LabelRole + "=" + contract.RoleTwin
	pods, err := c.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: twins})
	if err != nil {
		return nil, c.Explain(err)
	}
	var newest *corev1.Pod
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.DeletionTimestamp == nil && (newest == nil || newest.CreationTimestamp.Before(&p.CreationTimestamp)) {
			newest = p
		}
	}
	return newest, nil
}
