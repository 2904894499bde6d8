package workload

import (
	"cmp"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Probes say which of the dev container's probes stay as they were.
type Probes string

// The values of Probes.
const (
	ProbesOff       Probes = "off"
	ProbesReadiness Probes = "readiness"
	ProbesKeep      Probes = "keep"
)

// ClaimUse says what a duplicate gets for a claim that two pods can't write to.
type ClaimUse string

// The values of ClaimUse.
const (
	ClaimEmpty    ClaimUse = "empty"
	ClaimReadOnly ClaimUse = "readOnly"
	ClaimNone     ClaimUse = "none"
)

// Mount is a claim at a path of the dev container.
type Mount struct{ Claim, Path string }

// User are ids that the dev container runs with; nil leaves the original's. The dev image's own user is root where
// NotRoot is set: that takes its place in a pod where no one may be root, and that names no one else.
type User struct{ UID, GID, NotRoot *int64 }

// late is how many answers in a row may be missed before the container is restarted: a compiler takes all that a node
// has.
const late = 3

// answerProbes lets the supervisor answer in the program's place: a paused debugger must not be killed, and a program
// that does not run yet is no reason to restart the container. Policies demand that probes stay.
func answerProbes(c *corev1.Container, s Dev) {
	answered := []*corev1.Probe{c.LivenessProbe, c.StartupProbe, c.ReadinessProbe}
	switch s.Probes {
	case ProbesKeep:
		answered = nil
	case ProbesReadiness:
		answered = answered[:2]
	}
	health := []string{contract.Binary, "health", "--container", s.devName()}
	for _, probe := range answered {
		if probe != nil {
			probe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: health}}
			probe.InitialDelaySeconds, probe.TimeoutSeconds = 0, contract.ProbeTimeout
			probe.PeriodSeconds = max(probe.PeriodSeconds, contract.RestingPeriod)
			probe.FailureThreshold = max(probe.FailureThreshold, late)
		}
	}
	if c.LivenessProbe != nil && reflect.DeepEqual(c.LivenessProbe, c.ReadinessProbe) {
		c.LivenessProbe.FailureThreshold++ // policies refuse the same probe for both
	}
}

// asUser sets the dev container's user. Root is said to be meant where the pod says that no one is root.
func asUser(pod *corev1.PodSecurityContext, c *corev1.Container, u User) {
	if u.UID == nil && someoneElse(pod, c.SecurityContext) {
		u.UID = u.NotRoot
	}
	if u.UID == nil && u.GID == nil {
		return
	}
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	if u.GID != nil {
		c.SecurityContext.RunAsGroup = u.GID
	}
	if u.UID != nil {
		notRoot := *u.UID != 0
		c.SecurityContext.RunAsUser, c.SecurityContext.RunAsNonRoot = u.UID, &notRoot
	}
}

// someoneElse says whether a container must run as another user than root, and leaves open as whom.
func someoneElse(pod *corev1.PodSecurityContext, own *corev1.SecurityContext) bool {
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	notRoot := cmp.Or(own.RunAsNonRoot, pod.RunAsNonRoot)
	return cmp.Or(own.RunAsUser, pod.RunAsUser) == nil && notRoot != nil && *notRoot
}

// ByImage names the container with an image, which may be without its tag; "" when there is none.
func ByImage(containers []corev1.Container, image string) string {
	for _, c := range containers {
		if c.Image == image || repository(c.Image) == image {
			return c.Name
		}
	}
	return ""
}

// repository is an image's name without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndex(image, ":"); colon > strings.LastIndex(image, "/") {
		image = image[:colon]
	}
	return image
}

// rename gives the dev container another name.
func rename(spec *corev1.PodSpec, c *corev1.Container, name string) error {
	for _, other := range slices.Concat(spec.Containers, spec.InitContainers) {
		if other.Name == name && name != c.Name {
			return problem.New(problem.Usage, "dev.devContainerName: the pod has a container %q already", name).
				WithHint("choose another name in the config")
		}
	}
	c.Name = name
	return nil
}

// skipInit leaves out the init containers that must end before the others begin; those that go on next to them stay.
func skipInit(spec *corev1.PodSpec) {
	spec.InitContainers = slices.DeleteFunc(spec.InitContainers, func(c corev1.Container) bool {
		return c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways
	})
}

// mountClaims adds the volumes that outlive the twin.
func mountClaims(spec *corev1.PodSpec, c *corev1.Container, mounts []Mount) {
	const prefix = "nhctl-dir-"
	others := 0
	for _, v := range spec.Volumes {
		if strings.HasPrefix(v.Name, prefix) {
			others++
		}
	}
	for i, m := range mounts {
		name := fmt.Sprintf("%s%d", prefix, others+i)
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: m.Claim}}})
		c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts,
			func(o corev1.VolumeMount) bool { return o.MountPath == m.Path })
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: m.Path})
	}
}

// orderMounts puts a mount before those inside it: not every runtime sorts them itself, and an outer one that comes
// later would hide them.
func orderMounts(mounts []corev1.VolumeMount) (ordered []corev1.VolumeMount) {
	for _, m := range mounts {
		outer := strings.TrimSuffix(path.Clean(m.MountPath), "/") + "/"
		first := slices.IndexFunc(ordered,
			func(o corev1.VolumeMount) bool { return strings.HasPrefix(path.Clean(o.MountPath), outer) })
		if first < 0 {
			first = len(ordered)
		}
		ordered = slices.Insert(ordered, first, m)
	}
	return ordered
}

// releaseClaims keeps a duplicate off the claims that two pods can't write to.
func releaseClaims(spec *corev1.PodSpec, exclusive []string, use ClaimUse) {
	for i := len(spec.Volumes) - 1; i >= 0; i-- {
		v := &spec.Volumes[i]
		if v.PersistentVolumeClaim == nil || !slices.Contains(exclusive, v.PersistentVolumeClaim.ClaimName) {
			continue
		}
		name := v.Name
		switch use {
		case ClaimReadOnly:
			v.PersistentVolumeClaim.ReadOnly = true
			eachMount(spec, name, func(m *corev1.VolumeMount) { m.ReadOnly = true })
		case ClaimNone:
			spec.Volumes = slices.Delete(spec.Volumes, i, i+1)
			dropMounts(spec, name)
		default:
			v.VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
			dropDevices(spec, name)
		}
	}
}

func eachMount(spec *corev1.PodSpec, volume string, do func(*corev1.VolumeMount)) {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			for j := range containers[i].VolumeMounts {
				if m := &containers[i].VolumeMounts[j]; m.Name == volume {
					do(m)
				}
			}
		}
	}
}

func dropMounts(spec *corev1.PodSpec, volume string) {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			containers[i].VolumeMounts = slices.DeleteFunc(containers[i].VolumeMounts,
				func(m corev1.VolumeMount) bool { return m.Name == volume })
		}
	}
	dropDevices(spec, volume)
}

// dropDevices removes raw block devices, which an empty folder can't be.
func dropDevices(spec *corev1.PodSpec, volume string) {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			containers[i].VolumeDevices = slices.DeleteFunc(containers[i].VolumeDevices,
				func(d corev1.VolumeDevice) bool { return d.Name == volume })
		}
	}
}
