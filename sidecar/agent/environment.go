package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// environment tells the container's environment, less what it has for the agent alone.
func (a *Agent) environment(_ context.Context, in *wire.Incoming) error {
	e := request.Environment{Variables: slices.DeleteFunc(slices.Clone(a.environ), func(v string) bool {
		return strings.HasPrefix(v, contract.EnvConfig+"=")
	})}
	if err := e.Check(); err != nil {
		return &wire.Refusal{Code: request.Failed, Reason: err.Error()}
	}
	return answer(in, e)
}
