package agent

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// The environment is the container's, less the agent's own settings.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	long := "LONG=" + strings.Repeat("x", 128<<10)
	c := serve(t, func(a *Agent) {
		a.environ = []string{"COLOR=blue", contract.EnvConfig + "={}", "LINES=a\nb", "EMPTY=", long}
	})
	stream, err := c.Open(t.Context(), wire.KindEnvironment, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got, err := request.ReadAnswer[request.Environment](stream, request.MaxEnvironment)
	if diff := cmp.Diff([]string{"COLOR=blue", "LINES=a\nb", "EMPTY=", long}, got.Variables); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestTooManyVariables(t *testing.T) {
	t.Parallel()
	c := serve(t, func(a *Agent) {
		for range request.MaxVariables + 1 {
			a.environ = append(a.environ, "A=B")
		}
	})
	if _, err := c.Open(t.Context(), wire.KindEnvironment, nil); codeOf(err) != request.Failed {
		t.Error(err)
	}
}
