package plan

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Every field of the config that shapes the twin arrives, and the command line goes before it.
func TestSpecify(t *testing.T) {
	t.Parallel()
	two, three, uid, gid := 2, 3, int64(2), int64(3)
	dev := config.Dev{
		GitURL:               "https://example.com/web.git",
		Image:                "dev:1",
		ImagePullPolicy:      "Always",
		Shell:                "bash",
		WorkDir:              "/src",
		StorageClass:         "fast",
		DevContainerName:     "bench",
		Resources:            config.Resources{Limits: config.Quantities{Memory: "1Gi"}},
		PersistentVolumeDirs: []config.PersistentVolumeDir{{Path: "/go", Capacity: "5Gi", WaitForFirstConsumer: true}},
		Env:                  []config.EnvVar{{Name: "A", Value: "b"}},
		SidecarImage:         "sidecar:1",
		Patches:              []config.Patch{{Patch: "{}", Type: "merge"}},
		Mode:                 "duplicate",
		Probes:               "keep",
		Ordinal:              &two,
		InitContainers:       "skip",
		DuplicateVolumes:     "none",
		User:                 config.User{RunAsUser: &two, RunAsGroup: &three},
		Restore:              "scaled",
	}
	want := devmode.Spec{
		Mode:    record.Duplicate,
		Ordinal: &two,
		Dev: devmode.Dev{
			DevName:    "bench",
			Image:      "dev:1",
			PullPolicy: corev1.PullAlways,
			WorkDir:    "/src",
			Shell:      "bash",
			Env:        []corev1.EnvVar{{Name: "A", Value: "b"}},
			Resources: corev1.ResourceRequirements{
				Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")},
			},
			User:   workload.User{UID: &uid, GID: &gid},
			Probes: workload.ProbesKeep,
			Dirs:   []devmode.Dir{{Path: "/go", Capacity: resource.MustParse("5Gi"), Late: true}},
		},
		SkipInit:     true,
		StorageClass: "fast",
		ClaimUse:     workload.ClaimNone,
		Patches:      []workload.Patch{{Type: "merge", Text: "{}"}},
		Scaled:       true,
		GitURL:       "https://example.com/web.git",
		SidecarImage: "sidecar:1",
		ElseByExec:   true,
	}
	got, err := specify(rpc.Start{}, dev, workload.StatefulSet)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	want.Mode, want.Ordinal, want.All, want.Yes, want.SidecarImage = record.Replace, &three, true, true, "sidecar:2"
	start := rpc.Start{
		Mode:         rpc.Replace,
		Ordinal:      &three,
		AllPods:      true,
		Yes:          true,
		SidecarImage: "sidecar:2",
	}
	got, err = specify(start, dev, workload.StatefulSet)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	for kind, mode := range map[workload.Kind]record.Mode{
		workload.Deployment: record.Replace,
		workload.DaemonSet:  record.Duplicate,
	} {
		spec, err := specify(rpc.Start{SidecarImage: "sidecar:1"}, config.Dev{}, kind)
		if err != nil || spec.Mode != mode {
			t.Errorf("%s is taken into dev mode by %s, %v", kind, spec.Mode, err)
		}
	}
}

// The sidecar comes from an image that someone has named, or that goes with a release, else or on request by exec.
func TestInject(t *testing.T) {
	t.Parallel()
	type spec struct {
		Image              string
		ByExec, ElseByExec bool
	}
	byExec, byImage := rpc.Start{ByExec: true}, rpc.Start{ByImage: true}
	for name, tt := range map[string]struct {
		call         rpc.Start
		named, built string
		want         spec
		failed       problem.Code
	}{
		"release":                        {rpc.Start{}, "", "ours:1", spec{"ours:1", false, true}, ""},
		"release, another image":         {rpc.Start{}, "mine:1", "ours:1", spec{"mine:1", false, true}, ""},
		"release, by exec":               {byExec, "", "ours:1", spec{"ours:1", true, false}, ""},
		"release, by image":              {byImage, "", "ours:1", spec{"ours:1", false, false}, ""},
		"between releases":               {rpc.Start{}, "", "", spec{"", true, false}, ""},
		"between releases, own image":    {rpc.Start{}, "mine:1", "", spec{"mine:1", false, true}, ""},
		"between releases, by exec":      {byExec, "mine:1", "", spec{"mine:1", true, false}, ""},
		"between releases, by its image": {byImage, "mine:1", "", spec{"mine:1", false, false}, ""},
		"between releases, by image":     {byImage, "", "", spec{}, problem.Usage},
		"both": {
			rpc.Start{ByExec: true, ByImage: true}, "", "ours:1", spec{"ours:1", false, false}, problem.Usage,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s devmode.Spec
			err := inject(&s, tt.call, tt.named, tt.built)
			if (err == nil) != (tt.failed == "") || err != nil && problem.From(err).Code != tt.failed {
				t.Errorf("%v, want code %q", err, tt.failed)
			}
			if diff := cmp.Diff(tt.want, spec{s.SidecarImage, s.ByExec, s.ElseByExec}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An entry of the config is found by its name, by its image, or by being the first.
func TestSection(t *testing.T) {
	t.Parallel()
	service := &config.Service{
		Name:       "web",
		Containers: []config.Container{{Name: "app"}, {Hub: config.Hub{Image: "nginx"}}},
	}
	byImage := &config.Service{Name: "web", Containers: service.Containers[1:]}
	there := func() ([]corev1.Container, error) {
		return []corev1.Container{{Name: "app", Image: "web:1"}, {Name: "proxy", Image: "nginx:2"}}, nil
	}
	without := func() ([]corev1.Container, error) {
		return []corev1.Container{{Name: "app", Image: "web:1"}}, nil
	}
	down := func() ([]corev1.Container, error) { return nil, errors.New("down") }
	for name, tt := range map[string]struct {
		service    *config.Service
		wanted     string
		containers func() ([]corev1.Container, error)
		want       string
		section    Section
		code       problem.Code
	}{
		"the first, without asking": {service, "", nil, "app", Section{Name: "app"}, ""},
		"by name":                   {service, "app", nil, "app", Section{Name: "app"}, ""},
		"by image":                  {service, "proxy", there, "proxy", Section{Image: "nginx"}, ""},
		"the only one, by image":    {byImage, "", there, "proxy", Section{Image: "nginx"}, ""},
		"not described":             {service, "other", there, "other", Section{Name: "other"}, ""},
		"no such image":             {byImage, "", without, "", Section{Image: "nginx"}, problem.Usage},
		"cluster down":              {byImage, "", down, "", Section{Image: "nginx"}, problem.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, chosen, err := section(tt.service, tt.wanted, tt.containers)
			if tt.code != "" {
				if err == nil || problem.From(err).Code != tt.code {
					t.Errorf("%v, want code %s", err, tt.code)
				}
				return
			}
			if err != nil || c.Name != tt.want || chosen != tt.section {
				t.Errorf("%+v, %+v, %v", c, chosen, err)
			}
		})
	}
	if c, ok := (Section{Image: "nginx"}).Find(service); !ok || c != &service.Containers[1] {
		t.Errorf("found %+v", c)
	}
}
