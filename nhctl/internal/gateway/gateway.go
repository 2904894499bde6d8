// Package gateway has the in-cluster end of a tunnel: a Job with one agent pod, for one developer's computer and one
// namespace. It makes, finds, explains and removes it. It knows nothing of what goes through a tunnel.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// images is how a user names the agent's image.
const images = "name an image of the sidecar that the cluster can pull with --sidecar-image; or any other image that " +
	"has a shell and does not run as root with --image: nhctl copies the agent into it"

// noLender is the problem of a namespace that has no image for the agent to come into.
func noLender(c *kube.Client, tried int) error {
	const none = "no node is known to have the sidecar's image of this nhctl, and "
	if tried > 0 {
		return problem.New(problem.NotReady, none+"none of the %d images that namespace %s runs has a shell that the "+
			"agent could come by", tried, c.Namespace).WithHint(images)
	}
	return problem.New(problem.NotReady, none+"namespace %s runs no pod in whose image the agent could come",
		c.Namespace).WithHint(images)
}

// settings are those of a new gateway of a tunnel. Each has a name of its own: the one before may still be on its way
// out.
func settings(t record.Tunnel, from *workload.Lender) workload.GatewaySettings {
	random := make([]byte, 3)
	_, _ = rand.Read(random) // it never fails
	return workload.GatewaySettings{
		Name:      "nhctl-gateway-" + t.Session + "-" + hex.EncodeToString(random),
		Namespace: t.Namespace,
		Session:   t.Session,
		Image:     t.Image,
		ByExec:    t.ByExec,
		NeverPull: t.NeverPull,
		Lender:    from,
		Port:      t.Port,
	}
}

// create makes a gateway of a tunnel, after the cluster's policies were asked about its pod.
func create(
	ctx context.Context, c *kube.Client, t record.Tunnel, from *workload.Lender, token []byte,
) (job *batchv1.Job, err error) {
	made, err := maker(ctx, c, t, from)
	if err != nil {
		return nil, err
	}
	limits, err := c.Limits(ctx)
	if err != nil {
		return nil, err
	}
	err = limits.Retry(func(l workload.Limits) (err error) {
		if job, err = made(l); err != nil {
			return err
		}
		_, err = c.API.CoreV1().Pods(t.Namespace).Create(ctx, workload.GatewayPod(job),
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	})
	if err != nil {
		return nil, refused(c, t, err)
	}
	if job, err = c.API.BatchV1().Jobs(t.Namespace).Create(ctx, job, metav1.CreateOptions{}); err != nil {
		return nil, refused(c, t, err)
	}
	_, err = c.API.CoreV1().Secrets(t.Namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:            job.Name,
			Labels:          job.Labels,
			OwnerReferences: []metav1.OwnerReference{ownerOf(job)},
		},
		StringData: map[string]string{contract.SecretToken: hex.EncodeToString(token)},
	}, metav1.CreateOptions{})
	return job, c.Explain(err)
}

// maker makes a tunnel's Job within limits: that of a plain gateway, or of a companion as its workload is by now.
func maker(
	ctx context.Context, c *kube.Client, t record.Tunnel, from *workload.Lender,
) (func(workload.Limits) (*batchv1.Job, error), error) {
	s := settings(t, from)
	if !t.Companion() {
		return func(l workload.Limits) (*batchv1.Job, error) { return workload.Gateway(s, l) }, nil
	}
	original, err := c.Original(ctx, t.Workload, "")
	if err != nil {
		return nil, err
	}
	selecting, err := c.Selecting(ctx, original)
	if err != nil {
		return nil, err
	}
	companion := workload.CompanionSettings{GatewaySettings: s, Container: t.Container, Selecting: selecting}
	return func(l workload.Limits) (*batchv1.Job, error) {
		return workload.Companion(original.Template, companion, l)
	}, nil
}

// ownerOf lets objects go with a Job.
func ownerOf(j *batchv1.Job) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: j.Name, UID: j.UID}
}

// plain is the way out for whoever can't have a companion.
const plain = "without --workload, nhctl uses the plain gateway, which needs nothing of the workload: " +
	"its Services, pods and names are reached all the same"

// refused explains why the cluster does not take a gateway.
func refused(c *kube.Client, t record.Tunnel, err error) error {
	err = c.Explain(err)
	p := problem.From(err)
	switch {
	case p.Code != problem.Refused:
		return err
	case t.Companion():
		return p.WithHint("%s", plain)
	default:
		return p.WithHint("the text above names a policy or quota of namespace %s: whoever set it has to leave room "+
			"for the gateway's one small pod, or choose another namespace with -n", c.Namespace)
	}
}

// selected are the objects of a tunnel's gateways.
func selected(session string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: labels.SelectorFromSet(workload.GatewayLabels(session)).String()}
}

// State is how a tunnel's gateway is.
type State struct {
	// Pod is the newest that has not ended; nil where there is none.
	Pod *corev1.Pod
	// Job has made it, or is about to; nil where there is none that will.
	Job *batchv1.Job
	// Failed is a pod that has ended because the agent can't come into it as it is; nil where there is none.
	Failed *corev1.Pod
}

// Look finds a tunnel's gateway.
func Look(ctx context.Context, c *kube.Client, t record.Tunnel) (State, error) {
	var s State
	pods, err := c.API.CoreV1().Pods(t.Namespace).List(ctx, selected(t.Session))
	if err != nil {
		return s, c.Explain(err)
	}
	jobs, err := c.API.BatchV1().Jobs(t.Namespace).List(ctx, selected(t.Session))
	if err != nil {
		return s, c.Explain(err)
	}
	for i := range jobs.Items {
		if j := &jobs.Items[i]; !spent(j, pods.Items) && (s.Job == nil || newer(j.ObjectMeta, s.Job.ObjectMeta)) {
			s.Job = j
		}
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		switch {
		case s.Job != nil && !workload.Over(p) && metav1.IsControlledBy(p, s.Job):
			s.Pod = p
		case p.DeletionTimestamp == nil && workload.CannotRunAgent(p) != "":
			s.Failed = p
		}
	}
	return s, nil
}

// spent says whether a Job's one pod has ended, which the Job itself may not have noticed so far.
func spent(j *batchv1.Job, pods []corev1.Pod) bool {
	return workload.Spent(j) || slices.ContainsFunc(pods, func(p corev1.Pod) bool {
		return metav1.IsControlledBy(&p, j) && workload.Over(&p)
	})
}

func newer(a, b metav1.ObjectMeta) bool { return b.CreationTimestamp.Before(&a.CreationTimestamp) }

// Remove removes a tunnel's gateways but one, and returns the errors together. A Job is deleted by its UID.
func Remove(ctx context.Context, c *kube.Client, t record.Tunnel, but *batchv1.Job) error {
	jobs, err := c.API.BatchV1().Jobs(t.Namespace).List(ctx, selected(t.Session))
	if err != nil {
		return c.Explain(err)
	}
	background := metav1.DeletePropagationBackground
	var failed []error
	for i := range jobs.Items {
		j := &jobs.Items[i]
		if but != nil && j.UID == but.UID {
			continue
		}
		err := c.API.BatchV1().Jobs(t.Namespace).Delete(ctx, j.Name, metav1.DeleteOptions{
			PropagationPolicy: &background,
			Preconditions:     &metav1.Preconditions{UID: &j.UID},
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			failed = append(failed, c.Explain(err))
		}
	}
	return errors.Join(failed...)
}

// failure is what the Job's controller has noted: why it could not make the pod. A Job says that by an event alone.
func failure(ctx context.Context, c *kube.Client, j *batchv1.Job) string {
	about := fields.Set{"involvedObject.uid": string(j.UID), "reason": "FailedCreate"}
	events, err := c.API.CoreV1().Events(j.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: about.AsSelector().String(),
	})
	if err != nil || len(events.Items) == 0 {
		return ""
	}
	return events.Items[len(events.Items)-1].Message
}

// notCreated is the problem of a Job whose pod the cluster refuses.
func notCreated(c *kube.Client, t record.Tunnel, why string) *problem.Error {
	p := problem.New(problem.NotReady, "the cluster does not let the gateway's pod be created: %s", why)
	if t.Companion() {
		return p.WithHint("%s", plain)
	}
	return p.WithHint("a quota or policy of namespace %s is in the way: ask for room for one small pod more, or "+
		"choose another namespace with -n", c.Namespace)
}

var errComing = errors.New("the gateway's pod is on its way")

// Coming says that the gateway's pod does not run yet, and what for it waits.
func coming(waiting string) error {
	if waiting == "" {
		return errComing
	}
	return fmt.Errorf("%w: it waits %s", errComing, waiting)
}

// Sessions are the tunnels that have a gateway in the client's namespace, everyone's.
func Sessions(ctx context.Context, c *kube.Client) (all []string, err error) {
	jobs, err := c.API.BatchV1().Jobs(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleGateway,
	})
	if err != nil {
		return nil, c.Explain(err)
	}
	for _, j := range jobs.Items {
		if id := j.Labels[contract.LabelSession]; record.ValidID(id) && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all, nil
}
