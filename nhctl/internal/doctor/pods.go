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
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// pod is one as nhctl's own containers are: confined, and with requests and limits.
func pod(image string, command ...string) *corev1.Pod {
	no, yes, user := false, true, int64(65532)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "nhctl-doctor-"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "doctor", Image: image, Command: command,
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("256Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, RunAsNonRoot: &yes, RunAsUser: &user,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}},
		},
	}
}

// try creates a pod on the server without doing it: quotas and policies speak.
func (p *patient) try(ctx context.Context, pod *corev1.Pod) error {
	_, err := p.API.CoreV1().Pods(p.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// pods asks whether quotas and policies leave room for what a twin has beside the original's containers.
func (p *patient) pods(ctx context.Context) (Finding, error) {
	err := p.try(ctx, pod(p.Images[0]))
	if err == nil {
		return Finding{State: OK, Says: "quotas and policies of the namespace admit nhctl's containers"}, nil
	}
	if err = p.Explain(err); problem.From(err).Code != problem.Refused {
		return Finding{}, err
	}
	return Finding{State: Failed, Says: err.Error(), Mend: "the text names the quota or policy; a twin needs room for one pod more, and 10m CPU and 64Mi memory beside the dev container's"}, nil
}

var level = regexp.MustCompile(`violates PodSecurity "(\w+):`)

// podSecurity finds the namespace's level by a pod that only the privileged one admits: namespaces can't be read with the Role.
func (p *patient) podSecurity(ctx context.Context) (Finding, error) {
	free := pod(p.Images[0])
	yes := true
	free.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
	err := p.try(ctx, free)
	if err == nil {
		return Finding{State: OK, Says: "the namespace enforces no Pod Security level"}, nil
	}
	if m := level.FindStringSubmatch(err.Error()); m != nil {
		return Finding{State: OK, Says: fmt.Sprintf("the namespace enforces %q; a twin passes it wherever its original does", m[1])}, nil
	}
	return Finding{}, p.Explain(err)
}

// image looks for an image on the nodes; where they can't be read, only pulling it tells.
func (p *patient) image(ctx context.Context, name string) (Finding, error) {
	if p.Pull {
		return p.pull(ctx, name)
	}
	const mend = "see whether it can be pulled: nhctl doctor --pull"
	nodes, err := p.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return Finding{State: Unknown, Says: "you may not see what the nodes have", Mend: mend}, nil
	}
	if err != nil {
		return Finding{}, p.Explain(err)
	}
	on := 0
	for _, node := range nodes.Items {
		if slices.ContainsFunc(node.Status.Images, func(i corev1.ContainerImage) bool { return slices.Contains(i.Names, name) }) {
			on++
		}
	}
	if on == 0 {
		return Finding{State: Unknown, Says: fmt.Sprintf("none of %d nodes has it so far", len(nodes.Items)), Mend: mend}, nil
	}
	return Finding{State: OK, Says: fmt.Sprintf("is on %d of %d nodes", on, len(nodes.Items))}, nil
}

// pull starts a pod of the image, waits until it was pulled or can't be, and deletes it. The image need not have the command: then the pod
// fails after the pull.
func (p *patient) pull(ctx context.Context, name string) (Finding, error) {
	pods := p.API.CoreV1().Pods(p.Namespace)
	made, err := pods.Create(ctx, pod(name, "true"), metav1.CreateOptions{})
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
		select {
		case <-ctx.Done():
			return Finding{}, errors.Join(errors.New("the image was not pulled in time"), ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// pulled reads from a pod's status whether its image is there; it is not done while that is open.
func pulled(pod *corev1.Pod) (f Finding, done bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return Finding{State: Failed, Says: "no node takes a pod: " + c.Message, Mend: "free or add a node"}, true
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		w := s.State.Waiting
		switch {
		case w == nil || s.ImageID != "" || w.Reason == "RunContainerError" || w.Reason == "CreateContainerError":
			return Finding{State: OK}, true
		case w.Reason == "ErrImagePull" || w.Reason == "ImagePullBackOff" || w.Reason == "InvalidImageName":
			return Finding{State: Failed, Says: "can't be pulled: " + w.Message, Mend: "is the name right, may the cluster reach that registry, and does the pod's service account have a pull secret?"}, true
		}
	}
	return Finding{}, false
}
