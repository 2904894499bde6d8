package tunnelsession

import (
	"context"
	"encoding/json"
	"net"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// carry makes a connection a link to the gateway of the caller's tunnel.
func (k *Kind) carry(ctx context.Context, params json.RawMessage) (*dispatch.Console, error) {
	var p rpc.Carry
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, problem.New(problem.Usage, "parameters of %s: %w", rpc.MethodCarry, err)
	}
	const least = 16
	if len(p.Token) < least {
		return nil, problem.New(problem.Usage, "parameters of %s: a token of %d bytes", rpc.MethodCarry, len(p.Token))
	}
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return nil, err
	}
	ref, err := refOf(p.Workload)
	if err != nil {
		return nil, err
	}
	s, err := k.here(ctx, v, ref)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, problem.New(problem.NoSession, "no tunnel leads into namespace %s", v.Client.Namespace).
			WithHint("`nhctl connect --socks` starts one, and so does the next nhctl run")
	}
	near, far := net.Pipe()
	s.Go("a link to the gateway", func() {
		gatewaylink.Serve(s.Context(), far, p.Token, s.openWith, s.Logger.With("session", s.ID()))
	})
	return &dispatch.Console{Answer: struct{}{}, Stream: near}, nil
}
