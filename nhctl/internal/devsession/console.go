package devsession

import (
	"context"
	"encoding/json"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// console opens or finds a console: a terminal's shell, or a command.
func (k *Kind) console(ctx context.Context, params json.RawMessage) (*dispatch.Console, error) {
	var p rpc.Attach
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, problem.New(problem.Usage, "parameters of %s: %w", rpc.MethodAttach, err)
	}
	c, err := k.container(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	here := c.commands()
	stream, attached, err := here.Attach(ctx, p)
	if err != nil {
		return nil, err
	}
	console := &dispatch.Console{Answer: attached, Stream: stream}
	if !p.Console.Keep {
		console.HangUp = func(ctx context.Context) { here.HangUp(ctx, attached.ID) }
	}
	return console, nil
}
