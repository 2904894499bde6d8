package factory

import (
	"errors"
	"io/fs"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
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
