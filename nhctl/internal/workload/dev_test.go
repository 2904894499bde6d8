package workload

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Two containers of a pod are developed, each in its own image with its own folders; one sidecar serves both.
func TestTwinOfTwoContainers(t *testing.T) {
	t.Parallel()
	original, s := template(), settings()
	original.Spec.Containers = append(original.Spec.Containers,
		corev1.Container{Name: "worker", Image: "worker:1", Args: []string{"--work"}})
	s.Seed, s.Mounts = true, []Mount{{Claim: "cache-1", Path: "/go"}}
	s.Extra = []Dev{{
		Container: "worker",
		DevName:   "bench",
		Image:     "dev:2",
		WorkDir:   "/job",
		Folders:   []contract.Folder{{ID: "f-2"}, {ID: "f-3", MountPath: "/lib"}},
		Seed:      true,
		Mounts:    []Mount{{Claim: "cache-2", Path: "/root/.cache"}},
	}}
	twin, err := Twin(original, s)
	if err != nil {
		t.Fatal(err)
	}
	spec := twin.Spec.Template.Spec
	web, bench, sidecar := container(spec, "web"), container(spec, "bench"), container(spec, contract.SidecarContainer)
	if web == nil || bench == nil || sidecar == nil || web.Image != "dev:1" || bench.Image != "dev:2" ||
		sidecar.Image != "dev:1" || len(bench.Args) > 0 {
		t.Fatalf("%+v", spec.Containers)
	}
	if diff := cmp.Diff([]string{contract.Binary, "supervise", "--container", "bench", "--dir", "/job"},
		bench.Command); diff != "" {
		t.Error(diff)
	}
	mounts := []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true},
		{Name: contract.VolumeRun, MountPath: contract.RunDir},
		{Name: contract.VolumeWork, MountPath: "/job", SubPath: "data-f-2"},
		{Name: contract.VolumeWork, MountPath: "/lib", SubPath: "data-f-3"},
		{Name: "nhctl-dir-1", MountPath: "/root/.cache"}}
	if diff := cmp.Diff(mounts, bench.VolumeMounts); diff != "" {
		t.Error(diff)
	}
	var told contract.Sidecar
	if err := json.Unmarshal([]byte(sidecar.Env[0].Value), &told); err != nil {
		t.Fatal(err)
	}
	want := contract.Sidecar{
		Kind:       contract.SidecarKind,
		Version:    contract.SidecarVersion,
		Session:    "1",
		Port:       50000,
		Containers: []string{"web", "bench"},
		Folders: []contract.Folder{{ID: "f", Container: "web", MountPath: "/src"},
			{ID: "f-2", Container: "bench", MountPath: "/job"}, {ID: "f-3", Container: "bench", MountPath: "/lib"}},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	var first []string
	for _, c := range spec.InitContainers[:3] {
		first = append(first, c.Name)
	}
	if diff := cmp.Diff([]string{contract.PlantContainer, contract.SeedContainer, contract.SeedContainer + "-2"},
		first); diff != "" {
		t.Error(diff)
	}
}

// One sidecar can't be two users.
func TestTwinOfTwoUsers(t *testing.T) {
	t.Parallel()
	one, two := int64(1), int64(2)
	for name, tt := range map[string]struct {
		pod, first, second *int64
		refused            bool
	}{
		"known to differ":          {nil, &one, &two, true},
		"the second's own":         {&one, nil, &two, true},
		"the same":                 {nil, &one, &one, false},
		"the pod's":                {&one, nil, nil, false},
		"the images' own, perhaps": {nil, nil, &two, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			original, s := template(), settings()
			original.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: tt.pod}
			for i := range original.Spec.Containers {
				original.Spec.Containers[i].SecurityContext = nil
			}
			original.Spec.Containers = append(original.Spec.Containers,
				corev1.Container{Name: "worker", Image: "worker:1"})
			s.User, s.Extra = User{UID: tt.first}, []Dev{{
				Container: "worker",
				Image:     "dev:2",
				WorkDir:   "/job",
				User:      User{UID: tt.second},
			}}
			_, err := Twin(original, s)
			if refused := err != nil && strings.Contains(err.Error(), "different users"); refused != tt.refused {
				t.Errorf("%v", err)
			}
		})
	}
}
