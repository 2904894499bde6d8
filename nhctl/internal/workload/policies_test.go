package workload

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// policy says what a policy of a managed cluster finds wrong with a pod.
type policy func(corev1.PodTemplateSpec) []string

// each is a policy about every container.
func each(check func(pod corev1.PodSpec, c corev1.Container) string) policy {
	return func(t corev1.PodTemplateSpec) (wrong []string) {
		for _, c := range slices.Concat(t.Spec.InitContainers, t.Spec.Containers) {
			if text := check(t.Spec, c); text != "" {
				wrong = append(wrong, c.Name+": "+text)
			}
		}
		return wrong
	}
}

// lasting is a policy about the containers that go on.
func lasting(check func(c corev1.Container) string) policy {
	return func(t corev1.PodTemplateSpec) (wrong []string) {
		for _, c := range t.Spec.Containers {
			if text := check(c); text != "" {
				wrong = append(wrong, c.Name+": "+text)
			}
		}
		return wrong
	}
}

// security is a container's security context, with that of its pod where it has none of its own.
func security(pod corev1.PodSpec, c corev1.Container) corev1.SecurityContext {
	s := corev1.SecurityContext{}
	if c.SecurityContext != nil {
		s = *c.SecurityContext
	}
	if p := pod.SecurityContext; p != nil {
		if s.RunAsUser == nil {
			s.RunAsUser = p.RunAsUser
		}
		if s.RunAsNonRoot == nil {
			s.RunAsNonRoot = p.RunAsNonRoot
		}
		if s.SeccompProfile == nil {
			s.SeccompProfile = p.SeccompProfile
		}
	}
	if s.Capabilities == nil {
		s.Capabilities = &corev1.Capabilities{}
	}
	return s
}

func isTrue(b *bool) bool { return b != nil && *b }

// wrongIf is a policy's answer.
func wrongIf(wrong bool, format string, args ...any) string {
	if !wrong {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// volumeTypes are the fields of a volume that are set.
func volumeTypes(v corev1.Volume) (types []string) {
	s := reflect.ValueOf(v.VolumeSource)
	for i := range s.NumField() {
		if !s.Field(i).IsNil() {
			types = append(types, s.Type().Field(i).Name)
		}
	}
	return types
}

// volumesOf is a policy about the types of volumes.
func volumesOf(allowed ...string) policy {
	return func(t corev1.PodTemplateSpec) (wrong []string) {
		for _, v := range t.Spec.Volumes {
			for _, kind := range volumeTypes(v) {
				if !slices.Contains(allowed, kind) {
					wrong = append(wrong, v.Name+" is a volume of type "+kind)
				}
			}
		}
		return wrong
	}
}

// demanded are policies that managed clusters and their operators commonly have, by where they come from.
func demanded() map[string]policy {
	probes := func(t corev1.Container) []bool {
		return []bool{t.LivenessProbe != nil, t.ReadinessProbe != nil, t.StartupProbe != nil}
	}
	autopilot := []corev1.Capability{"SETPCAP", "MKNOD", "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",
		"KILL", "SETGID", "SETUID", "NET_BIND_SERVICE", "SYS_CHROOT", "SETFCAP", "SYS_PTRACE"}
	const noneOfThem = "none of the probes"
	return map[string]policy{
		"Autopilot: no namespaces of the host, no privileges": each(func(p corev1.PodSpec, c corev1.Container) string {
			s := security(p, c)
			added := slices.DeleteFunc(slices.Clone(s.Capabilities.Add),
				func(x corev1.Capability) bool { return slices.Contains(autopilot, x) })
			return wrongIf(p.HostNetwork || p.HostPID || p.HostIPC || isTrue(s.Privileged) || len(added) > 0,
				"privileged, or adds %v", added)
		}),
		"Autopilot: volumes": volumesOf("ConfigMap", "CSI", "DownwardAPI", "EmptyDir", "Ephemeral", "GCEPersistentDisk",
			"NFS", "PersistentVolumeClaim", "Projected", "Secret"),
		"OpenShift: volumes": volumesOf("ConfigMap", "CSI", "DownwardAPI", "EmptyDir", "Ephemeral",
			"PersistentVolumeClaim", "Projected", "Secret"),
		"OpenShift: the namespace's users": each(func(p corev1.PodSpec, c corev1.Container) string {
			const first, last = 1000650000, 1000659999
			u := security(p, c).RunAsUser
			return wrongIf(u != nil && (*u < first || *u > last), "user out of the range")
		}),
		"restricted: no escalation, no capabilities": each(func(p corev1.PodSpec, c corev1.Container) string {
			s := security(p, c)
			return wrongIf(s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
				!slices.Contains(s.Capabilities.Drop, "ALL"), "%+v", s)
		}),
		"restricted: not root": each(func(p corev1.PodSpec, c corev1.Container) string {
			s := security(p, c)
			return wrongIf(!isTrue(s.RunAsNonRoot) || s.RunAsUser != nil && *s.RunAsUser == 0, "may be root")
		}),
		"restricted: seccomp": each(func(p corev1.PodSpec, c corev1.Container) string {
			s := security(p, c).SeccompProfile
			return wrongIf(s == nil || s.Type != corev1.SeccompProfileTypeRuntimeDefault, "no profile")
		}),
		"Kyverno: a root that is read-only": each(func(p corev1.PodSpec, c corev1.Container) string {
			return wrongIf(!isTrue(security(p, c).ReadOnlyRootFilesystem), "can be written to")
		}),
		"Kyverno: labels": func(t corev1.PodTemplateSpec) (wrong []string) {
			for _, key := range []string{"app.kubernetes.io/name", "team"} {
				if t.Labels[key] == "" {
					wrong = append(wrong, "no label "+key)
				}
			}
			return wrong
		},
		"Kyverno: no latest images": each(func(_ corev1.PodSpec, c corev1.Container) string {
			name := repository(c.Image)
			tag := strings.TrimPrefix(c.Image, name)
			return wrongIf(tag == "" || tag == ":latest", "image %s", c.Image)
		}),
		"Kyverno: requests and limits": each(func(_ corev1.PodSpec, c corev1.Container) string {
			r := c.Resources
			return wrongIf(r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().IsZero() ||
				r.Requests.Cpu().Cmp(*r.Limits.Cpu()) > 0 || r.Requests.Memory().Cmp(*r.Limits.Memory()) > 0,
				"%s", shown(r))
		}),
		"Kyverno: any probe": lasting(func(c corev1.Container) string {
			return wrongIf(!slices.Contains(probes(c), true), noneOfThem)
		}),
		"Kyverno: probes that differ": lasting(func(c corev1.Container) string {
			return wrongIf(reflect.DeepEqual(c.LivenessProbe, c.ReadinessProbe), "two that are the same")
		}),
		"Gatekeeper: all probes": lasting(func(c corev1.Container) string {
			return wrongIf(slices.Contains(probes(c), false), "some of the probes are missing")
		}),
	}
}

// obedient is a pod that keeps all of the policies.
func obedient() corev1.PodTemplateSpec {
	no, yes := false, true
	t := corev1.PodTemplateSpec{}
	t.Labels = map[string]string{"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "shop", "team": "front"}
	t.Spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   &yes,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	container := func(name string) corev1.Container {
		return corev1.Container{
			Name:      name,
			Image:     name + ":1",
			Resources: quantities("50m", "64Mi", "1", "128Mi"),
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no,
				ReadOnlyRootFilesystem:   &yes,
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}
	}
	probe := func(command string) *corev1.Probe {
		handler := corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{command}}}
		return &corev1.Probe{ProbeHandler: handler, PeriodSeconds: 10, TimeoutSeconds: 1, FailureThreshold: 3}
	}
	web, helper := container("web"), container("helper")
	for _, c := range []*corev1.Container{&web, &helper} {
		c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = probe("alive"), probe("ready"), probe("started")
	}
	web.VolumeMounts = []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}, {Name: "tmp", MountPath: "/src/out/tmp"}}
	t.Spec.Volumes = []corev1.Volume{{
		Name:         "tmp",
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}}
	t.Spec.Containers, t.Spec.InitContainers = []corev1.Container{web, helper}, []corev1.Container{container("migrate")}
	return t
}

// A twin keeps each policy that its original keeps, with all the containers and volumes that nhctl may add.
func TestTwinKeepsPolicies(t *testing.T) {
	t.Parallel()
	selecting := Selecting{Values: []string{"app.kubernetes.io/name", "app.kubernetes.io/instance"}}
	for name, change := range map[string]func(*Settings){
		"replace":       func(*Settings) {},
		"duplicate":     func(s *Settings) { s.Duplicate = true },
		"by exec":       func(s *Settings) { s.ByExec = true },
		"with a seed":   func(s *Settings) { s.Seed = true },
		"with a volume": func(s *Settings) { s.Mounts = []Mount{{Claim: "cache", Path: "/cache"}} },
		"two containers": func(s *Settings) {
			folders := []contract.Folder{{ID: "g"}}
			s.Extra = []Dev{{Container: "helper", Image: "dev:2", WorkDir: "/job", Folders: folders}}
		},
		"without init containers": func(s *Settings) { s.SkipInit = true },
		"with its own readiness":  func(s *Settings) { s.Probes = ProbesReadiness },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings()
			s.Selecting = selecting
			change(&s)
			twin, err := Twin(obedient(), s)
			if err != nil {
				t.Fatal(err)
			}
			for name, check := range demanded() {
				if wrong := check(obedient()); len(wrong) > 0 {
					t.Fatalf("%s: the original breaks it: %q", name, wrong)
				}
				if wrong := check(twin.Spec.Template); len(wrong) > 0 {
					t.Errorf("%s: %q", name, wrong)
				}
			}
			if duplicate := twin.Spec.Template.Labels["app.kubernetes.io/name"] != "web"; duplicate != s.Duplicate {
				t.Errorf("labels %v", twin.Spec.Template.Labels)
			}
		})
	}
}

// The sidecar's startup probe does not keep the gate waiting; where no one asks for probes of the original, the sidecar
// has no more than its gate.
func TestSidecarsProbes(t *testing.T) {
	t.Parallel()
	strict, err := Twin(obedient(), settings())
	if err != nil {
		t.Fatal(err)
	}
	starts := container(strict.Spec.Template.Spec, contract.SidecarContainer).StartupProbe
	want := &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{
			Exec: &corev1.ExecAction{Command: []string{"/.nhctl/bin/sidecar", "health"}},
		},
		PeriodSeconds:    1,
		TimeoutSeconds:   10,
		FailureThreshold: 60,
	}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Error(diff)
	}
	original := template()
	original.Spec.Containers[0].LivenessProbe = nil
	twin, err := Twin(original, settings())
	if err != nil {
		t.Fatal(err)
	}
	c := container(twin.Spec.Template.Spec, contract.SidecarContainer)
	if c.LivenessProbe != nil || c.StartupProbe != nil || c.ReadinessProbe == nil {
		t.Errorf("%+v", c)
	}
}

// OpenShift gives every container that names no user the namespace's own: the twin's containers then have one user.
func TestTwinOfAnAssignedUser(t *testing.T) {
	t.Parallel()
	twin, err := Twin(obedient(), settings())
	if err != nil {
		t.Fatal(err)
	}
	spec := twin.Spec.Template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if s := c.SecurityContext; s.RunAsUser != nil || s.RunAsGroup != nil || s.SELinuxOptions != nil {
			t.Errorf("%s asks for %+v", c.Name, s)
		}
	}
	// A bare pod has it already, from when it was made.
	assigned, pod := int64(1000650000), obedient()
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			containers[i].SecurityContext.RunAsUser = &assigned
		}
	}
	if twin, err = Twin(pod, settings()); err != nil {
		t.Fatal(err)
	}
	spec = twin.Spec.Template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if u := c.SecurityContext.RunAsUser; u == nil || *u != assigned {
			t.Errorf("%s runs as %v", c.Name, u)
		}
	}
}
