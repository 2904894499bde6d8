package factory

import (
	"cmp"
	"context"
	"errors"
	"io/fs"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Config reads a config by its name, or the one of this folder or above it. Its mistakes are in its findings.
func (f *Factory) Config(name, profile string) (*config.File, error) {
	if name == "" {
		name = config.Find(f.Dir)
	}
	if name == "" {
		return nil, problem.New(problem.NotFound, "no .dev/config.yaml in %s or above it", f.Dir).
			WithHint("write one: nhctl config init")
	}
	file, err := config.Read(f.Absolute(name), config.Options{Env: f.Env(), Profile: profile})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.NotFound, "%s: there is no such file", name)
	}
	return file, err
}

// ConfigOf is Config, or where the folder has none, what the team keeps in the cluster for a workload.
func (f *Factory) ConfigOf(ctx context.Context, name, profile string, ref workload.Ref) (*config.File, error) {
	file, err := f.Config(name, profile)
	if err == nil || problem.From(err).Code != problem.NotFound || name != "" || ref.Name == "" {
		return file, err
	}
	c, kubeErr := f.Kube()
	if kubeErr != nil {
		return nil, err
	}
	ref.Kind = cmp.Or(ref.Kind, workload.Deployment)
	origin, text, kubeErr := c.SharedConfig(ctx, ref)
	if kubeErr != nil || origin == "" {
		return nil, errors.Join(err, kubeErr)
	}
	return config.LoadShared(origin, text, ref, profile)
}
