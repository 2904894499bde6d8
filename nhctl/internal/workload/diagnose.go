package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Diagnose says what a twin's pod waits for, and when that will not come by itself, the problem. pod is nil when there
// is none yet.
func Diagnose(twin *appsv1.Deployment, pod *corev1.Pod, waited time.Duration) (waiting string, fatal *problem.Error) {
	if pod == nil {
		for _, c := range twin.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return "",
					problem.New(problem.NotReady, "the cluster does not let the dev pod be created: %s", c.Message).
						WithHint("a quota or policy of the namespace is in the way; ask for more quota, lower " +
							"dev.resources in the config, or change the pod as the policy asks by dev.patches")
			}
		}
		return "for the pod to be created", nil
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			if waited < patienceFor(c.Message) {
				return "for a node: " + c.Message, nil
			}
			return "", unschedulable(pod, c.Message)
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if fatal := diagnoseContainer(s); fatal != nil {
			return "", fatal
		}
		if s.State.Waiting != nil && s.State.Waiting.Reason != "PodInitializing" {
			waiting = fmt.Sprintf("for container %s: %s %s", s.Name, s.State.Waiting.Reason, s.State.Waiting.Message)
		}
	}
	if waiting == "" {
		waiting = "for the pod's containers to start"
	}
	return waiting, nil
}

func diagnoseContainer(s corev1.ContainerStatus) *problem.Error {
	if w := s.State.Waiting; w != nil {
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull":
			if w.Reason == "ErrImagePull" && !imageMissing(w.Message) {
				return nil // it may have been the network: the kubelet tries once more
			}
			return notPulled(s, w.Message)
		case "InvalidImageName":
			return problem.New(problem.NotReady, "%q is not an image name: %s", s.Image, w.Message).
				WithHint("correct dev.image in the config, or --image")
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return cannotStart(s.Name, w.Message)
		case "CrashLoopBackOff":
			return crashed(s, s.LastTerminationState.Terminated)
		}
	}
	if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
		return crashed(s, t)
	}
	return nil
}

func imageMissing(message string) bool {
	return strings.Contains(message, "not found") || strings.Contains(message, "no such host") ||
		strings.Contains(message, "does not exist") || strings.Contains(message, noPlatform)
}

// noPlatform is what a container runtime says of an image that is not made for its architecture.
const noPlatform = "no match for platform"

func notPulled(s corev1.ContainerStatus, message string) *problem.Error {
	p := problem.New(problem.NotReady, "the image %s can't be pulled: %s", s.Image, message)
	switch {
	case strings.Contains(message, noPlatform):
		return p.WithHint("the image is not made for the node's architecture: name another with dev.image in the " +
			"config, or --image, or choose nodes that it fits by dev.patches (nodeSelector kubernetes.io/arch)")
	case s.Name == contract.PlantContainer:
		return p.WithHint("push the sidecar's image where the cluster may pull it and name it with --sidecar-image " +
			"or dev.sidecarImage; or do without: --inject auto or exec")
	}
	return p.WithHint(
		"is the name right, and may the cluster pull it? name another with dev.image in the config, or --image")
}

// wrongFormat is what a kernel says of a program for another architecture.
const wrongFormat = "exec format error"

func cannotStart(name, message string) *problem.Error {
	p := problem.New(problem.NotReady, "container %s can't start: %s", name, message)
	if strings.Contains(message, wrongFormat) {
		return p.WithHint(wrongArchitecture)
	}
	if strings.Contains(message, "runAsNonRoot") {
		return p.WithHint("the pod lets no one be root, and the image's user is root: set " +
			"containers[].dev.user.runAsUser in the config, such as 1000, or name another image")
	}
	if name == contract.PlantContainer {
		return p.WithHint("no image of the pod has a shell to copy the sidecar by: name another dev image, or let " +
			"the cluster pull the sidecar's image: --sidecar-image")
	}
	return p.WithHint("the message names what is missing; the image must also fit the pod's security context")
}

const wrongArchitecture = "the program is made for another architecture than the node's: use an image for that, or " +
	"choose nodes by dev.patches (nodeSelector kubernetes.io/arch)"

func crashed(s corev1.ContainerStatus, t *corev1.ContainerStateTerminated) *problem.Error {
	if t == nil {
		return problem.New(problem.NotReady, "container %s ends again and again", s.Name)
	}
	if t.Reason == "OOMKilled" {
		return problem.New(problem.NotReady, "container %s was killed for lack of memory", s.Name).
			WithHint("raise its memory limit: containers[].dev.resources.limits.memory in the config, or by " +
				"dev.patches where it is not a dev container")
	}
	if t.Reason == "StartError" {
		return cannotStart(s.Name, t.Message)
	}
	return problem.New(problem.NotReady, "container %s ended with code %d: %s", s.Name, t.ExitCode,
		strings.TrimSpace(t.Reason+" "+t.Message)).
		WithHint("`kubectl logs` of that container has more")
}

// Crashed names a container of a pod that has ended and should not have, and says whether another try has begun since.
func Crashed(pod *corev1.Pod) (name string, again bool) {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch t := s.State.Terminated; {
		case t != nil && t.ExitCode != 0:
			return s.Name, false
		case s.State.Waiting != nil && s.LastTerminationState.Terminated != nil:
			return s.Name, true
		}
	}
	return "", false
}

// WithOutput adds what a container that crashed has printed last.
func WithOutput(p *problem.Error, output string) *problem.Error {
	if output = strings.TrimSpace(output); output == "" {
		return p
	}
	said := *p
	said.Message += "; the last that it printed:\n    " + strings.ReplaceAll(output, "\n", "\n    ")
	if strings.Contains(output, wrongFormat) {
		said.Hint = wrongArchitecture
	}
	return &said
}

// Running says whether every container of a pod runs.
func Running(pod *corev1.Pod) bool {
	if pod == nil || pod.DeletionTimestamp != nil || len(pod.Status.ContainerStatuses) < len(pod.Spec.Containers) {
		return false
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running == nil {
			return false
		}
	}
	return true
}

// Ready says whether a pod may receive Service traffic.
func Ready(pod *corev1.Pod) bool {
	if pod == nil || pod.DeletionTimestamp != nil {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// State is how a pod is in one word: its phase as Kubernetes names it, or why it does not run.
func State(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "Terminating"
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch waiting, ended := s.State.Waiting, s.State.Terminated; {
		case waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing":
			return waiting.Reason
		case ended != nil && ended.ExitCode != 0 && ended.Reason != "":
			return ended.Reason
		}
	}
	return cmp.Or(pod.Status.Reason, string(pod.Status.Phase))
}
