package workload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestProbes(t *testing.T) {
	t.Parallel()
	own := func(port string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{port}}}}
	}
	for probes, want := range map[Probes]string{"": "health health health", ProbesOff: "health health health",
		ProbesReadiness: "health ready health", ProbesKeep: "live ready start"} {
		original, s := template(), settings()
		c := &original.Spec.Containers[0]
		c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = own("live"), own("ready"), own("start")
		s.Probes = probes
		twin, err := Twin(original, s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		c = &twin.Spec.Template.Spec.Containers[0]
		for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			command := append(p.Exec.Command, "")
			got = append(got, command[min(1, len(command)-2)])
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s:\n%s", probes, diff)
		}
	}
}

// The name, the user, the pull policy and the volumes of the dev container are the config's.
func TestShape(t *testing.T) {
	t.Parallel()
	s := settings()
	root, group := int64(0), int64(7)
	s.DevName, s.PullPolicy, s.SkipInit, s.User = "dev", corev1.PullAlways, true, User{UID: &root, GID: &group}
	s.Mounts = []Mount{{"cache", "/go"}}
	twin, err := Twin(template(), s)
	if err != nil {
		t.Fatal(err)
	}
	spec := twin.Spec.Template.Spec
	dev, sidecar := spec.Containers[0], spec.Containers[2]
	if dev.Name != "dev" || dev.Command[3] != "dev" || dev.ImagePullPolicy != corev1.PullAlways ||
		sidecar.ImagePullPolicy != corev1.PullAlways || len(spec.InitContainers) != 1 {
		t.Errorf("dev container %+v, %d init containers", dev, len(spec.InitContainers))
	}
	for _, c := range []corev1.Container{dev, sidecar, spec.InitContainers[0]} {
		if x := c.SecurityContext; *x.RunAsUser != 0 || *x.RunAsGroup != 7 || *x.RunAsNonRoot {
			t.Errorf("%s runs as %+v", c.Name, x)
		}
	}
	if !strings.Contains(sidecar.Env[0].Value, `"containers":["dev"]`) ||
		twin.Spec.Template.Annotations["kubectl.kubernetes.io/default-container"] != "dev" {
		t.Errorf("the sidecar is told %s", sidecar.Env[0].Value)
	}
	last := dev.VolumeMounts[len(dev.VolumeMounts)-1]
	if diff := cmp.Diff(corev1.VolumeMount{Name: "nhctl-dir-0", MountPath: "/go"}, last); diff != "" ||
		spec.Volumes[len(spec.Volumes)-1].PersistentVolumeClaim == nil && spec.Volumes[0].PersistentVolumeClaim == nil {
		t.Errorf("%s\n%+v", diff, spec.Volumes)
	}
	s.DevName = "helper"
	if _, err := Twin(template(), s); err == nil || problem.From(err).Code != problem.Usage {
		t.Errorf("a name that is taken: %v", err)
	}
}

// A folder that outlives dev mode may hold the sources, and lie in a folder of the original's.
func TestMountsInsideEachOther(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ paths, want []string }{
		"apart":         {[]string{"/b", "/a"}, []string{"/b", "/a"}},
		"inside first":  {[]string{"/home/dev", "/x", "/home"}, []string{"/home", "/home/dev", "/x"}},
		"outside first": {[]string{"/home", "/home/dev"}, []string{"/home", "/home/dev"}},
		"three deep":    {[]string{"/a/b/c", "/a/b", "/a"}, []string{"/a", "/a/b", "/a/b/c"}},
		"a like name":   {[]string{"/home2", "/home/"}, []string{"/home2", "/home/"}},
	} {
		var mounts []corev1.VolumeMount
		for _, p := range tt.paths {
			mounts = append(mounts, corev1.VolumeMount{MountPath: p})
		}
		var got []string
		for _, m := range orderMounts(mounts) {
			got = append(got, m.MountPath)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestClaimsOfADuplicate(t *testing.T) {
	t.Parallel()
	claim := func(name string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
		}}
	}
	readOnly := claim("own")
	readOnly.PersistentVolumeClaim.ReadOnly = true
	empty := corev1.Volume{Name: "own", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	type have struct {
		Volumes []corev1.Volume
		Mounts  []corev1.VolumeMount
	}
	mount, shared := corev1.VolumeMount{Name: "own", MountPath: "/own"},
		corev1.VolumeMount{Name: "shared", MountPath: "/shared"}
	locked := mount
	locked.ReadOnly = true
	for use, want := range map[ClaimUse]have{
		"":            {[]corev1.Volume{empty, claim("shared")}, []corev1.VolumeMount{mount, shared}},
		ClaimEmpty:    {[]corev1.Volume{empty, claim("shared")}, []corev1.VolumeMount{mount, shared}},
		ClaimReadOnly: {[]corev1.Volume{readOnly, claim("shared")}, []corev1.VolumeMount{locked, shared}},
		ClaimNone:     {[]corev1.Volume{claim("shared")}, []corev1.VolumeMount{shared}},
	} {
		spec := &corev1.PodSpec{Volumes: []corev1.Volume{claim("own"), claim("shared")},
			Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{mount, shared}}}}
		releaseClaims(spec, []string{"own"}, use)
		if diff := cmp.Diff(want, have{spec.Volumes, spec.Containers[0].VolumeMounts}); diff != "" {
			t.Errorf("%q:\n%s", use, diff)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		patch Patch
		fails string
	}{
		"strategic": {Patch{"strategic",
			"spec: {template: {spec: {containers: [{name: web, env: [{name: P, value: x}]}]}}}"}, ""},
		"merge": {Patch{"merge", `{"spec": {"template": {"metadata": {"annotations": {"p": "x"}}}}}`}, ""},
		"json":  {Patch{"json", "[{op: add, path: /spec/template/spec/priorityClassName, value: x}]"}, ""},
		"typo": {Patch{"strategic", "spec: {template: {spec: {priorityClasName: x}}}"},
			`unknown field "priorityClasName"`},
		"test fails": {Patch{"json", "[{op: test, path: /spec/replicas, value: 9}]"}, "test"},
		"no path":    {Patch{"json", "[{op: remove, path: /spec/nothing}]"}, "nothing"},
		"selector":   {Patch{"merge", "spec: {selector: {matchLabels: {app: x}}}"}, "spec.selector can't be changed"},
		"no sidecar": {Patch{"merge", "spec: {template: {spec: {containers: [{name: web, image: x}]}}}"},
			"can't be changed"},
		"two pods": {Patch{"merge", "spec: {replicas: 2}"}, "spec.replicas can't be changed"},
		"other label": {Patch{"strategic", "spec: {template: {metadata: {labels: {nhctl.dev/session: x}}}}"},
			"the label nhctl.dev/session can't be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twin, err := Twin(template(), settings())
			if err != nil {
				t.Fatal(err)
			}
			patched, err := Apply(twin, []Patch{tt.patch})
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) ||
					!strings.Contains(err.Error(), "dev.patches[0]") || problem.From(err).Code != problem.Usage {
					t.Errorf("%v, want %q in it", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			pod := patched.Spec.Template
			got := pod.Annotations["p"] + pod.Spec.PriorityClassName
			for _, e := range pod.Spec.Containers[0].Env {
				if e.Name == "P" {
					got += e.Value
				}
			}
			if got != "x" || len(pod.Spec.Containers) != 3 {
				t.Errorf("%q of %d containers", got, len(pod.Spec.Containers))
			}
		})
	}
}

func TestByImage(t *testing.T) {
	t.Parallel()
	containers := []corev1.Container{{Name: "a", Image: "registry:5000/shop/web:1"}, {Name: "b", Image: "db@sha256:00"},
		{Name: "c", Image: "registry:5000/shop/cart"}}
	for image, want := range map[string]string{
		"registry:5000/shop/web": "a", "registry:5000/shop/web:1": "a", "registry:5000/shop/web:2": "", "db": "b",
		"registry:5000/shop/cart": "c", "registry": "",
	} {
		if got := ByImage(containers, image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

// A dev image whose user is root gets another one in a pod that lets no one be root, and only where that names no one.
func TestNotRoot(t *testing.T) {
	t.Parallel()
	yes, no, someone, named := true, false, int64(1000), int64(7)
	for name, tt := range map[string]struct {
		pod  *corev1.PodSecurityContext
		own  *corev1.SecurityContext
		user User
		want *int64
	}{
		"anyone may be root":         {user: User{NotRoot: &someone}},
		"no one, says the pod":       {pod: &corev1.PodSecurityContext{RunAsNonRoot: &yes}, want: &someone},
		"no one, says the container": {own: &corev1.SecurityContext{RunAsNonRoot: &yes}, want: &someone},
		"the container may": {
			pod: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			own: &corev1.SecurityContext{RunAsNonRoot: &no},
		},
		"the pod names someone": {pod: &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &named}},
		"the container does": {
			pod:  &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			own:  &corev1.SecurityContext{RunAsUser: &named},
			want: &named,
		},
		"the config does": {
			pod:  &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			user: User{UID: &named, NotRoot: &someone},
			want: &named,
		},
		"an image that is not root's": {
			pod:  &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			user: User{GID: &named},
		},
	} {
		if tt.user == (User{}) {
			tt.user = User{NotRoot: &someone}
		}
		c := corev1.Container{SecurityContext: tt.own}
		asUser(tt.pod, &c, tt.user)
		var got *int64
		if c.SecurityContext != nil {
			got = c.SecurityContext.RunAsUser
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
