package workload

import (
	"fmt"
	"maps"
	"path"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// serviceAccountDir is where admission mounts the token of a pod's service account.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// CompanionSettings say what a companion is to be: a gateway that is made of a workload's pod template.
type CompanionSettings struct {
	GatewaySettings
	// Container is the one whose environment and files it has.
	Container string
	// Selecting are the labels that Services of the namespace, and the workload itself, select pods by.
	Selecting Selecting
}

// Companion is the Job of a gateway whose pod has a workload's service account, node, volumes and environment, and in
// which only the agent runs, in the image and as the user of one container. No Service selects it. It has no claims.
func Companion(template corev1.PodTemplateSpec, s CompanionSettings, l Limits) (*batchv1.Job, error) {
	t := *template.DeepCopy()
	c := container(t.Spec, s.Container)
	if c == nil {
		return nil, fmt.Errorf("the pod template has no container %q", s.Container)
	}
	t.Labels = twinLabels(t.Labels, Settings{Name: s.Name, Duplicate: true, Selecting: s.Selecting})
	maps.Copy(t.Labels, GatewayLabels(s.Session))
	if t.Annotations == nil {
		t.Annotations = map[string]string{}
	}
	t.Annotations[contract.AnnotationDefaultContainer] = s.Container
	releaseNode(&t.Spec, template.Labels)
	for _, v := range claimed(t.Spec, *c) {
		dropMounts(&t.Spec, v.volume)
		t.Spec.Volumes = slices.DeleteFunc(t.Spec.Volumes, func(o corev1.Volume) bool { return o.Name == v.volume })
	}
	plant := plantContainer(*c, Settings{Dev: Dev{Image: s.Image}, SidecarImage: s.Image, ByExec: s.ByExec})
	plant.Resources = l.Resources(plant.Resources)
	if !s.ByExec {
		plant.ImagePullPolicy = s.pullPolicy()
	}
	if err := runAgent(t.Spec, c, s, l); err != nil {
		return nil, err
	}
	t.Spec.Containers, t.Spec.InitContainers = []corev1.Container{*c}, []corev1.Container{plant}
	t.Spec.Volumes = append(slices.DeleteFunc(t.Spec.Volumes, func(v corev1.Volume) bool {
		return !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
	}), tokenVolume(s.GatewaySettings), binVolume())
	t.Spec.Resources, t.Spec.ResourceClaims = nil, nil
	return gatewayJob(s.GatewaySettings, t), nil
}

// runAgent has a container run the agent in the place of its program.
func runAgent(spec corev1.PodSpec, c *corev1.Container, s CompanionSettings, l Limits) error {
	config, err := agentConfig(s.GatewaySettings, files(spec, *c))
	if err != nil {
		return err
	}
	c.Command, c.Args, c.WorkingDir = []string{contract.Binary, "agent"}, nil, "/"
	c.Env = mergeEnv(c.Env, []corev1.EnvVar{config})
	c.Ports, c.Lifecycle, c.Stdin, c.StdinOnce, c.TTY = nil, nil, false, false, false
	c.RestartPolicy = nil
	answerBySidecar(c)
	c.Resources = l.Resources(agentResources(c.Resources))
	c.SecurityContext = confined(*c)
	c.VolumeMounts = append(c.VolumeMounts, tokenMount(), binMount())
	return nil
}

// agentResources are the agent's requests, and a container's own limits: its environment may tell those to programs.
func agentResources(own corev1.ResourceRequirements) corev1.ResourceRequirements {
	r := gatewayResources()
	for _, name := range [...]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		limit, limited := own.Limits[name]
		if least := r.Requests[name]; limited && limit.Cmp(least) > 0 {
			r.Limits[name] = limit
		}
		if !limited {
			delete(r.Limits, name)
		}
	}
	return r
}

// claim is a mount of a container that a companion lacks.
type claim struct{ volume, source, path string }

// claimed are a container's mounts that need a claim: of a volume, or of the templates that a StatefulSet has for them.
func claimed(spec corev1.PodSpec, c corev1.Container) (all []claim) {
	add := func(name, at string) {
		i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
		switch {
		case i < 0:
			all = append(all, claim{name, "PersistentVolumeClaim " + name, at})
		case spec.Volumes[i].PersistentVolumeClaim != nil || spec.Volumes[i].Ephemeral != nil:
			all = append(all, claim{name, VolumeSource(spec.Volumes[i]), at})
		}
	}
	for _, m := range c.VolumeMounts {
		add(m.Name, m.MountPath)
	}
	for _, d := range c.VolumeDevices {
		add(d.Name, d.DevicePath)
	}
	return all
}

// LeftOut says which mounts of a container a companion lacks.
func LeftOut(template corev1.PodTemplateSpec, name string) (texts []string) {
	c := container(template.Spec, name)
	if c == nil {
		return nil
	}
	for _, v := range claimed(template.Spec, *c) {
		texts = append(texts, v.source+" at "+v.path)
	}
	return texts
}

// files are the paths of a container that have files of the cluster's: ConfigMaps, Secrets, projected and downward
// volumes, and the token of the service account. None is inside another.
func files(spec corev1.PodSpec, c corev1.Container) []string {
	paths := []string{serviceAccountDir}
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			continue
		}
		v := spec.Volumes[i]
		if v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil {
			paths = append(paths, path.Clean(m.MountPath))
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return slices.ContainsFunc(paths, func(o string) bool { return o != p && contract.Within(p, o) })
	})
}
