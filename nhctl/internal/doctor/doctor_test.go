package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

func TestRights(t *testing.T) {
	t.Parallel()
	got, err := rights("rules:\n- {apiGroups: [''], resources: [pods/exec], verbs: [get, create]}\n" +
		"# Optional: this; without it, that\n" +
		"- {apiGroups: [apps], resources: [deployments], resourceNames: [web], verbs: [patch]}\n" +
		"- {apiGroups: [''], resources: [pods], verbs: [get]}\n" +
		"# that again\n- {apiGroups: [''], resources: [pods], verbs: [list]}\n")
	type attributes = authorizationv1.ResourceAttributes
	want := []right{
		{ResourceAttributes: attributes{Verb: "get", Resource: "pods", Subresource: "exec"}},
		{ResourceAttributes: attributes{Verb: "create", Resource: "pods", Subresource: "exec"}},
		{
			ResourceAttributes: attributes{Verb: "patch", Group: "apps", Resource: "deployments", Name: "web"},
			cost:               "this; without it, that",
		},
		{ResourceAttributes: attributes{Verb: "get", Resource: "pods"}, cost: "this; without it, that"},
		{ResourceAttributes: attributes{Verb: "list", Resource: "pods"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(right{})); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if text := describe(want[2].ResourceAttributes); text != "deployments.apps (web)" {
		t.Error(text)
	}
	if text := describe(want[0].ResourceAttributes); text != "pods/exec" {
		t.Error(text)
	}
	if all, err := rights(kube.Role); err != nil || len(all) < 50 {
		t.Errorf("the Role that nhctl carries has %d rights, %v", len(all), err)
	}
}

// Rights that nhctl can do without are told with what that costs, and are no failure.
func TestOptionalRights(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lacks [2]string
		want  Finding
		says  string
	}{
		"all":      {want: Finding{State: OK}, says: "are there"},
		"optional": {[2]string{"create", "rolebindings"}, Finding{State: Warning}, "by itself"},
		"needed":   {[2]string{"patch", "services"}, Finding{State: Failed}, "patch services"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kubetest.New([]string{"shop"})
			cluster.Forbid("ada", tt.lacks[0], tt.lacks[1])
			p := &patient{Client: cluster.Client(t, "ada", "shop")}
			f, err := p.permissions(t.Context())
			if err != nil || f.State != tt.want.State || !strings.Contains(f.Says, tt.says) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

func TestPulled(t *testing.T) {
	t.Parallel()
	waiting := func(reason string) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "because"}}},
		}}
	}
	for name, tt := range map[string]struct {
		status corev1.PodStatus
		state  State
		done   bool
	}{
		"nothing yet":     {corev1.PodStatus{}, "", false},
		"pulling":         {waiting("ContainerCreating"), "", false},
		"not there":       {waiting("ErrImagePull"), Failed, true},
		"backing off":     {waiting("ImagePullBackOff"), Failed, true},
		"no such command": {waiting("RunContainerError"), OK, true},
		"user is root":    {waiting("CreateContainerConfigError"), OK, true},
		"ended": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{ImageID: "sha256:1",
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}}, OK, true},
		"no node": {corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled,
			Status: corev1.ConditionFalse, Message: "0/1 nodes"}}}, Failed, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, done := pulled(&corev1.Pod{Status: tt.status})
			if f.State != tt.state || done != tt.done {
				t.Errorf("%+v %v", f, done)
			}
		})
	}
}

// The doctor says which versions of Kubernetes are supported, and whether the cluster's is.
func TestVersioned(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minor int
		state State
		says  string
	}{
		"supported":            {kube.NewestTested(), OK, "Kubernetes v1.%d.7, which nhctl supports"},
		"the oldest supported": {kube.OldestMinor, OK, "Kubernetes v1.%d.7, which nhctl supports"},
		"too old":              {kube.OldestMinor - 1, Failed, "Kubernetes v1.%d.7 is too old"},
		"newer":                {kube.NewestTested() + 1, Warning, "Kubernetes v1.%d.7 is newer than any"},
	} {
		f := versioned(&version.Info{
			Major:      "1",
			Minor:      strconv.Itoa(tt.minor),
			GitVersion: fmt.Sprintf("v1.%d.7", tt.minor),
		})
		if f.State != tt.state || !strings.HasPrefix(f.Says, fmt.Sprintf(tt.says, tt.minor)) ||
			!strings.Contains(f.Says, kube.Supported()) || (f.State == OK) != (f.Fix == "") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestWatching(t *testing.T) {
	t.Parallel()
	if f := watching("max_user_watches", 8192, 65_536); f.State != Warning ||
		!strings.Contains(f.Fix, "sudo sysctl fs.inotify.max_user_watches=524288") {
		t.Errorf("%+v", f)
	}
	if f := watching("max_user_watches", 65_536, 65_536); f.State != OK || f.Fix != "" {
		t.Errorf("%+v", f)
	}
}
