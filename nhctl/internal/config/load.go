package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// File is a loaded config.
type File struct {
	// Path is the file; Folder is the one that holds .dev, and that is synced by default.
	Path, Folder string
	// Application is the name of the application, if the file has one.
	Application string
	Services    []Service
	// Findings are all that there is to say, Ignored the fields met that have no effect here.
	Findings source.Findings
	Ignored  []string
	// Unused are the places of Nocalhost's fields that have no effect here, as hints.
	Unused source.Findings
	// Variables are the names of the environment's variables that the text may put in, sorted.
	Variables []string
	// Files are all that were read, sorted: the config itself, its layers, included files and env files.
	Files []string
	// nodes are the services as they were laid together, for what asks where a value came from.
	nodes   []*yaml.Node
	loading *loading
}

// Options say with what a config is loaded.
type Options struct {
	// Env are the variables that the text may name.
	Env map[string]string
	// Profile is the overlay to choose, if any.
	Profile string
	// Read opens files; nil means those of this computer, up to a size.
	Read func(path string) ([]byte, error)
}

func (o Options) read() func(string) ([]byte, error) {
	if o.Read != nil {
		return o.Read
	}
	return source.ReadFile
}

// names are the places of a config below a folder, the first that exists counts.
var names = [...]string{".dev/config.yaml", ".dev/config.yml", ".nocalhost/config.yaml"}

// The layers below and above a config, next to it.
const (
	defaultsFile = "defaults.yaml"
	localFile    = "local.yaml"
)

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

// Load finds and loads the config of a folder. It returns nil without an error when there is none.
func Load(dir string, o Options) (*File, error) {
	file := Find(dir)
	if file == "" {
		return nil, nil
	}
	f, err := Read(file, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, f.Problem()
}

// Read loads a config by its name. Mistakes are in the result's Findings, an error means that it can't be read at all.
func Read(file string, o Options) (*File, error) {
	data, err := o.read()(file)
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", file, err)
	}
	return Check(file, data, o), nil
}

// Check loads a text as if it were a file's.
func Check(file string, data []byte, o Options) *File {
	return newLoading(file, o.read()).load(data, o)
}

// Shared says whether the config comes from the cluster.
func (f *File) Shared() bool { return f.loading.workload != nil }

// LoadShared loads a config that a team keeps in the cluster, for one of its workloads; origin says where. Whoever may
// write there must not reach the developer's computer, so what would read files or variables of that is an error.
func LoadShared(origin, text string, ref workload.Ref, profile string) (*File, error) {
	l := newLoading(origin, func(string) ([]byte, error) { return nil, errShared })
	l.workload = &ref
	f := l.load([]byte(text), Options{Profile: profile})
	f.Folder = ""
	return f, f.Problem()
}

var errShared = errors.New("a config from the cluster can't name files of the developer's computer")

// loading is the reading of one config with its layers.
type loading struct {
	found *source.Collector
	files *source.Reader
	// workload is set for a config that comes from the cluster: the workload that it is for.
	workload *workload.Ref
	// laid counts what was laid over something.
	laid *atomic.Int64
}

func newLoading(file string, read func(string) ([]byte, error)) *loading {
	found := source.NewCollector()
	return &loading{found: found, files: source.NewReader(file, read, found), laid: &atomic.Int64{}}
}

func (l *loading) load(data []byte, o Options) *File {
	file, text := l.files.Main, source.Text(data)
	l.found.SetText(file, text)
	l.variables(text, o.Env)
	f := &File{Path: file, Folder: filepath.Dir(filepath.Dir(file)), loading: l}
	d := newDecoder(l)
	roots := l.files.Documents(file, text)
	switch {
	case d.newer(roots):
	case len(roots) > 0 && d.firstFormat(roots[0]):
	case len(roots) > 0:
		d.file(f, roots, o.Profile)
	case !l.found.Failed():
		l.found.Add(source.Finding{Severity: source.Error, Code: source.Empty}, source.Start(file), 1,
			"the file is empty; describe a service, at least with `name` and `containers`")
	}
	f.Ignored = slices.Sorted(maps.Keys(d.ignored))
	f.Variables, f.Files = l.files.Variables(), l.files.Files()
	f.collect()
	return f
}

// collect takes what was found so far, hints apart.
func (f *File) collect() {
	f.Findings, f.Unused = nil, nil
	for _, x := range f.loading.found.Findings() {
		if x.Severity == source.Hint {
			f.Unused = append(f.Unused, x)
		} else {
			f.Findings = append(f.Findings, x)
		}
	}
}

// variables sets up what the text may name: the environment, and below it the env file that configProperties names.
func (l *loading) variables(text string, env map[string]string) {
	file := map[string]string{}
	l.files.Env = func(name string) (string, bool) {
		if v, ok := env[name]; ok {
			return v, true
		}
		v, ok := file[name]
		return v, ok
	}
	if !strings.Contains(text, "configProperties:") {
		return
	}
	// The name is needed before the text can be rendered, so it is looked for in its section alone.
	var lines []string
	begin := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.HasPrefix(line, "configProperties:") {
			begin = i + 1
		} else if begin > 0 && line != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") {
			break
		}
		if begin > 0 {
			lines = append(lines, line)
		}
	}
	var section struct {
		ConfigProperties struct {
			EnvFile string `yaml:"envFile"`
		} `yaml:"configProperties"`
	}
	if begin == 0 || yaml.Unmarshal([]byte(strings.Join(lines, "\n")), &section) != nil ||
		section.ConfigProperties.EnvFile == "" {
		return
	}
	if read, err := l.envFile(section.ConfigProperties.EnvFile); err != nil {
		at := source.Position{File: l.files.Main, Line: begin, Column: 1}
		l.found.Add(source.UnreadableFile(err), at, len("configProperties"), "envFile: %s", err)
	} else {
		file = read
	}
}

// envFile reads a file of NAME=VALUE lines, by a path relative to the config's folder.
func (l *loading) envFile(name string) (map[string]string, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(l.files.Main), filepath.FromSlash(name))
	}
	data, err := l.files.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	vars, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil,
			fmt.Errorf("%s: want lines of NAME=VALUE", path) // the library's error shows values, which may be secret
	}
	return vars, nil
}

// Problem is what a command that needs the config says when it has errors; nil when it has none.
func (f *File) Problem() error {
	if !f.Findings.Failed() {
		return nil
	}
	return problem.New(problem.Usage, "%s", f.Findings).
		WithHint("correct the config; nothing was changed in the cluster")
}

// Notices are what to say of a config that is taken: its warnings, and the fields that have no effect.
func (f *File) Notices() []string {
	if f == nil {
		return nil
	}
	var texts []string
	if f.Shared() {
		texts = append(texts, "the config is the team's, from "+f.Path)
	}
	for _, x := range f.Findings {
		texts = append(texts, x.String())
	}
	if len(f.Ignored) > 0 {
		texts = append(texts, "not used by nhctl: "+strings.Join(f.Ignored, ", "))
	}
	return texts
}

// Service picks a service by its workload: without a kind that of any, without a name the only one. It returns nil when
// the config does not describe it.
func (f *File) Service(ref workload.Ref) (*Service, error) {
	var known []string
	for i, s := range f.Services {
		if s.Ref() == ref || ref.Kind == "" && s.Name == ref.Name || ref.Name == "" && len(f.Services) == 1 {
			return &f.Services[i], nil
		}
		known = append(known, s.Name)
	}
	if ref.Name == "" {
		return nil, problem.New(problem.Usage, "%s describes several services: %s", f.Path, strings.Join(known, ", ")).
			WithHint("name one of them: nhctl dev start %s", known[0])
	}
	return nil, nil
}

// Ref is the workload that the service describes.
func (s *Service) Ref() workload.Ref {
	return workload.Ref{Kind: workload.Kind(s.ServiceType), Name: s.Name}
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
	setDefaults(reflect.ValueOf(c).Elem())
	complete(&c.Dev)
	return c
}
