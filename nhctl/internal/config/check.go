package config

import (
	"path"
	"path/filepath"
	"slices"
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
		d.fail(at(n, "serviceType"), "serviceType: want one of %s, or RESOURCE.VERSION.GROUP such as rollouts.v1alpha1.argoproj.io; got %q%s",
			strings.Join(kinds, ", "), s.ServiceType, suggestion(s.ServiceType, kinds))
	}
	s.ServiceType = string(kind)
	forwards, seen := map[int]*yaml.Node{}, map[string]bool{}
	list := at(n, "containers")
	for i := range s.Containers {
		node := item(list, i)
		d.container(node, &s.Containers[i], forwards)
		key := s.Containers[i].Name + " " + s.Containers[i].Hub.Image
		if seen[key] {
			d.fail(at(node, "name"), "container %q is there twice", s.Containers[i].Name)
		}
		seen[key] = true
	}
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

func (d *decoder) container(n *yaml.Node, c *Container, forwards map[int]*yaml.Node) {
	dev, node := &c.Dev, at(n, "dev")
	d.label(at(n, "name"), "name", c.Name)
	d.label(at(node, "devContainerName"), "devContainerName", dev.DevContainerName)
	if !path.IsAbs(dev.WorkDir) || path.Clean(dev.WorkDir) == "/" {
		d.fail(at(node, "workDir"), "workDir must be an absolute path below /, got %q", dev.WorkDir)
	}
	d.quantity(at(node, "resources", "requests", "cpu"), "cpu", dev.Resources.Requests.CPU)
	d.quantity(at(node, "resources", "requests", "memory"), "memory", dev.Resources.Requests.Memory)
	d.quantity(at(node, "resources", "limits", "cpu"), "cpu", dev.Resources.Limits.CPU)
	d.quantity(at(node, "resources", "limits", "memory"), "memory", dev.Resources.Limits.Memory)
	d.ports(at(n, "install", "portForward"), c.Install.PortForward, forwards)
	d.ports(at(node, "portForward"), dev.PortForward, forwards)
	if dev.Debug.RemoteDebugPort < 0 || dev.Debug.RemoteDebugPort > 65535 {
		d.fail(at(node, "debug", "remoteDebugPort"), "remoteDebugPort: want a port from 1 to 65535, got %d", dev.Debug.RemoteDebugPort)
	}
	if dev.Ordinal != nil && *dev.Ordinal < 0 {
		d.fail(at(node, "ordinal"), "ordinal: want 0 or more, got %d", *dev.Ordinal)
	}
	complete(dev)
	d.volumes(node, dev)
	d.syncs(node, dev)
	d.patches(at(node, "patches"), dev.Patches)
	for i, e := range slices.Concat(c.Install.Env, dev.Env) {
		if msgs := validation.IsEnvVarName(e.Name); len(msgs) > 0 {
			at := at(n, "install", "env")
			if i -= len(c.Install.Env); i >= 0 {
				at = item(lookup(node, "env"), i)
			}
			d.fail(at, "env: %q is no name of a variable: %s", e.Name, msgs[0])
		}
	}
	d.envFiles(at(node, "envFrom", "envFile"), c)
}

// envFiles puts the variables of env files, and those of install.env, below dev.env.
func (d *decoder) envFiles(n *yaml.Node, c *Container) {
	var vars []EnvVar
	places := map[string]int{}
	set := func(v EnvVar) {
		if i, there := places[v.Name]; there {
			vars[i] = v
			return
		}
		places[v.Name] = len(vars)
		vars = append(vars, v)
	}
	for _, v := range c.Install.Env {
		set(v)
	}
	for i, file := range c.Dev.EnvFrom.EnvFile {
		read, err := d.envFile(file.Path)
		if err != nil {
			d.fail(item(n, i), "envFrom: %s", err)
			continue
		}
		for _, name := range sortedKeys(read) {
			set(EnvVar{name, read[name]})
		}
	}
	for _, v := range c.Dev.Env {
		set(v)
	}
	c.Dev.Env = vars
	c.Dev.PortForward = append(c.Install.PortForward, c.Dev.PortForward...)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// complete fills in what depends on other fields.
func complete(dev *Dev) {
	dev.WorkDir = path.Clean(dev.WorkDir)
	dev.Sync = slices.Clone(dev.Sync) // the defaults are shared
	for i := range dev.Sync {
		s := &dev.Sync[i]
		if s.Mode == "" {
			s.Mode = ModeGitIgnore
			if len(s.FilePattern)+len(s.IgnoreFilePattern) > 0 {
				s.Mode = ModePattern
			}
		}
		if s.Local == "" {
			s.Local = "."
		}
		if s.Remote = path.Clean(s.Remote); !path.IsAbs(s.Remote) {
			s.Remote = path.Join(dev.WorkDir, s.Remote)
		}
	}
}

func (d *decoder) volumes(n *yaml.Node, dev *Dev) {
	seen := map[string]bool{}
	for i, v := range dev.PersistentVolumeDirs {
		node := item(at(n, "persistentVolumeDirs"), i)
		clean := path.Clean(v.Path)
		switch {
		case !path.IsAbs(v.Path) || clean == "/":
			d.fail(at(node, "path"), "persistentVolumeDirs: want an absolute path below /, got %q", v.Path)
		case within(dev.WorkDir, clean):
			d.fail(at(node, "path"), "persistentVolumeDirs: %s holds workDir %s, whose files come from this computer; name folders beside or below it", clean, dev.WorkDir)
		}
		d.quantity(at(node, "capacity"), "capacity", v.Capacity)
		dev.PersistentVolumeDirs[i].Path = clean
		if seen[clean] {
			d.fail(at(node, "path"), "persistentVolumeDirs: %s is there twice", clean)
		}
		seen[clean] = true
	}
}

// maxSyncs limits the folders of one container: each has an engine of its own.
const maxSyncs = 50

func (d *decoder) syncs(n *yaml.Node, dev *Dev) {
	if len(dev.Sync) == 0 || len(dev.Sync) > maxSyncs {
		d.fail(at(n, "sync"), "sync: want from 1 to %d folders, got %d", maxSyncs, len(dev.Sync))
		return
	}
	for i, s := range dev.Sync {
		node := at(n, "sync")
		if deref(node).Kind == yaml.SequenceNode {
			node = item(node, i)
		}
		if filepath.IsAbs(s.Local) {
			d.warn(at(node, "local"), "sync.local: an absolute path is another one on a colleague's computer; keep it in .dev/%s", localFile)
		}
		for _, other := range dev.Sync[:i] {
			if within(s.Remote, other.Remote) || within(other.Remote, s.Remote) {
				d.fail(at(node, "remote"), "sync: %s and %s lie inside each other in the container", other.Remote, s.Remote)
			}
		}
	}
}

// within says whether a folder is another or below it.
func within(inner, outer string) bool {
	return inner == outer || strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}

func (d *decoder) patches(n *yaml.Node, patches []Patch) {
	for i, p := range patches {
		var parsed any
		if err := yaml.Unmarshal([]byte(p.Patch), &parsed); err != nil || p.Patch == "" {
			d.fail(at(item(n, i), "patch"), "patches: the patch is neither YAML nor JSON")
			continue
		}
		if _, list := parsed.([]any); list != (p.Type == "json") {
			d.fail(at(item(n, i), "patch"), "patches: a %s patch is %s", p.Type, map[bool]string{true: "a list of operations", false: "a mapping"}[p.Type == "json"])
		}
	}
}

func (d *decoder) label(n *yaml.Node, field, value string) {
	if value == "" {
		return
	}
	if msgs := validation.IsDNS1123Label(value); len(msgs) > 0 {
		d.fail(n, "%s: %q is no name of a container: %s", field, value, msgs[0])
	}
}

func (d *decoder) quantity(n *yaml.Node, field, value string) {
	if value == "" {
		return
	}
	if _, err := resource.ParseQuantity(value); err != nil {
		d.fail(n, "%s: %q is no quantity, such as 500m or 1Gi", field, value)
	}
}

// ports checks forwards; taken has the local ports of the service so far.
func (d *decoder) ports(n *yaml.Node, list []string, taken map[int]*yaml.Node) {
	for i, text := range list {
		node := item(n, i)
		local, _, err := Ports(text)
		if err != nil {
			d.fail(node, "%s", err)
			continue
		}
		if other := taken[local]; local != 0 && other != nil {
			d.fail(node, "local port %d is forwarded twice, see line %d; leave it out (:REMOTE) for any free one", local, other.Line)
		}
		taken[local] = node
	}
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
	if n = deref(n); n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return deref(n.Content[i])
	}
	return n
}
