package plan

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// leastAbandonAfter lets a few heartbeats be lost.
const leastAbandonAfter = 3 * record.Beat

// specify is the part of a spec that the config's dev section and the command line say.
func specify(p rpc.Start, dev config.Dev, kind workload.Kind) (devmode.Spec, error) {
	spec := devmode.Spec{
		Mode:         record.Mode(first(string(p.Mode), dev.Mode)),
		SkipInit:     dev.InitContainers == "skip",
		StorageClass: dev.StorageClass,
		ClaimUse:     workload.ClaimUse(dev.DuplicateVolumes),
		Scaled:       dev.Restore == "scaled",
		GitURL:       dev.GitURL,
		Ordinal:      dev.Ordinal,
		All:          p.AllPods,
		Yes:          p.Yes,
		Answers:      p.Answers,
		TakeOver:     p.TakeOver,
		Wait:         p.Wait,
	}
	named := first(p.SidecarImage, dev.SidecarImage, p.Caller.Env["NHCTL_SIDECAR_IMAGE"])
	if err := inject(&spec, p, named, buildinfo.SidecarImage); err != nil {
		return spec, err
	}
	if spec.ByExec {
		if err := sidecarbinary.Default(func(string) {}).Check(); err != nil {
			return spec, err
		}
	}
	abandonAfter, err := time.ParseDuration(first(dev.AbandonAfter, "0s"))
	if err != nil {
		return spec, problem.New(problem.Usage, "dev.abandonAfter: %w", err).
			WithHint("write a duration such as 10m or 1h")
	}
	spec.AbandonAfter = cmp.Or(p.AbandonAfter, abandonAfter)
	if spec.AbandonAfter != 0 && spec.AbandonAfter < leastAbandonAfter {
		return spec, problem.New(problem.Usage,
			"a session can't be abandoned after %s: its heartbeat comes every %s", spec.AbandonAfter, record.Beat).
			WithHint("give %s or more with --abandon-after, or dev.abandonAfter in the config", leastAbandonAfter)
	}
	if p.Ordinal != nil {
		spec.Ordinal = p.Ordinal
	}
	if spec.Mode == "" {
		spec.Mode = record.Replace
		if kind.DefaultDuplicate() {
			spec.Mode = record.Duplicate
		}
	}
	for _, patch := range dev.Patches {
		spec.Patches = append(spec.Patches, workload.Patch{Type: patch.Type, Text: patch.Patch})
	}
	if spec.SidecarResources, err = resources("dev.sidecarResources", dev.SidecarResources); err != nil {
		return spec, err
	}
	spec.Dev, err = container(dev)
	return spec, err
}

// inject decides how the sidecar comes into the pod: from an image that someone has named, or from this build's. No
// cluster can pull the image of a build that has none, so that is not tried at all.
func inject(spec *devmode.Spec, p rpc.Start, named, built string) error {
	spec.SidecarImage = first(named, built)
	switch {
	case p.ByExec && p.ByImage:
		return problem.New(problem.Usage, "the sidecar comes from its image or by exec, not both")
	case p.ByImage && spec.SidecarImage == "":
		return problem.New(problem.Usage, "no registry has a sidecar image of this nhctl").
			WithHint("name one with --sidecar-image, or leave --inject image out")
	case p.ByExec || spec.SidecarImage == "":
		spec.ByExec = true
	case !p.ByImage:
		spec.ElseByExec = true
	}
	return nil
}

// container is the part of a spec that is about one container.
func container(dev config.Dev) (devmode.Dev, error) {
	spec := devmode.Dev{
		Image:      dev.Image,
		PullPolicy: corev1.PullPolicy(dev.ImagePullPolicy),
		WorkDir:    dev.WorkDir,
		Shell:      dev.Shell,
		DevName:    dev.DevContainerName,
		Drop:       dev.Mounts.Drop,
		Probes:     workload.Probes(dev.Probes),
		Seed:       dev.Seed,
		User:       workload.User{UID: id(dev.User.RunAsUser), GID: id(dev.User.RunAsGroup)},
	}
	if publicimage.RunsAsRoot(dev.Image) {
		developer := int64(1000)
		spec.User.NotRoot = &developer
	}
	for _, e := range dev.Env {
		spec.Env = append(spec.Env, corev1.EnvVar{Name: e.Name, Value: e.Value})
	}
	for _, d := range dev.PersistentVolumeDirs {
		capacity, err := resource.ParseQuantity(d.Capacity)
		if err != nil {
			return spec, problem.New(problem.Usage, "dev.persistentVolumeDirs: %s: capacity: %w", d.Path, err)
		}
		spec.Dirs = append(spec.Dirs, devmode.Dir{Path: d.Path, Capacity: capacity, Late: d.WaitForFirstConsumer})
	}
	var err error
	spec.Resources, err = resources("dev.resources", dev.Resources)
	return spec, err
}

func id(n *int) *int64 {
	if n == nil {
		return nil
	}
	wide := int64(*n)
	return &wide
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func resources(field string, r config.Resources) (corev1.ResourceRequirements, error) {
	var out corev1.ResourceRequirements
	for _, part := range []struct {
		from config.Quantities
		to   *corev1.ResourceList
	}{{r.Requests, &out.Requests}, {r.Limits, &out.Limits}} {
		for name, text := range map[corev1.ResourceName]string{
			corev1.ResourceCPU:    part.from.CPU,
			corev1.ResourceMemory: part.from.Memory,
		} {
			if text == "" {
				continue
			}
			q, err := resource.ParseQuantity(text)
			if err != nil {
				return out, problem.New(problem.Usage, "%s: %s: %w", field, name, err)
			}
			if *part.to == nil {
				*part.to = corev1.ResourceList{}
			}
			(*part.to)[name] = q
		}
	}
	return out, nil
}
