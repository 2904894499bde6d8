package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Container is what a computer keeps of the config of an extra container.
type Container struct {
	Section Section    `json:"section"`
	Dev     config.Dev `json:"dev"`
}

// addExtra adds the extra containers of the pod that are developed: those that the call names, or all that the config
// has.
func (r *reading) addExtra(service *config.Service, there func() ([]corev1.Container, error)) error {
	p, names := r.call, r.call.ExtraContainers
	if p.AllContainers {
		var err error
		if names, err = described(service, there); err != nil {
			return err
		}
	}
	for i, name := range names {
		if name == r.Spec.Container || slices.Contains(names[:i], name) {
			continue
		}
		if p.Image != "" {
			return problem.New(problem.Usage, "one --image for several containers").
				WithHint("set containers[].dev.image of each in .dev/config.yaml")
		}
		c, found := config.Default(name), Section{Name: name}
		if service != nil {
			var err error
			if c, found, err = section(service, name, there); err != nil {
				return err
			}
		}
		if err := r.addContainer(name, c.Dev); err != nil {
			return err
		}
		r.State.Extra = append(r.State.Extra, Container{Section: found, Dev: c.Dev})
	}
	return nil
}

func (r *reading) addContainer(name string, dev config.Dev) error {
	d, err := container(dev)
	if err != nil {
		return err
	}
	d.Container = name
	folders, settings, err := planSync(r.call.Caller.Env, r.root, dev)
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
	r.Spec.Extra, r.Spec.More = append(r.Spec.Extra, d), append(r.Spec.More, folders...)
	r.State.More, r.State.Forwards = append(r.State.More, settings...), append(r.State.Forwards, ports...)
	return nil
}

// described names the containers that the config has a dev image for.
func described(service *config.Service, there func() ([]corev1.Container, error)) ([]string, error) {
	if service == nil {
		return nil, problem.New(problem.Usage, "no config describes the containers").
			WithHint("write one: nhctl config init; or name the containers with -c")
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
