package workload

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// plantContainer copies the sidecar's binary into the pod before anything else starts.
func plantContainer(dev corev1.Container, s Settings) corev1.Container {
	c := corev1.Container{
		Name:            contract.PlantContainer,
		Image:           s.SidecarImage,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{contract.ImageEntry, "plant", contract.Binary},
		WorkingDir:      "/",
		Resources:       mergeResources(quantities("10m", "64Mi", "1", "128Mi"), s.SidecarResources),
		SecurityContext: confined(dev),
		VolumeMounts:    []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir}},
	}
	if s.ByExec {
		c.Image, c.ImagePullPolicy, c.Command = s.Image, s.pullPolicy(), byExec()
	}
	return c
}

// awaitBinary ends once the binary is there. Not every sleep knows parts of a second.
const awaitBinary = `trap 'exit 1' TERM; until [ -x "$0" ]; do sleep 0.1 2> /dev/null || sleep 1; done`

// byExec is the command of a plant container that waits for the binary to come through exec.
func byExec() []string { return []string{"sh", "-c", awaitBinary, contract.Binary} }

// planter is the plant container of a pod.
func planter(spec corev1.PodSpec) *corev1.Container {
	i := slices.IndexFunc(spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == contract.PlantContainer
	})
	if i < 0 {
		return &corev1.Container{}
	}
	return &spec.InitContainers[i]
}

func planterStatus(pod *corev1.Pod) corev1.ContainerStatus {
	for _, s := range pod.Status.InitContainerStatuses {
		if s.Name == contract.PlantContainer {
			return s
		}
	}
	return corev1.ContainerStatus{}
}

// PlantImage is the image of a twin's plant container.
func PlantImage(twin *appsv1.Deployment) string { return planter(twin.Spec.Template.Spec).Image }

// AwaitsImage says whether a pod's plant container, which brings the sidecar's binary from an image, has not started
// so far. That does not say that it is its turn.
func AwaitsImage(pod *corev1.Pod) bool {
	s := planterStatus(pod)
	return pod.DeletionTimestamp == nil && !slices.Equal(planter(pod.Spec).Command, byExec()) &&
		s.State.Waiting != nil && s.State.Waiting.Reason == "PodInitializing"
}

// AwaitsBinary says whether a pod waits for the sidecar's binary to be planted through exec.
func AwaitsBinary(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.Equal(planter(pod.Spec).Command, byExec()) &&
		planterStatus(pod).State.Running != nil
}

// CannotPlant says why the sidecar's binary will not come into a pod as it is, when another way may help: its image
// can't be pulled or started, or the image that it is to come into through exec has no shell.
func CannotPlant(pod *corev1.Pod) string {
	c, s := planter(pod.Spec), planterStatus(pod)
	waiting := s.State.Waiting
	if waiting == nil {
		waiting = &corev1.ContainerStateWaiting{}
	}
	switch why := cannotPull(s); {
	case why != "" && slices.Equal(c.Command, byExec()):
		return "" // the dev container needs that image, too
	case why != "":
		return why
	}
	switch waiting.Reason {
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return waiting.Message
	}
	for _, t := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
		if t != nil && t.Reason == "StartError" {
			return t.Message
		}
	}
	return ""
}

// cannotPull says why a container's image can't be had, if that is so.
func cannotPull(s corev1.ContainerStatus) string {
	waiting := s.State.Waiting
	if waiting == nil {
		return ""
	}
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
		"RegistryUnavailable", "SignatureValidationFailed":
		return strings.TrimSpace(waiting.Reason + " " + waiting.Message)
	}
	return ""
}

// CannotRunAgent says why the agent will not come into an agent's pod as it is, when another image may help.
func CannotRunAgent(pod *corev1.Pod) string {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if why := cannotPull(s); why != "" && (s.Name == contract.PlantContainer || s.Name == contract.AgentContainer) {
			return why
		}
	}
	return CannotPlant(pod)
}

// NextPlanter is the container of a twin, or of the original's template, whose image the binary can be planted in
// through exec where the present way does not work: the dev container's first, then others, which may have a shell
// where that has none. It is nil when all were tried.
func NextPlanter(twin *appsv1.Deployment, original corev1.PodTemplateSpec) *corev1.Container {
	spec := twin.Spec.Template.Spec
	var candidates, ours []corev1.Container
	if c := container(spec, contract.SidecarContainer); c != nil {
		ours = append(ours, *c)
	}
	all := slices.Concat(ours, spec.Containers, original.Spec.Containers, original.Spec.InitContainers)
	for _, c := range all {
		if !slices.ContainsFunc(candidates, func(o corev1.Container) bool { return o.Image == c.Image }) {
			candidates = append(candidates, c)
		}
	}
	next := 0
	if now := planter(spec); slices.Equal(now.Command, byExec()) {
		next = 1 + slices.IndexFunc(candidates, func(c corev1.Container) bool { return c.Image == now.Image })
	}
	if next == len(candidates) {
		return nil
	}
	return &candidates[next]
}

// PlantPatch has the binary come through exec into a container with another one's image. The twin carries the record
// that says so.
func PlantPatch(twin *appsv1.Deployment, with *corev1.Container, record string) ([]byte, error) {
	i := slices.IndexFunc(twin.Spec.Template.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == contract.PlantContainer
	})
	at := func(field string) []string {
		return []string{"spec", "template", "spec", "initContainers", strconv.Itoa(i), field}
	}
	policy := with.ImagePullPolicy
	if policy == "" {
		policy = corev1.PullIfNotPresent
	}
	return json.Marshal([]map[string]any{
		op("test", at("name"), contract.PlantContainer),
		op("replace", at("image"), with.Image),
		op("add", at("imagePullPolicy"), policy),
		op("replace", at("command"), byExec()),
		op("add", []string{"metadata", "annotations", contract.AnnotationRecord}, record),
	})
}
