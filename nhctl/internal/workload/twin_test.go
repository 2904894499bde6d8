package workload

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nhctl/nhctl/sidecar/contract"
)

func template() corev1.PodTemplateSpec {
	uid := int64(1000)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{"app": "web", "tier": "front", "pod-template-hash": "abc"},
			Annotations: map[string]string{"team": "shop"},
		},
		Spec: corev1.PodSpec{
			ServiceAccountName: "web",
			Containers: []corev1.Container{{
				Name:    "web",
				Image:   "web:1",
				Command: []string{"/web"},
				Args:    []string{"--port", "80"},
				Env:     []corev1.EnvVar{{Name: "A", Value: "original"}, {Name: "B", Value: "kept"}},
				Ports:   []corev1.ContainerPort{{ContainerPort: 80, HostPort: 8080}},
				Resources: corev1.ResourceRequirements{
					Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
				},
				LivenessProbe: &corev1.Probe{PeriodSeconds: 5, FailureThreshold: 1, InitialDelaySeconds: 30,
					ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(80)}}},
				SecurityContext: &corev1.SecurityContext{RunAsUser: &uid},
			}, {Name: "helper", Image: "helper:1", LivenessProbe: &corev1.Probe{PeriodSeconds: 7}}},
			InitContainers: []corev1.Container{{Name: "migrate", Image: "migrate:1"}},
		},
	}
}

func settings() Settings {
	return Settings{
		Name:      "web-nhctl-1",
		Namespace: "shop",
		Session:   "1",
		Dev: Dev{Container: "web", Image: "dev:1", WorkDir: "/src", Folders: []contract.Folder{{ID: "f"}},
			Env: []corev1.EnvVar{{Name: "A", Value: "dev"}, {Name: "C", Value: "added"}}},
		SidecarImage: "sidecar:1",
		Port:         50000,
	}
}

func TestTwinReplaces(t *testing.T) {
	t.Parallel()
	original := template()
	twin, err := Twin(original, settings())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(template(), original); diff != "" {
		t.Errorf("the original's template was changed:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{contract.LabelSession: "1", contract.LabelRole: "twin"},
		twin.Labels); diff != "" {
		t.Errorf("labels of the Deployment:\n%s", diff)
	}
	pod := twin.Spec.Template
	if diff := cmp.Diff(map[string]string{"app": "web", "tier": "front", contract.LabelSession: "1",
		contract.LabelRole: "twin"}, pod.Labels); diff != "" {
		t.Errorf("labels of the pod:\n%s", diff)
	}
	if pod.Annotations["team"] != "shop" || pod.Spec.ServiceAccountName != "web" {
		t.Errorf("annotations %v, service account %s", pod.Annotations, pod.Spec.ServiceAccountName)
	}
	var names []string
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{contract.PlantContainer, "migrate", "web", "helper", contract.SidecarContainer},
		names); diff != "" {
		t.Error(diff)
	}
	dev := pod.Spec.Containers[0]
	want := template().Spec.Containers[0]
	want.Image, want.ImagePullPolicy, want.WorkingDir = "dev:1", corev1.PullIfNotPresent, "/src"
	want.Command, want.Args = []string{contract.Binary, "supervise", "--container", "web", "--dir", "/src"}, nil
	want.Env = []corev1.EnvVar{{Name: "B", Value: "kept"}, {Name: "A", Value: "dev"}, {Name: "C", Value: "added"}}
	want.LivenessProbe = &corev1.Probe{
		PeriodSeconds:    10,
		FailureThreshold: 3,
		TimeoutSeconds:   5,
		ProbeHandler: corev1.ProbeHandler{
			Exec: &corev1.ExecAction{Command: []string{contract.Binary, "health", "--container", "web"}},
		},
	}
	want.VolumeMounts = []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true},
		{Name: contract.VolumeRun, MountPath: contract.RunDir},
		{Name: contract.VolumeWork, MountPath: "/src", SubPath: "data-f"}}
	if diff := cmp.Diff(want, dev); diff != "" {
		t.Errorf("dev container:\n%s", diff)
	}
	if diff := cmp.Diff(template().Spec.Containers[1], pod.Spec.Containers[1]); diff != "" {
		t.Errorf("the other container was changed:\n%s", diff)
	}
}

func TestTwinDuplicates(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Duplicate, s.Selecting = true, Selecting{Values: []string{"app", "other"}, Presence: []string{"zone"}}
	original := template()
	original.Labels["zone"] = "a"
	twin, err := Twin(original, s)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"app":                 "web-nhctl-1", // policies may demand that it is there
		"tier":                "front",
		contract.LabelSession: "1",
		contract.LabelRole:    "twin",
	}
	if diff := cmp.Diff(want, twin.Spec.Template.Labels); diff != "" {
		t.Error(diff)
	}
}

// What the API server makes of a pod in the node's network: each port is a host port.
func onTheNode() corev1.PodTemplateSpec {
	t := template()
	t.Spec.HostNetwork, t.Spec.DNSPolicy = true, corev1.DNSClusterFirstWithHostNet
	t.Spec.Containers[0].Ports = []corev1.ContainerPort{{
		Name:          "http",
		ContainerPort: 80,
		HostPort:      80,
		HostIP:        "10.0.0.1",
		Protocol:      corev1.ProtocolTCP,
	}}
	always := corev1.ContainerRestartPolicyAlways
	t.Spec.InitContainers[0].RestartPolicy = &always
	t.Spec.InitContainers[0].Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090, HostPort: 9090}}
	return t
}

func TestDuplicateLeavesTheNodeToTheOriginal(t *testing.T) {
	t.Parallel()
	type network struct {
		Host  bool
		DNS   corev1.DNSPolicy
		Ports []corev1.ContainerPort
	}
	none := func(t corev1.PodTemplateSpec) corev1.PodTemplateSpec { t.Spec.DNSPolicy = corev1.DNSNone; return t }
	kept := onTheNode().Spec
	ports := append(slices.Clone(kept.InitContainers[0].Ports), kept.Containers[0].Ports...)
	released := []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090},
		{Name: "http", ContainerPort: 80, Protocol: corev1.ProtocolTCP}}
	for name, tt := range map[string]struct {
		template  corev1.PodTemplateSpec
		duplicate bool
		want      network
	}{
		"duplicate of a pod on the node": {onTheNode(), true, network{DNS: corev1.DNSClusterFirst, Ports: released}},
		"duplicate with its own DNS":     {none(onTheNode()), true, network{DNS: corev1.DNSNone, Ports: released}},
		"duplicate with host ports": {template(), true,
			network{Ports: []corev1.ContainerPort{{ContainerPort: 80}}}},
		"replacement": {onTheNode(), false, network{Host: true, DNS: corev1.DNSClusterFirstWithHostNet, Ports: ports}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings()
			s.Duplicate = tt.duplicate
			twin, err := Twin(tt.template, s)
			if err != nil {
				t.Fatal(err)
			}
			spec := twin.Spec.Template.Spec
			got := network{Host: spec.HostNetwork, DNS: spec.DNSPolicy}
			for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
				got.Ports = append(got.Ports, c.Ports...)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSourcesCoverTheOriginalsMount(t *testing.T) {
	t.Parallel()
	for _, paths := range [][2]string{{"/src", "/src"}, {"/src/", "/src"}, {"/src", "/src/"},
		{"/srv/../src", "//src/."}} {
		original, s := template(), settings()
		original.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "theirs", MountPath: paths[0]},
			{Name: "below", MountPath: "/src/below"}}
		s.WorkDir = paths[1]
		twin, err := Twin(original, s)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range twin.Spec.Template.Spec.Containers[0].VolumeMounts {
			names = append(names, m.Name)
		}
		if diff := cmp.Diff([]string{contract.VolumeWork, "below", contract.VolumeBin, contract.VolumeRun},
			names); diff != "" {
			t.Errorf("mounted at %s, developed at %s:\n%s", paths[0], paths[1], diff)
		}
	}
}

func TestMergeResources(t *testing.T) {
	t.Parallel()
	q := resource.MustParse
	got := mergeResources(
		corev1.ResourceRequirements{Requests: corev1.ResourceList{"memory": q("512Mi"), "cpu": q("1")},
			Limits: corev1.ResourceList{"memory": q("1Gi")}},
		corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": q("256Mi"), "cpu": q("2")}})
	want := corev1.ResourceRequirements{Requests: corev1.ResourceList{"memory": q("256Mi"), "cpu": q("1")},
		Limits: corev1.ResourceList{"memory": q("256Mi"), "cpu": q("2")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTwinName(t *testing.T) {
	t.Parallel()
	if got := TwinName(strings.Repeat("x", 60), "0123abcd"); len(got) > 55 ||
		!strings.HasSuffix(got, "-nhctl-0123abcd") {
		t.Errorf("%s: %d bytes", got, len(got))
	}
}

func TestCannotCoexist(t *testing.T) {
	t.Parallel()
	plain := template()
	plain.Spec.Containers[0].Ports[0].HostPort = 0
	claim := *plain.DeepCopy()
	claim.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
	}}}
	onNode := *plain.DeepCopy()
	onNode.Spec.HostNetwork = true
	below := *plain.DeepCopy()
	below.Spec.InitContainers[0].Ports = []corev1.ContainerPort{{ContainerPort: 90, HostPort: 9090}}
	alone := *plain.DeepCopy()
	alone.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
			{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
				TopologyKey: "kubernetes.io/hostname"}},
	}}
	for name, tt := range map[string]struct {
		template corev1.PodTemplateSpec
		once     []string
		want     string
	}{
		"plain":               {plain, nil, ""},
		"host port":           {template(), nil, "port 8080 of its node"},
		"node's network":      {onNode, nil, "port 80 of its node"},
		"init container":      {below, nil, "port 9090 of its node"},
		"claim for many":      {claim, nil, ""},
		"claim for one":       {claim, []string{"data"}, "the claim data"},
		"keeps its own apart": {alone, nil, "kubernetes.io/hostname"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := CannotCoexist(tt.template, tt.once)
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}
