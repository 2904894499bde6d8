package config

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// check looks at what types can't say, and completes the service.
func (d *decoder) check(n *yaml.Node, s *Service) {
	if n.Kind != yaml.MappingNode {
		return
	}
	if s.Name == "" {
		d.fail(n, "the service has no name")
	}
	kind, ok := workload.ParseKind(s.ServiceType)
	if !ok {
		var kinds []string
		for _, k := range workload.Kinds() {
			kinds = append(kinds, string(k))
		}
		d.fail(at(n, "serviceType"),
			"serviceType: want one of %s, or RESOURCE.VERSION.GROUP such as rollouts.v1alpha1.argoproj.io; got %q%s",
			strings.Join(kinds, ", "), s.ServiceType, suggestion(s.ServiceType, kinds))
	}
	s.ServiceType = string(kind)
	seen := map[string]bool{}
	list := at(n, "containers")
	for i := range s.Containers {
		node := item(list, i)
		d.container(node, &s.Containers[i])
		key := s.Containers[i].Name + " " + s.Containers[i].Hub.Image
		if seen[key] {
			d.fail(at(node, "name"), "container %q is there twice", s.Containers[i].Name)
		}
		seen[key] = true
	}
	s.Local.Env, _ = made(d, at(n, "local", "env"), "name", s.Local.Env, nameOf)
	for i, text := range s.Local.Ports {
		if _, _, err := Ports(text); err != nil {
			d.fail(item(at(n, "local", "ports"), i), "%s", err)
		}
	}
}

// twice tells of services that are described twice.
func (d *decoder) twice(f *File) {
	seen := map[string]bool{}
	for i, s := range f.Services {
		if key := s.ServiceType + "/" + s.Name; s.Name != "" && seen[key] {
			d.fail(at(f.nodes[i], "name"), "%s is described twice", key)
		} else {
			seen[key] = true
		}
	}
}

func (d *decoder) container(n *yaml.Node, c *Container) {
	dev, node := &c.Dev, at(n, "dev")
	d.label(at(n, "name"), "name", c.Name)
	d.label(at(node, "devContainerName"), "devContainerName", dev.DevContainerName)
	if !path.IsAbs(dev.WorkDir) || path.Clean(dev.WorkDir) == "/" {
		d.fail(at(node, "workDir"), "workDir must be an absolute path below /, got %q", dev.WorkDir)
	}
	d.resources(at(node, "resources"), dev.Resources)
	d.resources(at(node, "sidecarResources"), dev.SidecarResources)
	dev.PortForward = d.ports(at(node, "portForward"), dev.PortForward)
	if dev.Debug.RemoteDebugPort < 0 || dev.Debug.RemoteDebugPort > 65535 {
		d.fail(at(node, "debug", "remoteDebugPort"), "remoteDebugPort: want a port from 1 to 65535, got %d",
			dev.Debug.RemoteDebugPort)
	}
	if dev.Ordinal != nil && *dev.Ordinal < 0 {
		d.fail(at(node, "ordinal"), "ordinal: want 0 or more, got %d", *dev.Ordinal)
	}
	complete(dev)
	d.volumes(node, dev)
	d.mounts(node, dev)
	d.syncs(node, dev)
	d.patches(at(node, "patches"), c)
	d.environment(node, dev)
	d.sidecar(at(node, "sidecarImage"), dev)
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
	d.quantity(at(n, "requests", "cpu"), "cpu", r.Requests.CPU)
	d.quantity(at(n, "requests", "memory"), "memory", r.Requests.Memory)
	d.quantity(at(n, "limits", "cpu"), "cpu", r.Limits.CPU)
	d.quantity(at(n, "limits", "memory"), "memory", r.Limits.Memory)
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
	taken := map[int]known{}
	for i, text := range list {
		node := item(n, i)
		local, remote, err := Ports(text)
		if err != nil {
			d.fail(node, "%s", err)
			continue
		}
		other, twice := taken[local]
		switch {
		case local == 0 || !twice:
			taken[local] = known{remote, node}
			all = append(all, strings.TrimSpace(text))
		case other.remote != remote:
			d.fail(node, "local port %d is forwarded twice, see line %d; leave it out (:REMOTE) for any free one",
				local, other.at.Line)
		}
	}
	return all
}

// at is the node at a path of keys, or as much of it as there is.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		next := lookup(n, k)
		if next == nil {
			return n
		}
		n = deref(next)
	}
	return n
}

// item is an item of a list node, or the node itself.
func item(n *yaml.Node, i int) *yaml.Node {
	if list := items(n); i < len(list) {
		return deref(list[i])
	}
	return deref(n)
}
