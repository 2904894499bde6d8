package config

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// application is Nocalhost's outermost mapping. Its services are decoded apart.
type application struct {
	Name     string    `json:"name" doc:"Name of the application."`
	Services []Service `json:"services" doc:"Services of the application."`
}

// properties are a file's own settings.
type properties struct {
	Kind    string `json:"kind" doc:"What the file is, for programs that find it without its name, as in a cluster." enum:"nhctl-config" added:"true"`
	Version string `json:"version" doc:"Version of the format, which is Nocalhost's; nhctl refuses a newer one." example:"v2"`
	EnvFile string `json:"envFile" doc:"File of NAME=VALUE lines, below the environment, for the variables in this file." example:"dev.env" names:"file"`
}

// file decodes a file's documents and its layers into f.
func (d *decoder) file(f *File, roots []*yaml.Node, profile string) {
	var services []*yaml.Node
	for _, root := range roots {
		services = append(services, d.services(f, root)...)
	}
	var below, above layer
	if d.workload == nil {
		below, above = d.layer(defaultsFile), d.layer(localFile)
	}
	f.Services, f.nodes = make([]Service, len(services)), make([]*yaml.Node, len(services))
	known := make([][]node.Pair, len(services))
	d.share(len(services), func(d *decoder, i int) {
		all, own := below.of(services[i])
		n := d.overlay(d.overlay(all, own), services[i])
		if d.workload != nil && node.Blank(node.Lookup(n, "name")) {
			n = d.overlay(d.described(), n) // a workload's annotation need not name it
		}
		known[i] = node.Pairs(node.Lookup(n, "profiles"))
		n = d.overlay(n, node.Lookup(node.Lookup(n, "profiles"), profile))
		all, own = above.of(n)
		n = d.overlay(d.overlay(n, all), own)
		s := reflect.ValueOf(&f.Services[i]).Elem()
		s.Set(d.empty(s.Type()))
		d.decode(n, s)
		d.check(node.Deref(n), &f.Services[i])
		f.nodes[i] = n
	})
	d.twice(f)
	var have []string
	for _, p := range slices.Concat(known...) {
		have = append(have, p.Key.Value)
	}
	if profile != "" && !slices.Contains(have, profile) {
		slices.Sort(have)
		d.fail(roots[0], "no service has a profile %q; there are: %s", profile,
			strings.Join(slices.Compact(have), ", "))
	}
}

// services finds the services of a document: one, a list, or those of an application.
func (d *decoder) services(f *File, root *yaml.Node) []*yaml.Node {
	if root.Kind == yaml.SequenceNode {
		return node.Items(root)
	}
	outer := node.Lookup(root, "application") != nil || node.Lookup(root, "services") != nil ||
		node.Lookup(root, "configProperties") != nil
	if root.Kind != yaml.MappingNode || !outer {
		return []*yaml.Node{root}
	}
	var services []*yaml.Node
	single := &yaml.Node{Kind: yaml.MappingNode, Line: root.Line, Column: root.Column}
	for _, p := range node.Pairs(root) {
		switch _, known := d.fields(reflect.TypeFor[Service]())[p.Key.Value]; {
		case p.Key.Value == "configProperties":
			var own properties
			d.decode(p.Value, reflect.ValueOf(&own).Elem())
		case p.Key.Value == "application":
			var app application
			rest, list := node.Without(node.Deref(p.Value), "services")
			d.decode(rest, reflect.ValueOf(&app).Elem())
			f.Application = cmp.Or(f.Application, app.Name)
			services = append(services, d.listed(list)...)
		case p.Key.Value == "services":
			services = append(services, d.listed(p.Value)...)
		case p.Key.Value == "migrated": // Nocalhost notes that it has moved the config
		case known && node.Lookup(root, "containers") != nil: // one service, next to the file's own settings
			single.Content = append(single.Content, p.Key, p.Value)
		default:
			d.unknown(p, reflect.TypeFor[outermost]())
		}
	}
	if len(single.Content) > 0 {
		services = append(services, single)
	}
	return services
}

// outermost are the keys of a file that is not just services.
type outermost struct {
	ConfigProperties properties  `json:"configProperties" doc:"Settings of the file itself."`
	Application      application `json:"application" doc:"An application with its services."`
	Services         []Service   `json:"services" doc:"Services of the file."`
}

// listed are the services of a list; one may stand without a list.
func (d *decoder) listed(list *yaml.Node) []*yaml.Node {
	switch list = node.Deref(list); {
	case node.Blank(list):
		return nil
	case list.Kind == yaml.MappingNode:
		return []*yaml.Node{list}
	case list.Kind != yaml.SequenceNode:
		d.fail(list, "want a list of services, got %s", node.Describe(list))
		return nil
	}
	return node.Items(list)
}

// described is a service that names its workload.
func (d *decoder) described() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range [][2]string{{"name", d.workload.Name}, {"serviceType", string(d.workload.Kind)}} {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: p[0]},
			&yaml.Node{Kind: yaml.ScalarNode, Value: p[1]})
	}
	return n
}

// layer is an overlay file next to the config: what it has for each service, and under "" for all.
type layer map[string]*yaml.Node

// layer reads an overlay file; a missing one is an empty layer.
func (d *decoder) layer(name string) layer {
	file := filepath.Join(filepath.Dir(d.files.Main), name)
	data, err := d.files.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		d.found.Add(source.UnreadableFile(err), source.Start(file), 1, "%s", err)
		return nil
	}
	l := layer{}
	roots := d.files.Documents(file, source.Text(data))
	if d.newer(roots) {
		return nil
	}
	for _, root := range roots {
		for _, n := range d.services(&File{}, root) {
			service := node.Text(node.Lookup(n, "name"))
			l[service] = d.overlay(l[service], n)
		}
	}
	return l
}

// of is what a layer has for all services, and for one by its name.
func (l layer) of(service *yaml.Node) (all, own *yaml.Node) {
	if name := node.Text(node.Lookup(service, "name")); name != "" {
		own = l[name]
	}
	return l[""], own
}
