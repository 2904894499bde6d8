package daemon

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// savedContainer is what a computer keeps of a container beside the first.
type savedContainer struct {
	Section configSection `json:"section"`
	Dev     config.Dev    `json:"dev"`
}

// planBeside adds the other containers of the pod that are developed: those that the call names, or all that the config has.
func planBeside(p rpc.Start, base string, service *config.Service, there func() ([]corev1.Container, error), spec *devmode.Spec, state *saved) error {
	names := p.Beside
	if p.AllContainers {
		var err error
		if names, err = described(service, there); err != nil {
			return err
		}
	}
	for i, name := range names {
		if name == spec.Container || slices.Contains(names[:i], name) {
			continue
		}
		if p.Image != "" {
			return problem.New(problem.Usage, "one --image for several containers").WithHint("set containers[].dev.image of each in .dev/config.yaml")
		}
		c, found := config.Default(name), configSection{Name: name}
		if service != nil {
			var err error
			if c, found, err = section(service, name, there); err != nil {
				return err
			}
		}
		if err := addBeside(p, base, name, c.Dev, spec, state); err != nil {
			return err
		}
		state.Beside = append(state.Beside, savedContainer{Section: found, Dev: c.Dev})
	}
	return nil
}

func addBeside(p rpc.Start, base, name string, dev config.Dev, spec *devmode.Spec, state *saved) error {
	d, err := container(dev)
	if err != nil {
		return err
	}
	d.Container = name
	folders, settings, err := planSync(p.Caller.Env, base, dev)
	if err != nil {
		return err
	}
	for i := range folders {
		folders[i].Container = d.Name()
	}
	ports, err := forwards(dev)
	if err != nil {
		return err
	}
	spec.Beside, spec.More = append(spec.Beside, d), append(spec.More, folders...)
	state.More, state.Forwards = append(state.More, settings...), append(state.Forwards, ports...)
	return nil
}

// described names the containers that the config has a dev image for.
func described(service *config.Service, there func() ([]corev1.Container, error)) ([]string, error) {
	if service == nil {
		return nil, problem.New(problem.Usage, "no config describes the containers").WithHint("write one: nhctl config init; or name the containers with -c")
	}
	var names []string
	for _, c := range service.Containers {
		if c.Dev.Image == "" {
			continue
		}
		if c.Name == "" && c.Hub.Image != "" {
			pod, err := there()
			if err != nil {
				return nil, err
			}
			c.Name = workload.ByImage(pod, c.Hub.Image)
		}
		names = append(names, c.Name)
	}
	return names, nil
}

// forwards are the ports that a container's config forwards.
func forwards(dev config.Dev) ([]rpc.PortPair, error) {
	var all []rpc.PortPair
	for _, text := range dev.PortForward {
		l, r, err := config.Ports(text)
		if err != nil {
			return nil, err
		}
		all = append(all, rpc.PortPair{Local: l, Remote: r})
	}
	return all, nil
}

// develops refuses a start that names more containers than the living session has.
func (s *session) develops(spec devmode.Spec) error {
	if len(spec.Beside) == 0 {
		return nil
	}
	r := s.record()
	for _, d := range append([]devmode.Dev{spec.Dev}, spec.Beside...) {
		if !slices.ContainsFunc(r.Containers(), func(c record.Container) bool { return c.Name == d.Name() }) {
			return problem.New(problem.Refused, "%s is in dev mode already, and container %s is not", r.Workload, d.Name()).
				WithHint("end dev mode and start it again with all containers: nhctl dev end %s", r.Workload.Argument())
		}
	}
	return nil
}
