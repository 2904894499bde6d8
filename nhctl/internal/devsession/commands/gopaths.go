package commands

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/sidecar/bound"
)

// goEnv asks a go command where modules and the standard library are, and of which version it is.
var goEnv = [...]string{"go", "env", "GOMODCACHE", "GOROOT", "GOVERSION"}

// goEnvLimit limits that question: a debugger must not wait for it.
const goEnvLimit = 5 * time.Second

// goPaths say where Go's modules and standard library are on both sides, so that breakpoints and stacks in them find
// their files. Vendored packages are in the synced folder. Where either side has no Go, there is nothing to map.
func (c *Container) goPaths(ctx context.Context, caller rpc.Caller, language string) []event.PathData {
	if language != debugger.Go {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, goEnvLimit)
	defer cancel()
	remote := bound.Buffer{Limit: 64 << 10}
	if err := c.Host.Exec(ctx, goEnv[:], &remote); err != nil {
		c.Logger.Debug("ask for Go's folders in the pod", "error", err)
		return nil
	}
	program := kube.LookPath(goEnv[0], caller.Env, caller.Dir)
	if program == "" {
		c.Logger.Debug("ask for Go's folders here", "error", "no go in the caller's PATH")
		return nil
	}
	cmd := exec.CommandContext(ctx, program, goEnv[1:]...)
	cmd.Dir, cmd.Env = c.root(), []string{} // not the daemon's
	for key, value := range caller.Env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	local, err := cmd.Output()
	if err != nil {
		c.Logger.Debug("ask for Go's folders here", "error", err)
		return nil
	}
	return pairGo(string(local), remote.String())
}

// pairGo pairs two answers to goEnv. Another version's standard library has other lines.
func pairGo(local, remote string) []event.PathData {
	here, there := strings.Fields(local), strings.Fields(remote)
	if len(here) != len(goEnv)-2 || len(there) != len(here) {
		return nil
	}
	pairs := []event.PathData{{Local: here[0], Remote: there[0]}}
	if here[2] == there[2] {
		pairs = append(pairs, event.PathData{Local: here[1], Remote: there[1]})
	}
	return pairs
}
