package plan

import (
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Section names an entry of a service's containers as the config has it: what chooses it may be an image.
type Section struct {
	Name  string `json:"name,omitempty"`
	Image string `json:"image,omitempty"`
}

// Find is the entry in a service as it is now.
func (s Section) Find(service *config.Service) (*config.Container, bool) {
	for i, c := range service.Containers {
		if c.Name == s.Name && c.Hub.Image == s.Image {
			return &service.Containers[i], true
		}
	}
	return nil, false
}

// section chooses the entry of a container. Those that name an image instead are given the name that the workload has
// for it.
func section(
	service *config.Service, wanted string, containers func() ([]corev1.Container, error),
) (*config.Container, Section, error) {
	var there []corev1.Container
	for i := range service.Containers {
		c := service.Containers[i]
		chosen := Section{c.Name, c.Hub.Image}
		if c.Name == "" && c.Hub.Image != "" {
			if there == nil {
				var err error
				if there, err = containers(); err != nil {
					return nil, chosen, err
				}
			}
			c.Name = workload.ByImage(there, c.Hub.Image)
			if c.Name == "" && (wanted == "" || len(service.Containers) == 1) {
				return nil, chosen, problem.New(problem.Usage,
					"%s has no container with the image %s", service.Name, c.Hub.Image).
					WithHint("correct hub.image in the config, or name the container; its images are:%s", images(there))
			}
		}
		if wanted == "" || c.Name == wanted {
			return &c, chosen, nil
		}
	}
	return config.Default(wanted), Section{Name: wanted}, nil
}

func images(containers []corev1.Container) (text string) {
	for _, c := range containers {
		text += " " + c.Image
	}
	return text
}

// whereFrom adds to the problem of a folder that is not there where its sources are from.
func whereFrom(err error, folder, gitURL string) error {
	if _, missing := os.Stat(folder); gitURL == "" || !errors.Is(missing, os.ErrNotExist) {
		return err
	}
	return problem.From(err).WithHint("get the sources with: git clone %s %s", gitURL, folder)
}

// otherOrigin tells of a folder that seems to have the sources of something else.
func otherOrigin(root, gitURL string) []string {
	if root == "" || gitURL == "" {
		return nil
	}
	if origin := localsync.Origin(root); origin != "" && !localsync.SameRepository(origin, gitURL) {
		return []string{fmt.Sprintf("%s is a work tree of %s, and the config says %s (dev.gitUrl): "+
			"are these the right sources?", root, origin, gitURL)}
	}
	return nil
}
