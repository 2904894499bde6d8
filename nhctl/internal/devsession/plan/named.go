package plan

import (
	"errors"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Named is the workload that a call means: the one it names, or the only one of the folder's config.
func Named(t rpc.Target, profile string) (workload.Ref, *config.File, error) {
	file, err := config.Load(t.Caller.Dir, config.Options{Env: t.Caller.Env, Profile: profile})
	if t.Workload != "" {
		ref, refErr := workload.ParseRef(t.Workload)
		if file != nil && !strings.Contains(t.Workload, "/") { // a NAME is what the config says
			if service, err := file.Service(workload.Ref{Name: t.Workload}); err == nil && service != nil {
				ref = service.Ref()
			}
		}
		return ref, file, errors.Join(refErr, err)
	}
	if err != nil {
		return workload.Ref{}, nil, err
	}
	if file == nil {
		return workload.Ref{}, nil, problem.New(problem.Usage,
			"no workload named, and no .dev/config.yaml in %s or above it", t.Caller.Dir).
			WithHint("name one, such as deploy/web, or go to the folder of a service that has a config")
	}
	service, err := file.Service(workload.Ref{})
	if err != nil {
		return workload.Ref{}, nil, err
	}
	return service.Ref(), file, nil
}
