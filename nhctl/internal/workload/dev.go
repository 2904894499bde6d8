package workload

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Dev says how a container is developed.
type Dev struct {
	// Container is developed in Image; commands start in WorkDir.
	Container, Image, WorkDir string
	// Folders are synced; without a MountPath a folder is at WorkDir.
	Folders []contract.Folder
	// PullPolicy is the dev image's; empty means IfNotPresent.
	PullPolicy corev1.PullPolicy
	// DevName is the dev container's name in the twin; empty means the original's.
	DevName string
	Env     []corev1.EnvVar
	// Resources override the container's, quantity by quantity.
	Resources corev1.ResourceRequirements
	User      User
	Probes    Probes
	// Seed begins with what the dev image has at WorkDir.
	Seed bool
	// Mounts are claims of the developer's, which outlive the twin.
	Mounts []Mount
	// Drop are paths of mounts that are left out.
	Drop []string
}

func (s Dev) devName() string { return cmp.Or(s.DevName, s.Container) }

func (s Dev) pullPolicy() corev1.PullPolicy { return cmp.Or(s.PullPolicy, corev1.PullIfNotPresent) }

// develop turns one of the original's containers into a dev container: it keeps all but what would run or probe the
// original's program.
func develop(spec *corev1.PodSpec, s Dev) (corev1.Container, error) {
	c := container(*spec, s.Container)
	if c == nil {
		return corev1.Container{}, fmt.Errorf("the pod template has no container %q", s.Container)
	}
	if err := rename(spec, c, s.devName()); err != nil {
		return *c, err
	}
	if err := drop(c, s.Drop); err != nil {
		return *c, err
	}
	folders := s.folders()
	c.Image, c.ImagePullPolicy = s.Image, s.pullPolicy()
	c.Command = []string{contract.Binary, "supervise", "--container", s.devName(), "--dir", s.WorkDir}
	c.Args, c.Lifecycle = nil, nil
	c.WorkingDir = s.WorkDir
	c.Env = mergeEnv(c.Env, s.Env)
	c.Resources = mergeResources(c.Resources, s.Resources)
	answerProbes(c, s)
	asUser(spec.SecurityContext, c, s.User)
	c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return slices.ContainsFunc(folders,
			func(f contract.Folder) bool { return path.Clean(m.MountPath) == path.Clean(f.MountPath) })
	})
	c.VolumeMounts = append(c.VolumeMounts,
		corev1.VolumeMount{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true},
		corev1.VolumeMount{Name: contract.VolumeRun, MountPath: contract.RunDir})
	for _, f := range folders {
		c.VolumeMounts = append(c.VolumeMounts,
			corev1.VolumeMount{Name: contract.VolumeWork, MountPath: f.MountPath, SubPath: f.DataSubPath()})
	}
	mountClaims(spec, c, s.Mounts)
	c.VolumeMounts = orderMounts(c.VolumeMounts)
	return *c, nil
}

// container finds a container of a pod by its name; nil without one.
func container(spec corev1.PodSpec, name string) *corev1.Container {
	for i := range spec.Containers {
		if spec.Containers[i].Name == name {
			return &spec.Containers[i]
		}
	}
	return nil
}

// sameUser refuses dev containers that are known to run as different users. The sidecar has the first one's: it could
// neither write the others' sources so that they may change them, nor reach their supervisors.
func sameUser(spec corev1.PodSpec, devs []Dev) error {
	user := func(d Dev) *int64 {
		if s := container(spec, d.devName()).SecurityContext; s != nil && s.RunAsUser != nil {
			return s.RunAsUser
		}
		if spec.SecurityContext != nil {
			return spec.SecurityContext.RunAsUser
		}
		return nil
	}
	first := user(devs[0])
	for _, d := range devs[1:] {
		if u := user(d); u != nil && first != nil && *u != *first {
			return problem.New(problem.Refused,
				"containers %s and %s run as different users (%d and %d): one sidecar can't write the sources of both",
				devs[0].devName(), d.devName(), *first, *u).
				WithHint("give both the same dev.user in the config, or develop one of them: -c %s", devs[0].Container)
		}
	}
	return nil
}

// folders are the synced ones, as the sidecar is told.
func (s Dev) folders() []contract.Folder {
	folders := slices.Clone(s.Folders)
	for i := range folders {
		folders[i].Container, folders[i].MountPath = s.devName(), cmp.Or(folders[i].MountPath, s.WorkDir)
	}
	return folders
}

// mergeEnv puts the config's variables in place of the original's of the same name, and the others behind them.
func mergeEnv(original, added []corev1.EnvVar) []corev1.EnvVar {
	merged := slices.DeleteFunc(slices.Clone(original), func(e corev1.EnvVar) bool {
		return slices.ContainsFunc(added, func(a corev1.EnvVar) bool { return a.Name == e.Name })
	})
	return append(merged, added...)
}

// mergeResources overrides quantity by quantity. A request above a limit that is left would be refused, so it is
// lowered.
func mergeResources(original, added corev1.ResourceRequirements) corev1.ResourceRequirements {
	merged := *original.DeepCopy()
	for _, m := range []struct {
		to   *corev1.ResourceList
		from corev1.ResourceList
	}{{&merged.Requests, added.Requests}, {&merged.Limits, added.Limits}} {
		for name, quantity := range m.from {
			if *m.to == nil {
				*m.to = corev1.ResourceList{}
			}
			(*m.to)[name] = quantity
		}
	}
	for name, limit := range merged.Limits {
		if request, ok := merged.Requests[name]; ok && request.Cmp(limit) > 0 {
			merged.Requests[name] = limit
		}
	}
	return merged
}

// seedContainer copies what the dev image has where folders are synced to: the volume there hides the image's files.
func seedContainer(dev corev1.Container, s Dev, own corev1.ResourceRequirements, others int) corev1.Container {
	name := contract.SeedContainer
	if others > 0 {
		name = fmt.Sprintf("%s-%d", name, others+1)
	}
	c := corev1.Container{
		Name: name, Image: s.Image, ImagePullPolicy: s.pullPolicy(),
		Command: []string{contract.Binary, "seed"}, WorkingDir: "/",
		Resources: mergeResources(quantities("10m", "64Mi", "1", "128Mi"), own), SecurityContext: confined(dev),
		VolumeMounts: []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true}},
	}
	for _, f := range s.folders() {
		data := contract.WorkDir + "/" + f.DataSubPath()
		c.Command = append(c.Command, f.MountPath, data)
		c.VolumeMounts = append(c.VolumeMounts,
			corev1.VolumeMount{Name: contract.VolumeWork, MountPath: data, SubPath: f.DataSubPath()})
	}
	return c
}
