package commands

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// Attach opens or finds a console: a terminal's shell, or a command. The stream carries it.
func (c *Container) Attach(ctx context.Context, p rpc.Attach) (net.Conn, rpc.Attached, error) {
	a := p.Console
	if a.Dir == "" {
		a.Dir = c.WorkDir
	}
	if a.Shell == "" {
		a.Shell = c.Shell
	}
	if p.Test != nil && !a.Resume {
		var err error
		if a.Argv, a.Dir, err = c.testCommand(*p.Test); err != nil {
			return nil, rpc.Attached{}, err
		}
	}
	if p.Synced && !a.Resume {
		limited, cancel := context.WithTimeout(ctx, arrivalLimit)
		err := c.Host.Converge(limited)
		cancel()
		if err != nil {
			return nil, rpc.Attached{}, fmt.Errorf("wait until earlier saves are in the container: %w", err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	stream, attached, err := c.supervisor().Attach(limited, supervise.Attach{
		ID:       a.ID,
		Newest:   a.Newest,
		Caller:   a.Caller,
		Resume:   a.Resume,
		Received: a.Received,
		Argv:     a.Argv,
		Shell:    a.Shell,
		Env:      a.Env,
		Dir:      a.Dir,
		Size:     (*supervise.Size)(a.Size),
		Keep:     a.Keep,
	})
	if err != nil {
		return nil, rpc.Attached{}, explainConsole(a, c.Name, err)
	}
	return stream, rpc.Attached{
		ID:       attached.ID,
		Received: attached.Received,
		Next:     attached.Next,
		Folders:  c.Folders,
	}, nil
}

// exitNotFound is what shells return for a program that does not start.
const exitNotFound = 127

func explainConsole(a rpc.Console, container string, err error) error {
	var refusal supervise.Refusal
	switch {
	case errors.Is(err, supervise.ErrTaken):
		return problem.New(problem.Refused, "the terminal was taken over by another one")
	case errors.Is(err, supervise.ErrNoConsole) && a.Resume:
		return problem.New(problem.NotFound, "the program was lost with its container").
			WithHint("the pod was replaced, or its container ended: nhctl dev status says more")
	case errors.Is(err, supervise.ErrNoConsole):
		return problem.New(problem.NotFound, "no terminal is open in container %s", container).
			WithHint("open one: nhctl dev terminal")
	case errors.As(err, &refusal):
		return problem.New(problem.Command, "%s", string(refusal)).WithExit(exitNotFound)
	}
	return fmt.Errorf("reach the container: %w", err)
}

// HangUp ends a console's command whose caller has left.
func (c *Container) HangUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	if err := c.supervisor().HangUp(ctx, id); err != nil {
		c.Logger.Warn("end a command whose caller has left", "error", err)
	}
}
