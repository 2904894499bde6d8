package config

import (
	"slices"
	"strings"

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
		item := node.Indexed(node.At(written, "containers"))
		for j, c := range s.Containers {
			n := item(j)
			switch known := strings.Join(names, ", "); {
			case c.Name == "" && c.Hub.Image == "" && len(names) > 1:
				d.fail(n, "the workload has several containers, name one: %s", known)
			case c.Name != "" && !slices.Contains(names, c.Name):
				x := source.Finding{Severity: source.Error, Code: source.NotInCluster}
				x.Suggestion = nearest(c.Name, names)
				d.tell(x, node.At(n, "name"), "the workload has no container %q%s; it has: %s", c.Name,
					didYouMean(x.Suggestion), known)
			}
		}
	}
	f.collect()
}
