package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// pod has one container like the sidecar's: confined, and with the same requests and limits. It names no user: there
// are clusters that assign each namespace its own, and refuse others.
func (p *patient) pod(image string, command ...string) *corev1.Pod {
	no, yes := false, true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "nhctl-doctor-"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name:      contract.SidecarContainer,
				Image:     image,
				Command:   command,
				Resources: p.resources(),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					ReadOnlyRootFilesystem:   &yes,
					RunAsNonRoot:             &yes,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
					SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}},
		},
	}
}

// resources are the sidecar's, within the namespace's limits.
func (p *patient) resources() corev1.ResourceRequirements {
	return p.limits.Resources(workload.SidecarResources())
}

// anyImage is one that a pod of dev mode may have: most policies don't look at it.
func (p *patient) anyImage() string {
	if len(p.Images) == 0 {
		return "ghcr.io/nhctl/dev-base:v0.1.0"
	}
	return p.Images[0]
}

// try creates a pod on the server as a dry run, so that quotas and policies judge it.
func (p *patient) try(ctx context.Context, pod *corev1.Pod) error {
	return p.limits.Retry(func(workload.Limits) error {
		pod.Spec.Containers[0].Resources = p.resources()
		_, err := p.API.CoreV1().Pods(p.Namespace).Create(ctx, pod,
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	})
}

// pods asks whether quotas and policies leave room for the containers that a twin has in addition to the original's.
func (p *patient) pods(ctx context.Context) (Finding, error) {
	var err error
	if p.limits, err = p.Limits(ctx); err != nil {
		return Finding{}, err
	}
	err = p.try(ctx, p.pod(p.anyImage()))
	if err == nil {
		return Finding{State: OK, Says: "quotas and policies of the namespace admit nhctl's containers"}, nil
	}
	if err = p.Explain(err); problem.From(err).Code != problem.Refused {
		return Finding{}, err
	}
	needs := p.resources().Requests
	fix := fmt.Sprintf("the text names the quota or policy; a twin needs room for one pod more, and for its "+
		"sidecar %s CPU and %s memory",
		needs.Cpu(), needs.Memory())
	return Finding{State: Failed, Says: err.Error(), Fix: fix}, nil
}

var level = regexp.MustCompile(`violates PodSecurity "(\w+):`)

// podSecurity finds the namespace's level by a pod that only the privileged one admits: namespaces can't be read with
// the Role.
func (p *patient) podSecurity(ctx context.Context) (Finding, error) {
	free := p.pod(p.anyImage())
	yes := true
	free.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
	err := p.try(ctx, free)
	if err == nil {
		return Finding{State: OK, Says: "the namespace enforces no Pod Security level"}, nil
	}
	if m := level.FindStringSubmatch(err.Error()); m != nil {
		return Finding{State: OK,
			Says: fmt.Sprintf("the namespace enforces %q; a twin passes it wherever its original does", m[1])}, nil
	}
	return Finding{}, p.Explain(err)
}

// image looks for an image on the nodes; where they can't be read, only pulling it tells.
func (p *patient) image(ctx context.Context, name string) (Finding, error) {
	if p.Pull {
		return p.pull(ctx, name)
	}
	const fix = "see whether it can be pulled: nhctl doctor --pull"
	nodes, err := p.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return Finding{State: Unknown, Says: "you may not list the nodes' images", Fix: fix}, nil
	}
	if err != nil {
		return Finding{}, p.Explain(err)
	}
	on := 0
	for _, node := range nodes.Items {
		if slices.ContainsFunc(node.Status.Images,
			func(i corev1.ContainerImage) bool { return slices.Contains(i.Names, name) }) {
			on++
		}
	}
	if on == 0 {
		return Finding{State: Unknown, Says: fmt.Sprintf("none of %d nodes has it yet",
			len(nodes.Items)), Fix: fix}, nil
	}
	return Finding{State: OK, Says: fmt.Sprintf("is on %d of %d nodes", on, len(nodes.Items))}, nil
}

// pull starts a pod of the image, waits until it was pulled or can't be, and deletes it. The image need not have the
// command, and its user may be root, who is not let in: then the pod fails after the pull.
func (p *patient) pull(ctx context.Context, name string) (Finding, error) {
	pods := p.API.CoreV1().Pods(p.Namespace)
	made, err := pods.Create(ctx, p.pod(name, "true"), metav1.CreateOptions{})
	if err != nil {
		return Finding{}, p.Explain(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		now := int64(0)
		_ = pods.Delete(ctx, made.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	}()
	begin := time.Now()
	for {
		got, err := pods.Get(ctx, made.Name, metav1.GetOptions{})
		if err != nil {
			return Finding{}, p.Explain(err)
		}
		if f, done := pulled(got); done {
			if f.State == OK {
				f.Says = fmt.Sprintf("was pulled in %s", time.Since(begin).Round(100*time.Millisecond))
			}
			return f, nil
		}
		if err := delay.For(ctx, 200*time.Millisecond); err != nil {
			return Finding{}, errors.Join(errors.New("the image was not pulled in time"), err)
		}
	}
}

// pulled reads from a pod's status whether its image is there; it is not done while that is open.
func pulled(pod *corev1.Pod) (f Finding, done bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return Finding{State: Failed, Says: "no node takes a pod: " + c.Message, Fix: "free or add a node"}, true
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		w := s.State.Waiting
		switch {
		case w == nil || s.ImageID != "" || w.Reason == "RunContainerError" || w.Reason == "CreateContainerError" ||
			w.Reason == "CreateContainerConfigError":
			return Finding{State: OK}, true
		case w.Reason == "ErrImagePull" || w.Reason == "ImagePullBackOff" || w.Reason == "InvalidImageName":
			return Finding{State: Failed, Says: "can't be pulled: " + w.Message, Fix: "is the name right, may the " +
				"cluster reach that registry, and does the pod's service account have a pull secret?"}, true
		}
	}
	return Finding{}, false
}
