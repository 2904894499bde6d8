package workload

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// MountsBelow lists what a container of a pod has mounted below a folder, by path: none of it is part of the folder's
// sync.
func MountsBelow(spec corev1.PodSpec, containerName, folder string) contract.Mounts {
	c := container(spec, containerName)
	if c == nil {
		return nil
	}
	var all contract.Mounts
	add := func(at, source string, isFolder bool) {
		rel, below := strings.CutPrefix(path.Clean(at), strings.TrimSuffix(path.Clean(folder), "/")+"/")
		if below && rel != "" {
			all = append(all, contract.Mount{Path: rel, Source: source, Folder: isFolder})
		}
	}
	for _, m := range c.VolumeMounts {
		source, isFolder := mounted(spec, m)
		add(m.MountPath, source, isFolder)
	}
	for _, d := range c.VolumeDevices {
		source, _ := mounted(spec, corev1.VolumeMount{Name: d.Name})
		add(d.DevicePath, source+" (block device)", false)
	}
	if c.TerminationMessagePath != "" {
		add(c.TerminationMessagePath, "the container's termination message", false)
	}
	slices.SortFunc(all, func(a, b contract.Mount) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(all, func(a, b contract.Mount) bool { return a.Path == b.Path })
}

// mounted says what a mount shows, and whether that is known to be a folder: a part of a volume may be either.
func mounted(spec corev1.PodSpec, m corev1.VolumeMount) (source string, isFolder bool) {
	part := m.SubPath + m.SubPathExpr
	switch m.Name {
	case contract.VolumeWork:
		return "a synced folder of its own", true
	case contract.VolumeBin, contract.VolumeRun:
		return "nhctl's own", true
	}
	source, isFolder = "volume "+m.Name, part == ""
	if i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); i >= 0 {
		source = VolumeSource(spec.Volumes[i])
		if h := spec.Volumes[i].HostPath; h != nil {
			isFolder = isFolder && !aFile(h)
		}
	}
	if part != "" {
		source += " (" + part + ")"
	}
	return source, isFolder
}

// aFile says whether a path of the host may be something else than a folder.
func aFile(h *corev1.HostPathVolumeSource) bool {
	return h.Type == nil || *h.Type != corev1.HostPathDirectory && *h.Type != corev1.HostPathDirectoryOrCreate
}

// VolumeSource says where a volume's content is from, as people know it.
func VolumeSource(v corev1.Volume) string {
	switch s := v.VolumeSource; {
	case s.ConfigMap != nil:
		return "ConfigMap " + s.ConfigMap.Name
	case s.Secret != nil:
		return "Secret " + s.Secret.SecretName
	case s.EmptyDir != nil:
		return "emptyDir " + v.Name
	case s.PersistentVolumeClaim != nil:
		return "PersistentVolumeClaim " + s.PersistentVolumeClaim.ClaimName
	case s.HostPath != nil:
		return "path " + s.HostPath.Path + " of the node"
	case s.Projected != nil:
		return "projected volume " + v.Name + projected(s.Projected.Sources)
	case s.DownwardAPI != nil:
		return "downward API volume " + v.Name
	case s.CSI != nil:
		return "CSI volume " + v.Name + " (" + s.CSI.Driver + ")"
	case s.Ephemeral != nil:
		return "ephemeral volume " + v.Name
	case s.NFS != nil:
		return "NFS " + s.NFS.Server + ":" + s.NFS.Path
	case s.Image != nil:
		return "image " + s.Image.Reference
	}
	return "volume " + v.Name
}

// projected names what a projected volume is made of.
func projected(sources []corev1.VolumeProjection) string {
	var parts []string
	for _, s := range sources {
		switch {
		case s.ConfigMap != nil:
			parts = append(parts, "ConfigMap "+s.ConfigMap.Name)
		case s.Secret != nil:
			parts = append(parts, "Secret "+s.Secret.Name)
		case s.ServiceAccountToken != nil:
			parts = append(parts, "service account token")
		case s.DownwardAPI != nil:
			parts = append(parts, "downward API")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// drop leaves out mounts, so that what is below them is the container's own, or comes from the developer's computer.
func drop(c *corev1.Container, paths []string) error {
	for _, wanted := range paths {
		before := len(c.VolumeMounts)
		c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts,
			func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == path.Clean(wanted) })
		if len(c.VolumeMounts) == before {
			return noMount(*c, wanted)
		}
	}
	return nil
}

func noMount(c corev1.Container, wanted string) error {
	p := problem.New(problem.Usage, "dev.mounts.drop: nothing is mounted at %s in container %s", wanted, c.Name)
	var there []string
	for _, m := range c.VolumeMounts {
		there = append(there, m.MountPath)
	}
	if len(there) == 0 {
		return p.WithHint("the container has no mounts: take the path out of dev.mounts.drop")
	}
	slices.Sort(there)
	return p.WithHint("its mounts are: %s", strings.Join(there, ", "))
}

// parentsContainer makes the folders that mounts below synced folders are in, as the dev container's user. The
// container runtime would make them as root, and then neither sync nor the developer could write there. ok is false
// where no folder is needed.
func parentsContainer(dev corev1.Container, spec corev1.PodSpec, s Settings) (c corev1.Container, ok bool) {
	c = corev1.Container{
		Name: contract.ParentsContainer, Image: s.Image, ImagePullPolicy: s.pullPolicy(),
		Command: []string{contract.Binary, "folders"}, WorkingDir: "/",
		Resources:       mergeResources(quantities("10m", "64Mi", "1", "128Mi"), s.SidecarResources),
		SecurityContext: confined(dev),
		VolumeMounts:    []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true}},
	}
	for _, d := range s.devs() {
		for _, f := range d.folders() {
			parents := MountsBelow(spec, f.Container, f.MountPath).Parents()
			if len(parents) == 0 {
				continue
			}
			data := contract.WorkDir + "/" + f.DataSubPath()
			c.VolumeMounts = append(c.VolumeMounts,
				corev1.VolumeMount{Name: contract.VolumeWork, MountPath: data, SubPath: f.DataSubPath()})
			for _, parent := range parents {
				c.Command = append(c.Command, fmt.Sprintf("%s/%s", data, parent))
			}
		}
	}
	return c, len(c.Command) > 2
}
