package workload

import (
	"slices"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

func gatewayOf(t *testing.T, s GatewaySettings) *batchv1.Job {
	t.Helper()
	s.Name, s.Namespace, s.Session, s.Port = "nhctl-gateway-0a1b2c3d-ffffff", "shop", "0a1b2c3d", 20001
	j, err := Gateway(s, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// The gateway's pod is one that Pod Security "restricted" accepts, and it has no permissions in the cluster.
func TestGatewayIsConfined(t *testing.T) {
	t.Parallel()
	for _, s := range []GatewaySettings{{Image: "sidecar:1"}, {Image: "busybox:1", ByExec: true}} {
		pod := GatewayPod(gatewayOf(t, s))
		if *pod.Spec.AutomountServiceAccountToken || pod.Spec.HostNetwork || pod.Namespace != "shop" {
			t.Errorf("%+v", pod.Spec)
		}
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			x := c.SecurityContext
			if !*x.RunAsNonRoot || *x.AllowPrivilegeEscalation || !*x.ReadOnlyRootFilesystem ||
				!slices.Equal(x.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
				x.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: %+v", c.Name, x)
			}
			if c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s has resources %+v", c.Name, c.Resources)
			}
		}
	}
}

// The agent comes from the sidecar's image, or through exec into any image.
func TestGatewaysAgent(t *testing.T) {
	t.Parallel()
	fromImage := GatewayPod(gatewayOf(t, GatewaySettings{Image: "sidecar:1"})).Spec
	if c := fromImage.Containers[0]; c.Image != "sidecar:1" || len(fromImage.InitContainers) != 0 ||
		!slices.Equal(c.Command, []string{"/sidecar", "agent"}) {
		t.Errorf("from its image: %+v", c)
	}
	byExec := GatewayPod(gatewayOf(t, GatewaySettings{Image: "busybox:1", ByExec: true}))
	if c := byExec.Spec.Containers[0]; c.Image != "busybox:1" ||
		!slices.Equal(c.Command, []string{contract.Binary, "agent"}) {
		t.Errorf("through exec: %+v", c)
	}
	byExec.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name:  contract.PlantContainer,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}
	if !AwaitsBinary(byExec) {
		t.Error("the pod does not wait for the agent")
	}
}

func TestSpent(t *testing.T) {
	t.Parallel()
	condition := func(c batchv1.JobConditionType, s corev1.ConditionStatus) func(*batchv1.Job) {
		return func(j *batchv1.Job) { j.Status.Conditions = []batchv1.JobCondition{{Type: c, Status: s}} }
	}
	for name, tt := range map[string]struct {
		change func(*batchv1.Job)
		want   bool
	}{
		"new":              {func(*batchv1.Job) {}, false},
		"with a pod":       {func(j *batchv1.Job) { j.Status.Active = 1 }, false},
		"with a lost pod":  {func(j *batchv1.Job) { j.Status.Failed = 1 }, true},
		"complete":         {condition(batchv1.JobComplete, corev1.ConditionTrue), true},
		"failed":           {condition(batchv1.JobFailed, corev1.ConditionTrue), true},
		"not complete":     {condition(batchv1.JobComplete, corev1.ConditionFalse), false},
		"suspended before": {condition(batchv1.JobSuspended, corev1.ConditionTrue), false},
	} {
		j := &batchv1.Job{}
		tt.change(j)
		if Spent(j) != tt.want {
			t.Errorf("%s: %v", name, !tt.want)
		}
	}
}

// A pod whose agent has ended serves no one, whatever else runs in it.
func TestOver(t *testing.T) {
	t.Parallel()
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	status := func(name string) []corev1.ContainerStatus {
		running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		return []corev1.ContainerStatus{{Name: "proxy", State: running}, {Name: name, State: ended}}
	}
	companion := GatewayPod(companionOf(t, manyVolumes, GatewaySettings{Image: "sidecar:1"}))
	plain := GatewayPod(gatewayOf(t, GatewaySettings{Image: "sidecar:1"}))
	for name, tt := range map[string]struct {
		pod    *corev1.Pod
		status corev1.PodStatus
		want   bool
	}{
		"new":                          {plain, corev1.PodStatus{}, false},
		"failed":                       {plain, corev1.PodStatus{Phase: corev1.PodFailed}, true},
		"the agent has ended":          {plain, corev1.PodStatus{ContainerStatuses: status("nhctl-agent")}, true},
		"another has ended":            {plain, corev1.PodStatus{ContainerStatuses: status("app")}, false},
		"a companion's agent":          {companion, corev1.PodStatus{ContainerStatuses: status("app")}, true},
		"another of a companion's pod": {companion, corev1.PodStatus{ContainerStatuses: status("mesh")}, false},
	} {
		pod := tt.pod.DeepCopy()
		pod.Status = tt.status
		if Over(pod) != tt.want {
			t.Errorf("%s: %v", name, !tt.want)
		}
	}
}
