package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// planting is a pod whose plant container has a state.
func planting(command []string, s corev1.ContainerStatus) *corev1.Pod {
	s.Name = "nhctl-plant"
	pod := &corev1.Pod{}
	pod.Spec.InitContainers = []corev1.Container{{Name: "nhctl-plant", Command: command}, {Name: "migrate"}}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "migrate"}, s}
	return pod
}

var copies = []string{"/sidecar", "plant", "/.nhctl/bin/sidecar"}

func TestAwaitsBinary(t *testing.T) {
	t.Parallel()
	runs := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	leaving := planting(byExec(), runs)
	leaving.DeletionTimestamp = &metav1.Time{}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"waits":           {planting(byExec(), runs), true},
		"not yet":         {planting(byExec(), waiting("PodInitializing", "")), false},
		"from its image":  {planting(copies, runs), false},
		"on its way out":  {leaving, false},
		"without planter": {&corev1.Pod{}, false},
	} {
		if got := AwaitsBinary(tt.pod); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestAwaitsImage(t *testing.T) {
	t.Parallel()
	leaving := planting(copies, waiting("PodInitializing", ""))
	leaving.DeletionTimestamp = &metav1.Time{}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"waits":           {planting(copies, waiting("PodInitializing", "")), true},
		"failed":          {planting(copies, waiting("ErrImagePull", "gone")), false},
		"through exec":    {planting(byExec(), waiting("PodInitializing", "")), false},
		"on its way out":  {leaving, false},
		"without status":  {planting(copies, corev1.ContainerStatus{}), false},
		"without planter": {&corev1.Pod{}, false},
	} {
		if got := AwaitsImage(tt.pod); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestCannotPlant(t *testing.T) {
	t.Parallel()
	startError := corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 128,
		Reason:   "StartError",
		Message:  "exec: sh: not found",
	}}}
	again := waiting("CrashLoopBackOff", "back-off 10s")
	again.LastTerminationState = startError.State
	runs := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"the image can't be pulled":     {planting(copies, waiting("ErrImagePull", "gone")), "ErrImagePull gone"},
		"nor later":                     {planting(copies, waiting("ImagePullBackOff", "")), "ImagePullBackOff"},
		"never pulled":                  {planting(copies, waiting("ErrImageNeverPull", "")), "ErrImageNeverPull"},
		"no image name":                 {planting(copies, waiting("InvalidImageName", "")), "InvalidImageName"},
		"for another architecture":      {planting(copies, startError), "exec: sh: not found"},
		"the dev image can't be pulled": {planting(byExec(), waiting("ErrImagePull", "gone")), ""},
		"no shell":                      {planting(byExec(), startError), "exec: sh: not found"},
		"no shell, again":               {planting(byExec(), again), "exec: sh: not found"},
		"no shell, as others say it":    {planting(byExec(), waiting("RunContainerError", "no sh")), "no sh"},
		"would be root":                 {planting(byExec(), waiting("CreateContainerConfigError", "root")), "root"},
		"begins":                        {planting(copies, waiting("PodInitializing", "")), ""},
		"runs":                          {planting(byExec(), runs), ""},
		"nothing is known":              {&corev1.Pod{}, ""},
	} {
		if got := CannotPlant(tt.pod); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// After the sidecar's image come the dev image and then those of the original, each once.
func TestNextPlanter(t *testing.T) {
	t.Parallel()
	original := template()
	original.Spec.InitContainers = append(original.Spec.InitContainers, corev1.Container{Name: "b", Image: "busybox"})
	twin, err := Twin(original, settings())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for next := NextPlanter(twin, original); next != nil; next = NextPlanter(twin, original) {
		got = append(got, next.Image)
		planter := planter(twin.Spec.Template.Spec)
		planter.Image, planter.Command = next.Image, byExec()
	}
	if diff := cmp.Diff([]string{"dev:1", "helper:1", "web:1", "migrate:1", "busybox"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlantPatch(t *testing.T) {
	t.Parallel()
	twin, err := Twin(template(), settings())
	if err != nil {
		t.Fatal(err)
	}
	got, err := PlantPatch(twin, &corev1.Container{Image: "web:1"}, "{}")
	if err != nil {
		t.Fatal(err)
	}
	const at = `"path":"/spec/template/spec/initContainers/0/`
	want := `[{"op":"test",` + at + `name","value":"nhctl-plant"},` +
		`{"op":"replace",` + at + `image","value":"web:1"},` +
		`{"op":"add",` + at + `imagePullPolicy","value":"IfNotPresent"},` +
		`{"op":"replace",` + at + `command","value":["sh","-c","trap 'exit 1' TERM; until [ -x \"$0\" ]; ` +
		`do sleep 0.1 2\u003e /dev/null || sleep 1; done","/.nhctl/bin/sidecar"]},` +
		`{"op":"add","path":"/metadata/annotations/nhctl.dev~1record","value":"{}"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
