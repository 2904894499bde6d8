package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// stopOnFailure is the value of dev.onBuildFailure that ends what runs.
const stopOnFailure = "stop"

// reload says how a command is started again: by a command of its own, or as it was started.
func reload(dev config.Dev, own config.Command, build, argv []string) *supervise.Reload {
	if !own.Empty() {
		return &supervise.Reload{Argv: own.Args(dev.Shell)}
	}
	return &supervise.Reload{Build: build, StopOnFailure: dev.OnBuildFailure == stopOnFailure, Argv: argv}
}

// launch builds and starts run or debug, when what was saved before is in the pod. With stop, a failed build stops what
// runs.
func (c *Container) launch(ctx context.Context, w *Wanted, stop bool) (supervise.Status, error) {
	spec := w.Spec
	if spec.Refuse {
		if st, err := c.service(ctx); err == nil && st.State == supervise.StateRunning {
			return st, runsAlready(st.Name)
		}
	}
	c.arrived(ctx)
	if len(w.Build) > 0 {
		built, err := c.build(ctx, w.Build, w.localPaths)
		if err != nil && stop {
			err = c.stopAfter(ctx, err)
		}
		if err != nil {
			return built, err
		}
		spec.Sources = built.Started
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	spec.Dir = cmp.Or(spec.Dir, c.WorkDir)
	status, err := c.supervisor().Start(ctx, w.Command, spec)
	if errors.Is(err, supervise.ErrRunning) {
		return status, runsAlready(w.Command)
	}
	if err != nil {
		return status, fmt.Errorf("start the %s command: %w", w.Command, err)
	}
	c.show(ctx, status)
	return status, nil
}

// stopAfter stops what runs after a failed build.
func (c *Container) stopAfter(ctx context.Context, failure error) error {
	failed := problem.From(failure)
	if failed.Code != problem.Command {
		return failure
	}
	last, err := c.service(ctx)
	if err == nil {
		_, err = c.supervisor().Stop(ctx, last.Name)
	}
	if err != nil {
		return errors.Join(failure, fmt.Errorf("stop the running program: %w", err))
	}
	return failed.WithHint("its output is above, and in `nhctl dev logs build`; " +
		"the program that ran before is stopped (dev.onBuildFailure)")
}

func runsAlready(name string) error {
	return problem.New(problem.Refused, "the %s command runs already", name).
		WithHint("leave out --keep to replace it, or stop it with `nhctl dev stop`").
		WithRemedy(problem.Remedy{Title: "replace it", Params: json.RawMessage(`{"keepRunning":false}`)})
}
