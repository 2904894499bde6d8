package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "web", Image: "dev:1",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func ended(code int32, reason string) corev1.ContainerState {
	return corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: "exec format error"},
	}
}

func crashLoop(last corev1.ContainerState) corev1.ContainerStatus {
	s := waiting("CrashLoopBackOff", "back-off 10s")
	s.LastTerminationState = last
	return s
}

func podWith(statuses ...corev1.ContainerStatus) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: statuses}}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	plain := &appsv1.Deployment{}
	refused := &appsv1.Deployment{Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}}}
	nowhere := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available"}}}}
	initFails := &corev1.Pod{Status: corev1.PodStatus{
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "nhctl-plant", State: ended(1, "Error")}},
		ContainerStatuses:     []corev1.ContainerStatus{waiting("PodInitializing", "")},
	}}
	for name, tt := range map[string]struct {
		twin           *appsv1.Deployment
		pod            *corev1.Pod
		waited         time.Duration
		waiting, fatal string
	}{
		"no pod yet":     {plain, nil, 0, "for the pod to be created", ""},
		"quota":          {refused, nil, 0, "", "the cluster does not let the dev pod be created: exceeded quota"},
		"no node so far": {plain, nowhere, patience - 1, "for a node: 0/1 nodes are available", ""},
		"no node":        {plain, nowhere, patience, "", "no node takes the dev pod: 0/1 nodes are available"},
		"nothing known":  {plain, podWith(), 0, "for the pod's containers to start", ""},
		"initializing": {plain, podWith(waiting("PodInitializing", "")), 0, "for the pod's containers to start",
			""},
		"creating": {plain, podWith(waiting("ContainerCreating", "")), 0,
			"for container web: ContainerCreating ", ""},
		"pull fails once": {plain, podWith(waiting("ErrImagePull", "i/o timeout")), 0,
			"for container web: ErrImagePull i/o timeout", ""},
		"no such image": {plain, podWith(waiting("ErrImagePull", "dev:1: not found")), 0, "",
			"the image dev:1 can't be pulled: dev:1: not found"},
		"pull fails again": {plain, podWith(waiting("ImagePullBackOff", "back-off")), 0, "",
			"the image dev:1 can't be pulled: back-off"},
		"no image name": {plain, podWith(waiting("InvalidImageName", "couldn't parse")), 0, "",
			`"dev:1" is not an image name: couldn't parse`},
		"missing config map": {plain, podWith(waiting("CreateContainerConfigError", `configmap "c" not found`)), 0, "",
			`container web can't start: configmap "c" not found`},
		"root": {plain, podWith(waiting("CreateContainerConfigError",
			"container has runAsNonRoot and image will run as root")), 0, "",
			"container web can't start: container has runAsNonRoot and image will run as root"},
		"crash loop": {plain, podWith(crashLoop(ended(126, "Error"))), 0, "",
			"container web ended with code 126: Error exec format error"},
		"out of memory": {plain, podWith(crashLoop(ended(137, "OOMKilled"))), 0, "",
			"container web was killed for lack of memory"},
		"crash unknown": {plain, podWith(crashLoop(corev1.ContainerState{})), 0, "",
			"container web ends again and again"},
		"init container": {plain, initFails, 0, "", "container nhctl-plant ended with code 1: Error exec format error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waiting, fatal := Diagnose(tt.twin, tt.pod, tt.waited)
			message := ""
			if fatal != nil {
				message = fatal.Message
				if fatal.Code != problem.NotReady {
					t.Errorf("code %s", fatal.Code)
				}
				if fatal.Hint == "" && !strings.HasSuffix(message, "again and again") {
					t.Error("the problem names no next step")
				}
			}
			if diff := cmp.Diff([]string{tt.waiting, tt.fatal}, []string{waiting, message}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunningAndReady(t *testing.T) {
	t.Parallel()
	runs := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	pod := func(containers int, ready corev1.ConditionStatus, statuses ...corev1.ContainerStatus) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{Containers: make([]corev1.Container, containers)},
			Status: corev1.PodStatus{ContainerStatuses: statuses,
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}}}
	}
	going := pod(1, corev1.ConditionTrue, runs)
	going.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	type state struct{ Running, Ready bool }
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want state
	}{
		"none":           {nil, state{}},
		"no word yet":    {&corev1.Pod{Spec: corev1.PodSpec{Containers: make([]corev1.Container, 1)}}, state{}},
		"one of two":     {pod(2, corev1.ConditionFalse, runs), state{}},
		"one waits":      {pod(2, corev1.ConditionFalse, runs, waiting("ContainerCreating", "")), state{}},
		"runs":           {pod(2, corev1.ConditionFalse, runs, runs), state{Running: true}},
		"runs and ready": {pod(1, corev1.ConditionTrue, runs), state{Running: true, Ready: true}},
		"goes away":      {going, state{}},
	} {
		if diff := cmp.Diff(tt.want, state{Running(tt.pod), Ready(tt.pod)}); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestUnlabelPatch(t *testing.T) {
	t.Parallel()
	got, err := UnlabelPatch("s1")
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"op":"test","path":"/metadata/labels/nhctl.dev~1session","value":"s1"},{"op":"remove",` +
		`"path":"/metadata/labels/nhctl.dev~1session"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTwinRefusesAnUnknownContainer(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Container = "nginx"
	if twin, err := Twin(template(), s); err == nil || !strings.Contains(err.Error(), `no container "nginx"`) {
		t.Errorf("%v, %v", twin, err)
	}
}

// A template may come from a cache that others read.
func TestTwinLeavesTheTemplateAlone(t *testing.T) {
	t.Parallel()
	original := template()
	s := settings()
	s.Duplicate, s.Selecting.Values = true, []string{"app"}
	if _, err := Twin(original, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(template(), original); diff != "" {
		t.Error(diff)
	}
}

// What the scheduler says is told with what was asked for.
func TestUnschedulable(t *testing.T) {
	t.Parallel()
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"disk": "fast"},
		Affinity: &corev1.Affinity{
			NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a", "b"}},
				}}}}},
		},
		Containers: []corev1.Container{
			{
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
				},
			},
			{
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")},
				},
			}},
		Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
		}}},
	}}
	for name, tt := range map[string]struct {
		says, want string
		patience   time.Duration
	}{
		"resources": {"0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.",
			"; the pod asks for 3Gi memory; the pod asks for 0 cpu", patience},
		"selector": {"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 " +
			"nodes are available.", "; the pod wants a node with the label disk=fast, where zone In a, b", 0},
		"unbound": {"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
			"; its claims are data", provisioning},
		"no claim": {`0/1 nodes are available: persistentvolumeclaim "data" not found.`, "; its claims are data", 0},
		"port": {"0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
			"; another pod has its host port", patience},
		"taint": {"0/1 nodes are available: 1 node(s) had untolerated taint {gpu: }.",
			"; it tolerates no such taint", patience},
		"anything": {"0/1 nodes are available.", "", patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := unschedulable(pod, tt.says)
			if diff := cmp.Diff("no node takes the dev pod: "+strings.TrimSuffix(strings.TrimSuffix(tt.says,
				" preemption: 0/1 nodes are available."), ".")+tt.want, p.Message); diff != "" || p.Hint == "" {
				t.Error(diff, p.Hint)
			}
			if got := patienceFor(tt.says); got != tt.patience {
				t.Errorf("patience %s, want %s", got, tt.patience)
			}
		})
	}
}

// The last lines of a container that crashed are told, and judged.
func TestWithOutput(t *testing.T) {
	t.Parallel()
	pod := podWith(waiting("PodInitializing", ""), crashLoop(ended(1, "Error")))
	if name, again := Crashed(pod); name != "web" || !again {
		t.Errorf("%s %v", name, again)
	}
	_, p := Diagnose(nil, pod, 0)
	if got := WithOutput(p, ""); got != p {
		t.Error(got)
	}
	got := WithOutput(p, "one\nexec /app: exec format error\n")
	if want := p.Message + "; the last that it printed:\n    one\n    exec /app: exec format error"; got.Message !=
		want || got.Hint != wrongArchitecture {
		t.Errorf("%+v", got)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	waiting := func(reason string) corev1.ContainerStatus {
		return corev1.ContainerStatus{
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
		}
	}
	ended := func(code int32, reason string) corev1.ContainerStatus {
		return corev1.ContainerStatus{
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}},
		}
	}
	now := metav1.Now()
	for want, pod := range map[string]corev1.Pod{
		"Running":     {Status: corev1.PodStatus{Phase: corev1.PodRunning}},
		"Evicted":     {Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}},
		"Terminating": {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}},
		"ImagePullBackOff": {Status: corev1.PodStatus{
			Phase:                 corev1.PodPending,
			InitContainerStatuses: []corev1.ContainerStatus{ended(0, "Completed"), waiting("ImagePullBackOff")},
			ContainerStatuses:     []corev1.ContainerStatus{waiting("PodInitializing")},
		}},
		"OOMKilled": {Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{ended(137, "OOMKilled")},
		}},
		"Pending": {Status: corev1.PodStatus{
			Phase:             corev1.PodPending,
			ContainerStatuses: []corev1.ContainerStatus{waiting("PodInitializing")},
		}},
	} {
		if got := State(&pod); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
