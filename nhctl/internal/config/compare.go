package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// Compare checks the services against a cluster, and adds what it finds. of returns the names of a service's containers
// there, and whether the cluster has it.
func (f *File) Compare(of func(Service) (containers []string, found bool)) {
	d := newDecoder(f.loading)
	for i, s := range f.Services {
		written := node.Deref(f.nodes[i])
		names, found := of(s)
		if !found {
			if !s.Ref().Kind.Custom() {
				d.tell(source.Finding{Severity: source.Warning, Code: source.NotInCluster}, node.At(written, "name"),
					"the namespace has no %s %q", s.ServiceType, s.Name)
			}
			continue
		}
		d.known(node.At(written, "local", "container"), s.Local.Container, names)
		item := node.Indexed(node.At(written, "containers"))
		for j, c := range s.Containers {
			n := item(j)
			if c.Name == "" && c.Hub.Image == "" && len(names) > 1 {
				d.fail(n, "the workload has several containers, name one: %s", strings.Join(names, ", "))
			}
			d.known(node.At(n, "name"), c.Name, names)
		}
	}
	f.collect()
}

// known tells of the name of a container that a workload does not have.
func (d *decoder) known(n *yaml.Node, name string, names []string) {
	if name == "" || slices.Contains(names, name) {
		return
	}
	x := source.Finding{Severity: source.Error, Code: source.NotInCluster}
	x.Suggestion = nearest(name, names)
	d.tell(x, n, "the workload has no container %q%s; it has: %s", name, didYouMean(x.Suggestion),
		strings.Join(names, ", "))
}
