package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// File is a loaded config.
type File struct {
	// Path is the file; Folder is the one that holds .dev, and that is synced by default.
	Path, Folder string
	Services     []Service
}

// names are the places of a config below a folder, the first that exists counts.
var names = [...]string{".dev/config.yaml", ".dev/config.yml", ".nocalhost/config.yaml"}

// Find looks for a config in a folder and those above it, as git looks for its own. It returns "" when there is none.
func Find(dir string) string {
	for {
		for _, name := range names {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// maxSize limits a config file, in bytes.
const maxSize = 4 << 20

// Load finds and loads the config of a folder. It returns nil without an error when there is none.
func Load(dir string) (*File, error) {
	file := Find(dir)
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxSize {
		return nil, problem.New(problem.Usage, "%s: %d bytes; a config has at most %d", file, info.Size(), maxSize)
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	services, err := Parse(file, data)
	if err != nil {
		return nil, err
	}
	return &File{Path: file, Folder: filepath.Dir(filepath.Dir(file)), Services: services}, nil
}

// Parse decodes, checks and completes a config: one service, a list of services, or an application with services. name is for
// error messages.
func Parse(name string, data []byte) ([]Service, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, problem.New(problem.Usage, "%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: ")).WithHint("correct the file; it is not valid YAML")
	}
	if len(document.Content) == 0 {
		return nil, problem.New(problem.Usage, "%s: the file is empty", name).WithHint("describe a service, at least with `name` and `containers`")
	}
	d := &decoder{}
	var services []Service
	for _, node := range serviceNodes(document.Content[0]) {
		var s Service
		d.decode(node, reflect.ValueOf(&s).Elem())
		d.check(node, &s)
		services = append(services, s)
	}
	if len(d.mistakes) > 0 {
		return nil, d.problem(name, string(data))
	}
	return services, nil
}

// serviceNodes finds the services of a document.
func serviceNodes(root *yaml.Node) []*yaml.Node {
	if root.Kind == yaml.SequenceNode {
		return root.Content
	}
	for _, at := range [][]string{{"services"}, {"application", "services"}} {
		node := root
		for _, key := range at {
			node = lookup(node, key)
		}
		if node != nil && node.Kind == yaml.SequenceNode {
			return node.Content
		}
	}
	return []*yaml.Node{root}
}

func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// check looks at what types can't say, and fills in defaults.
func (d *decoder) check(n *yaml.Node, s *Service) {
	if n.Kind != yaml.MappingNode {
		return
	}
	if s.Name == "" {
		d.fail(n, "the service has no name")
	}
	if s.ServiceType == "" {
		s.ServiceType = "deployment"
	}
	containers := lookup(n, "containers")
	for i := range s.Containers {
		dev := &s.Containers[i].Dev
		node := n
		if containers != nil && containers.Kind == yaml.SequenceNode {
			node = lookup(containers.Content[i], "dev")
		}
		if node == nil {
			node = n
		}
		d.checkDev(node, dev)
		complete(dev)
	}
}

func complete(dev *Dev) {
	if dev.WorkDir == "" {
		dev.WorkDir = DefaultWorkDir
	}
	dev.WorkDir = path.Clean(dev.WorkDir)
	if dev.Sync.Type == "" {
		dev.Sync.Type = "sendReceive"
	}
	if dev.Sync.Mode == "" {
		dev.Sync.Mode = ModeGitIgnore
		if len(dev.Sync.FilePattern)+len(dev.Sync.IgnoreFilePattern) > 0 {
			dev.Sync.Mode = ModePattern
		}
	}
}

func (d *decoder) checkDev(n *yaml.Node, dev *Dev) {
	at := func(keys ...string) *yaml.Node {
		node := n
		for _, k := range keys {
			if next := lookup(node, k); next != nil {
				node = next
			}
		}
		return node
	}
	if dev.WorkDir != "" && (!path.IsAbs(dev.WorkDir) || path.Clean(dev.WorkDir) == "/") {
		d.fail(at("workDir"), "workDir must be an absolute path below /, got %q", dev.WorkDir)
	}
	for _, q := range []struct {
		kind string
		q    Quantities
	}{{"requests", dev.Resources.Requests}, {"limits", dev.Resources.Limits}} {
		for key, value := range map[string]string{"cpu": q.q.CPU, "memory": q.q.Memory} {
			if value == "" {
				continue
			}
			if _, err := resource.ParseQuantity(value); err != nil {
				d.fail(at("resources", q.kind, key), "%s: %q is no quantity, such as 500m or 1Gi", key, value)
			}
		}
	}
	for i, text := range dev.PortForward {
		if _, _, err := Ports(text); err != nil {
			node := at("portForward")
			if node.Kind == yaml.SequenceNode {
				node = node.Content[i]
			}
			d.fail(node, "%s", err)
		}
	}
}

// Ports reads LOCAL:REMOTE, :REMOTE (a local port of 0: any free one) or PORT.
func Ports(text string) (local, remote int, err error) {
	left, right, both := strings.Cut(text, ":")
	if !both {
		left, right = text, text
	}
	if left != "" {
		local, err = port(left)
	}
	if err == nil {
		remote, err = port(right)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%q: want LOCAL:REMOTE, such as 8080:80, with ports from 1 to 65535", text)
	}
	return local, remote, nil
}

func port(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 1 || n > 65535) {
		err = errors.New("out of range")
	}
	return n, err
}

// problem shows every mistake with its line, and a caret below the place.
func (d *decoder) problem(name, text string) *problem.Error {
	lines := strings.Split(text, "\n")
	sort.SliceStable(d.mistakes, func(i, j int) bool { return d.mistakes[i].line < d.mistakes[j].line })
	var b strings.Builder
	for i, m := range d.mistakes {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", name, m.line, m.column, m.text)
		if m.line >= 1 && m.line <= len(lines) {
			fmt.Fprintf(&b, "\n    %s\n    %s^", lines[m.line-1], strings.Repeat(" ", max(0, m.column-1)))
		}
	}
	return problem.New(problem.Usage, "%s", b.String()).WithHint("correct the config; nothing was changed in the cluster")
}

// Service picks a service by workload name; an empty name means the only one.
func (f *File) Service(name string) (*Service, error) {
	var known []string
	for i := range f.Services {
		if f.Services[i].Name == name || name == "" && len(f.Services) == 1 {
			return &f.Services[i], nil
		}
		known = append(known, f.Services[i].Name)
	}
	if name == "" {
		return nil, problem.New(problem.Usage, "%s describes several services: %s", f.Path, strings.Join(known, ", ")).WithHint("name one of them: nhctl dev start %s", known[0])
	}
	return nil, nil
}

// Container picks a container by name; an empty name means the first.
func (s *Service) Container(name string) (*Container, bool) {
	for i := range s.Containers {
		if name == "" || s.Containers[i].Name == name {
			return &s.Containers[i], true
		}
	}
	return nil, false
}

// Default is the container of a workload that no config describes.
func Default(name string) *Container {
	c := &Container{Name: name}
	complete(&c.Dev)
	return c
}
