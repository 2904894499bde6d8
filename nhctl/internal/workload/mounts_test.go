package workload

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// withMounts is a template whose container mounts things below /src and elsewhere.
func withMounts() corev1.PodTemplateSpec {
	t := template()
	directory, file := corev1.HostPathDirectory, corev1.HostPathFile
	volume := func(name string, s corev1.VolumeSource) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: s}
	}
	t.Spec.Volumes = []corev1.Volume{
		volume("cfg", corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "appcfg"}},
		}),
		volume("key", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}),
		volume("scratch", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}),
		volume("data",
			corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "db"}}),
		volume("host", corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc/ssl", Type: &directory}}),
		volume("hostfile", corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc/zone", Type: &file}}),
		volume("all", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "a"}}},
			{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "b"}}},
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}}}}}),
		volume("info", corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}}),
	}
	mount := func(name, path, sub string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: name, MountPath: path, SubPath: sub}
	}
	c := &t.Spec.Containers[0]
	c.VolumeMounts = []corev1.VolumeMount{mount("cfg", "/src/config", ""),
		mount("cfg", "/src/settings.ini", "extra.ini"),
		mount("scratch", "/src/var/cache/", ""), mount("data", "/src/var/lib/db", ""), mount("key", "/etc/tls", ""),
		mount("key", "/srcs", ""),
		mount("host", "/src/ssl", ""), mount("hostfile", "/src/zone", ""), mount("all", "/src/all", ""),
		mount("info", "/src/info", ""),
		mount("gone", "/src/unknown", ""), mount("data", "/src", "")}
	c.VolumeDevices = []corev1.VolumeDevice{{Name: "data", DevicePath: "/src/disk"}}
	c.TerminationMessagePath = "/src/ended.log"
	return t
}

func TestMountsBelow(t *testing.T) {
	t.Parallel()
	all := contract.Mounts{
		{Path: "all", Source: "projected volume all (ConfigMap a, Secret b, service account token)", Folder: true},
		{Path: "config", Source: "ConfigMap appcfg", Folder: true},
		{Path: "disk", Source: "PersistentVolumeClaim db (block device)"},
		{Path: "ended.log", Source: "the container's termination message"},
		{Path: "info", Source: "downward API volume info", Folder: true},
		{Path: "settings.ini", Source: "ConfigMap appcfg (extra.ini)"},
		{Path: "ssl", Source: "path /etc/ssl of the node", Folder: true},
		{Path: "unknown", Source: "volume gone", Folder: true},
		{Path: "var/cache", Source: "emptyDir scratch", Folder: true},
		{Path: "var/lib/db", Source: "PersistentVolumeClaim db", Folder: true},
		{Path: "zone", Source: "path /etc/zone of the node"},
	}
	for name, tt := range map[string]struct {
		container, folder string
		want              contract.Mounts
	}{
		"the sources":  {"web", "/src", all},
		"with a slash": {"web", "/src/", all},
		"a folder in it": {"web", "/src/var", contract.Mounts{{Path: "cache", Source: "emptyDir scratch",
			Folder: true}, {Path: "lib/db", Source: "PersistentVolumeClaim db", Folder: true}}},
		"a folder without any":          {"web", "/other", nil},
		"another container":             {"helper", "/src", nil},
		"a container that is not there": {"none", "/src", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, MountsBelow(withMounts().Spec, tt.container, tt.folder)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTwinsMounts(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Folders = []contract.Folder{{ID: "f"}, {ID: "g", MountPath: "/src/lib/inner"}}
	s.Mounts = []Mount{{Claim: "modules", Path: "/src/node_modules"}}
	twin, err := Twin(withMounts(), s)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, m := range MountsBelow(twin.Spec.Template.Spec, "web", "/src") {
		paths = append(paths, m.Name()+": "+m.Source)
	}
	for _, want := range []string{"node_modules/: PersistentVolumeClaim modules",
		"lib/inner/: a synced folder of its own", "config/: ConfigMap appcfg"} {
		if !slices.Contains(paths, want) {
			t.Errorf("%q is none of %q", want, paths)
		}
	}
	i := slices.IndexFunc(twin.Spec.Template.Spec.InitContainers,
		func(c corev1.Container) bool { return c.Name == contract.ParentsContainer })
	if i < 0 {
		t.Fatal("no container makes the folders that mounts are in")
	}
	c := twin.Spec.Template.Spec.InitContainers[i]
	data := contract.WorkDir + "/data-f/"
	if diff := cmp.Diff([]string{contract.Binary, "folders", data + "lib", data + "var", data + "var/lib"},
		c.Command); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.Image != s.Image || *c.SecurityContext.RunAsUser != 1000 {
		t.Errorf("it runs as another user than the dev container: %s, %v", c.Image, c.SecurityContext)
	}
}

func TestNoParentsAreNeeded(t *testing.T) {
	t.Parallel()
	twin, err := Twin(template(), settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range twin.Spec.Template.Spec.InitContainers {
		if c.Name == contract.ParentsContainer {
			t.Errorf("a container without need: %v", c.Command)
		}
	}
}

func TestDropMounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		drop []string
		gone []string
		err  string
	}{
		"none":           {nil, nil, ""},
		"one":            {[]string{"/src/config"}, []string{"config"}, ""},
		"several":        {[]string{"/src/config/", "/src/var/cache"}, []string{"config", "var/cache"}, ""},
		"elsewhere":      {[]string{"/etc/tls"}, nil, ""},
		"no mount":       {[]string{"/src/conf"}, nil, "nothing is mounted at /src/conf in container web"},
		"below a mount":  {[]string{"/src/config/app.ini"}, nil, "nothing is mounted at /src/config/app.ini"},
		"one of nhctl's": {[]string{contract.BinDir}, nil, "nothing is mounted at " + contract.BinDir},
		"twice":          {[]string{"/src/config", "/src/config"}, nil, "nothing is mounted at /src/config"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings()
			s.Drop = tt.drop
			twin, err := Twin(withMounts(), s)
			if tt.err != "" {
				p := problem.From(err)
				if err == nil || p.Code != problem.Usage || !strings.Contains(err.Error(), tt.err) ||
					!strings.Contains(p.Hint, "/src/settings.ini") {
					t.Fatalf("error %v, hint %q", err, p.Hint)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			before, left := MountsBelow(withMounts().Spec, "web",
				"/src"), MountsBelow(twin.Spec.Template.Spec, "web", "/src")
			for _, m := range before {
				is := slices.ContainsFunc(left, func(o contract.Mount) bool { return o.Path == m.Path })
				if is == slices.Contains(tt.gone, m.Path) {
					t.Errorf("%s is mounted: %v", m.Path, is)
				}
			}
		})
	}
}
