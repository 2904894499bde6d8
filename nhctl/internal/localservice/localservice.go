// Package localservice is what a config says of a service as a process of this computer: its command, folder and
// environment, the container that it stands in for, and the routes that bring it traffic. It runs nothing, asks no
// cluster, and knows no command line.
package localservice

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/route"
)

// Service is how a service runs on this computer.
type Service struct {
	// Workload is the service's, as an argument of commands; Container is one of it, "" for its only one.
	Workload, Container string
	// Argv is nil where the config has no command. Dir is absolute, and there.
	Argv []string
	Dir  string
	Env  map[string]string
	// Files says that the process sees the container's files.
	Files bool
	// Routes are SERVICE[:PORT[:LOCAL]], none where no traffic comes here. Mesh says that only requests do that match.
	Routes  []string
	Mesh    bool
	Matches []route.Match
	// Asks is what the config asks of this computer: nothing of it may be done before the user has agreed.
	Asks trust.Request
}

// Of is how one of a config's services runs. Without a name it is the only one of which the config says that.
func Of(file *config.File, name string) (Service, error) {
	s, err := choose(file, name)
	if err != nil {
		return Service{}, err
	}
	l := s.Local
	dir := filepath.FromSlash(l.Dir)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(file.Folder, dir)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Service{}, problem.New(problem.NotFound, "local.dir of %s: there is no folder %s", s.Name, dir).
			WithHint("correct it in %s", file.Path)
	}
	made := Service{
		Workload:  s.Ref().Argument(),
		Container: l.Container,
		Argv:      l.Command.Args(""),
		Dir:       dir,
		Env:       map[string]string{},
		Files:     l.Files,
		Routes:    Routes(s),
		Mesh:      l.Traffic == config.TrafficMesh,
		Asks:      trust.Of(file, s),
	}
	if made.Mesh {
		made.Matches = l.Conditions.Matches()
	}
	for _, e := range l.Env {
		made.Env[e.Name] = e.Value
	}
	return made, nil
}

// Routes are those of a service, as users name them.
func Routes(s *config.Service) (all []string) {
	l := s.Local
	if l.Empty() || l.Traffic == config.TrafficNone {
		return nil
	}
	service := l.Service
	if service == "" {
		service = s.Name
	}
	if len(l.Ports) == 0 {
		return []string{service}
	}
	for _, text := range l.Ports {
		local, remote, _ := config.Ports(text) // was checked
		arg := fmt.Sprintf("%s:%d", service, remote)
		if local != 0 {
			arg += fmt.Sprintf(":%d", local)
		}
		all = append(all, arg)
	}
	return all
}

// choose finds the service that is meant.
func choose(file *config.File, name string) (*config.Service, error) {
	if name != "" {
		return named(file, name)
	}
	var found []*config.Service
	var names []string
	for i := range file.Services {
		if s := &file.Services[i]; !s.Local.Empty() {
			found, names = append(found, s), append(names, s.Name)
		}
	}
	switch len(found) {
	case 0:
		return nil, silent(file, "any service")
	case 1:
		return found[0], nil
	}
	return nil, problem.New(problem.Usage, "%s says of several services how they run on this computer: %s", file.Path,
		strings.Join(names, ", ")).WithHint("name one of them: nhctl run %s", names[0])
}

func named(file *config.File, name string) (*config.Service, error) {
	ref, err := workload.ParseRef(name)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(name, "/") {
		ref.Kind = "" // of any
	}
	s, err := file.Service(ref)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, problem.New(problem.NotFound, "%s describes no service %q", file.Path, name).
			WithHint("a command stands behind --, such as: nhctl run -- %s", name)
	case s.Local.Empty():
		return nil, silent(file, s.Name)
	}
	return s, nil
}

// silent says that a config says nothing of the kind.
func silent(file *config.File, whom string) error {
	return problem.New(problem.NotFound, "%s does not say how %s runs on this computer", file.Path, whom).
		WithHint("say it in the service's section, such as: local: {command: npm start}; or name a command: " +
			"nhctl run -- npm start")
}
