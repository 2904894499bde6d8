package config

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// check looks at what types can't say, and completes the service.
func (d *decoder) check(n *yaml.Node, s *Service) {
	if n.Kind != yaml.MappingNode {
		return
	}
	if s.Name == "" {
		d.missing(source.Error, n, "name", "the service has no name")
	}
	kind, ok := workload.ParseKind(s.ServiceType)
	if !ok {
		var kinds []string
		for _, k := range workload.Kinds() {
			kinds = append(kinds, string(k))
		}
		d.notOneOf(node.At(n, "serviceType"), "serviceType: want one of "+strings.Join(kinds, ", ")+
			", or RESOURCE.VERSION.GROUP such as rollouts.v1alpha1.argoproj.io", s.ServiceType, kinds)
	}
	s.ServiceType = string(kind)
	seen := map[string]*yaml.Node{}
	item := node.Indexed(node.At(n, "containers"))
	for i := range s.Containers {
		written := item(i)
		d.container(written, &s.Containers[i])
		key := s.Containers[i].Name + " " + s.Containers[i].Hub.Image
		if first := seen[key]; first != nil {
			d.twiceAt(node.At(written, "name"), node.At(first, "name"), "container %q is there twice",
				s.Containers[i].Name)
		} else {
			seen[key] = written
		}
	}
	d.local(node.At(n, "local"), &s.Local)
}

// twice tells of services that are described twice.
func (d *decoder) twice(f *File) {
	seen := map[string]*yaml.Node{}
	for i, s := range f.Services {
		if key := s.ServiceType + "/" + s.Name; s.Name != "" && seen[key] != nil {
			d.twiceAt(node.At(f.nodes[i], "name"), node.At(seen[key], "name"), "%s is described twice", key)
		} else {
			seen[key] = f.nodes[i]
		}
	}
}

func (d *decoder) container(n *yaml.Node, c *Container) {
	dev, written := &c.Dev, node.At(n, "dev")
	d.label(node.At(n, "name"), "name", c.Name)
	d.label(node.At(written, "devContainerName"), "devContainerName", dev.DevContainerName)
	if !path.IsAbs(dev.WorkDir) || path.Clean(dev.WorkDir) == "/" {
		d.fail(node.At(written, "workDir"), "workDir must be an absolute path below /, got %q", dev.WorkDir)
	}
	d.resources(node.At(written, "resources"), dev.Resources)
	d.resources(node.At(written, "sidecarResources"), dev.SidecarResources)
	dev.PortForward = d.ports(node.At(written, "portForward"), dev.PortForward)
	if dev.Debug.RemoteDebugPort < 0 || dev.Debug.RemoteDebugPort > 65535 {
		d.fail(node.At(written, "debug", "remoteDebugPort"), "remoteDebugPort: want a port from 1 to 65535, got %d",
			dev.Debug.RemoteDebugPort)
	}
	if dev.Ordinal != nil && *dev.Ordinal < 0 {
		d.fail(node.At(written, "ordinal"), "ordinal: want 0 or more, got %d", *dev.Ordinal)
	}
	complete(dev)
	d.volumes(written, dev)
	d.mounts(written, dev)
	d.syncs(written, dev)
	d.patches(node.At(written, "patches"), c)
	d.environment(written, dev)
	d.sidecar(node.At(written, "sidecarImage"), dev)
}

func (d *decoder) label(n *yaml.Node, field, value string) {
	if value == "" {
		return
	}
	if msgs := validation.IsDNS1123Label(value); len(msgs) > 0 {
		d.fail(n, "%s: %q is no name of a container: %s", field, value, msgs[0])
	}
}

func (d *decoder) resources(n *yaml.Node, r Resources) {
	d.quantity(node.At(n, "requests", "cpu"), "cpu", r.Requests.CPU)
	d.quantity(node.At(n, "requests", "memory"), "memory", r.Requests.Memory)
	d.quantity(node.At(n, "limits", "cpu"), "cpu", r.Limits.CPU)
	d.quantity(node.At(n, "limits", "memory"), "memory", r.Limits.Memory)
}

func (d *decoder) quantity(n *yaml.Node, field, value string) {
	if value == "" {
		return
	}
	if _, err := resource.ParseQuantity(value); err != nil {
		d.fail(n, "%s: %q is no quantity, such as 500m or 1Gi", field, value)
	}
}

// ports checks forwards, and leaves out those that are there already. Other containers may have the same: seldom are
// several developed at once.
func (d *decoder) ports(n *yaml.Node, list []string) (all []string) {
	type known struct {
		remote int
		at     *yaml.Node
	}
	taken, item := map[int]known{}, node.Indexed(n)
	for i, text := range list {
		written := item(i)
		local, remote, err := Ports(text)
		if err != nil {
			d.fail(written, "%s", err)
			continue
		}
		other, twice := taken[local]
		switch {
		case local == 0 || !twice:
			taken[local] = known{remote, written}
			all = append(all, strings.TrimSpace(text))
		case other.remote != remote:
			d.twiceAt(written, other.at,
				"local port %d is forwarded twice, see line %d; leave it out (:REMOTE) for any free one",
				local, other.at.Line)
		}
	}
	return all
}
