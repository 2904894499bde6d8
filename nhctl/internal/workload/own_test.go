package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// own is what nhctl adds to a pod.
type own struct {
	Sidecar, Plant corev1.Container
	Volumes        []corev1.Volume
}

// ownContext is the most that nhctl's containers ask for, which the strictest policies accept: the dev container's
// user, and no rights.
func ownContext(uid *int64) *corev1.SecurityContext {
	no, yes := false, true
	return &corev1.SecurityContext{RunAsUser: uid, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
}

func resources(requests, limits [2]string) corev1.ResourceRequirements {
	list := func(q [2]string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(q[0]),
			corev1.ResourceMemory: resource.MustParse(q[1])}
	}
	return corev1.ResourceRequirements{Requests: list(requests), Limits: list(limits)}
}

func TestTwinsOwnParts(t *testing.T) {
	t.Parallel()
	uid := int64(1000)
	theirs := corev1.Volume{Name: "theirs",
		VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/dev"}}}
	optional := true
	empty := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	want := own{
		Sidecar: corev1.Container{
			Name:            "nhctl-sidecar",
			Image:           "dev:1",
			ImagePullPolicy: corev1.PullIfNotPresent,
			WorkingDir:      "/",
			Command:         []string{"/.nhctl/bin/sidecar", "sync"},
			Env: []corev1.EnvVar{
				{Name: "NHCTL_SIDECAR", Value: `{"kind":"sidecar","version":1,` +
					`"session":"1","port":50000,"folders":[{"id":"f","container":"web",` +
					`"mountPath":"/src"}],"containers":["web"]}`},
				{Name: "LOGGER_DISCARD", Value: "1"}},
			Resources: resources([2]string{"10m", "64Mi"}, [2]string{"2", "256Mi"}),
			ReadinessProbe: &corev1.Probe{FailureThreshold: 1, TimeoutSeconds: 10,
				ProbeHandler: corev1.ProbeHandler{
					Exec: &corev1.ExecAction{Command: []string{"/.nhctl/bin/sidecar", "health", "--ready"}},
				}},
			LivenessProbe: &corev1.Probe{
				PeriodSeconds:    60,
				FailureThreshold: 10,
				TimeoutSeconds:   10,
				ProbeHandler: corev1.ProbeHandler{
					Exec: &corev1.ExecAction{Command: []string{"/.nhctl/bin/sidecar", "health"}},
				},
			},
			SecurityContext: ownContext(&uid),
			VolumeMounts: []corev1.VolumeMount{
				{Name: "nhctl-bin", MountPath: "/.nhctl/bin", ReadOnly: true},
				{Name: "nhctl-run", MountPath: "/.nhctl/run"},
				{Name: "nhctl-token", MountPath: "/.nhctl/token", ReadOnly: true},
				{Name: "nhctl-work", MountPath: "/.nhctl/work/data-f", SubPath: "data-f"},
				{Name: "nhctl-work", MountPath: "/.nhctl/work/index-f", SubPath: "index-f"}},
		},
		Plant: corev1.Container{
			Name:            "nhctl-plant",
			Image:           "sidecar:1",
			ImagePullPolicy: corev1.PullIfNotPresent,
			WorkingDir:      "/",
			Command:         []string{"/sidecar", "plant", "/.nhctl/bin/sidecar"},
			Resources:       resources([2]string{"10m", "64Mi"}, [2]string{"1", "128Mi"}),
			SecurityContext: ownContext(&uid),
			VolumeMounts:    []corev1.VolumeMount{{Name: "nhctl-bin", MountPath: "/.nhctl/bin"}},
		},
		Volumes: []corev1.Volume{theirs, {Name: "nhctl-bin", VolumeSource: empty},
			{Name: "nhctl-run", VolumeSource: empty}, {Name: "nhctl-work", VolumeSource: empty},
			{Name: "nhctl-token",
				VolumeSource: corev1.VolumeSource{
					Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
						{
							Secret: &corev1.SecretProjection{
								LocalObjectReference: corev1.LocalObjectReference{Name: "web-nhctl-1"},
								Items:                []corev1.KeyToPath{{Key: "token", Path: "sessions/1"}},
							},
						},
						{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{
							Name: "nhctl-gates",
						},
							Items: []corev1.KeyToPath{{Key: "1", Path: "ready"}}, Optional: &optional}},
					}},
				}}},
	}
	for duplicate, period := range map[bool]int32{false: 1, true: 10} {
		want.Sidecar.ReadinessProbe.PeriodSeconds = period
		original, s := template(), settings()
		original.Spec.Volumes = []corev1.Volume{theirs}
		s.Duplicate = duplicate
		twin, err := Twin(original, s)
		if err != nil {
			t.Fatal(err)
		}
		spec := twin.Spec.Template.Spec
		if diff := cmp.Diff(want,
			own{spec.Containers[len(spec.Containers)-1], spec.InitContainers[0], spec.Volumes}); diff != "" {
			t.Errorf("duplicate %v:\n%s", duplicate, diff)
		}
		for _, c := range append(spec.InitContainers, spec.Containers[:len(spec.Containers)-1]...) {
			for _, m := range c.VolumeMounts {
				if m.Name == contract.VolumeToken {
					t.Errorf("duplicate %v: container %s sees the token", duplicate, c.Name)
				}
			}
		}
	}
}
