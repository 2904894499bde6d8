package config

import (
	"path/filepath"
	"reflect"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/sidecar/route"
)

// local checks how a service runs on this computer. Where nothing is said of that, there are no defaults either.
func (d *decoder) local(n *yaml.Node, l *Local) {
	l.Env = d.variablesOf(node.At(n, "env"), l.Env)
	if reflect.DeepEqual(*l, d.empty(reflect.TypeFor[Local]()).Interface()) {
		*l = Local{}
		return
	}
	if filepath.IsAbs(l.Dir) {
		d.warn(node.At(n, "dir"), "local.dir: an absolute path is another one on a colleague's computer; keep it in "+
			".dev/%s", localFile)
	}
	d.label(node.At(n, "container"), "local.container", l.Container)
	if l.Service != "" && len(validation.IsDNS1035Label(l.Service)) > 0 {
		d.fail(node.At(n, "service"), "local.service: %q is no name of a Service", l.Service)
	}
	l.Ports = d.ports(node.At(n, "ports"), l.Ports)
	d.conditions(node.At(n, "conditions"), l.Conditions)
	d.withoutTraffic(n, *l)
}

// withoutTraffic tells of fields that count for another kind of traffic alone.
func (d *decoder) withoutTraffic(n *yaml.Node, l Local) {
	if l.Traffic == TrafficNone {
		for _, field := range []string{"service", "ports"} {
			if at := node.Lookup(n, field); !node.Blank(at) {
				d.warn(at, "local.%s has no effect without local.traffic: exchange or mesh", field)
			}
		}
	}
	if at := node.Lookup(n, "conditions"); l.Traffic != TrafficMesh && !node.Blank(at) {
		d.warn(at, "local.conditions have no effect without local.traffic: mesh")
	}
}

func (d *decoder) conditions(n *yaml.Node, c Conditions) {
	for _, named := range []struct {
		of   string
		list []string
	}{{route.OfHeader, c.Header}, {route.OfBaggage, c.Baggage}} {
		item := node.Indexed(node.At(n, named.of))
		for i, text := range named.list {
			m, err := route.ParseNamed(named.of, text)
			if err == nil {
				err = m.Check()
			}
			if err != nil {
				d.fail(item(i), "conditions: %s", err)
			}
		}
	}
	for _, m := range c.unnamed() {
		if err := m.Check(); err != nil {
			d.fail(node.At(n, m.Of), "conditions: %s", err)
		}
	}
	if len(c.Matches()) > route.MaxMatches {
		d.fail(n, "conditions: want at most %d, got %d", route.MaxMatches, len(c.Matches()))
	}
}

func (c Conditions) unnamed() (all []route.Match) {
	if c.Path != "" {
		all = append(all, route.Match{Of: route.OfPath, Value: c.Path})
	}
	if c.Method != "" {
		all = append(all, route.Match{Of: route.OfMethod, Value: c.Method})
	}
	return all
}

// Matches are the conditions as routes have them.
func (c Conditions) Matches() (all []route.Match) {
	for _, text := range c.Header {
		m, _ := route.ParseNamed(route.OfHeader, text) // was checked
		all = append(all, m)
	}
	for _, text := range c.Baggage {
		m, _ := route.ParseNamed(route.OfBaggage, text)
		all = append(all, m)
	}
	return append(all, c.unnamed()...)
}
