package workload

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// patience is how long a pod may be without a place: a claim that is being provisioned, or a node that is being added.
const patience = 15 * time.Second

// Diagnose says what a twin's pod waits for, and when that will not come by itself, the problem. pod is nil when there is none yet.
func Diagnose(twin *appsv1.Deployment, pod *corev1.Pod, waited time.Duration) (waiting string, fatal *problem.Error) {
	if pod == nil {
		for _, c := range twin.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return "", problem.New(problem.NotReady, "the cluster does not let the dev pod be created: %s", c.Message).
					WithHint("a quota or policy of the namespace is in the way; ask for more quota, or lower dev.resources in the config")
			}
		}
		return "for the pod to be created", nil
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			if waited < patience {
				return "for a node: " + c.Message, nil
			}
			return "", problem.New(problem.NotReady, "no node takes the dev pod: %s", c.Message).
				WithHint("free resources, or change what the message names: dev.resources in the config, the node selector or the claim of the original")
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
			return problem.New(problem.NotReady, "the image %s can't be pulled: %s", s.Image, w.Message).
				WithHint("is the name right, and may the cluster pull it? name another with dev.image in the config, or --image")
		case "InvalidImageName":
			return problem.New(problem.NotReady, "%q is no image name: %s", s.Image, w.Message).WithHint("correct dev.image in the config, or --image")
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return problem.New(problem.NotReady, "container %s can't start: %s", s.Name, w.Message).
				WithHint("the message names what is missing; the image must also fit the pod's security context")
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
	return strings.Contains(message, "not found") || strings.Contains(message, "no such host") || strings.Contains(message, "does not exist")
}

func crashed(s corev1.ContainerStatus, t *corev1.ContainerStateTerminated) *problem.Error {
	if t == nil {
		return problem.New(problem.NotReady, "container %s ends again and again", s.Name)
	}
	if t.Reason == "OOMKilled" {
		return problem.New(problem.NotReady, "container %s was killed for lack of memory", s.Name).
			WithHint("raise containers[].dev.resources.limits.memory in the config")
	}
	return problem.New(problem.NotReady, "container %s ended with code %d: %s %s", s.Name, t.ExitCode, t.Reason, t.Message).
		WithHint("`kubectl logs` of that container has more; an image for another architecture fails like this too")
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
