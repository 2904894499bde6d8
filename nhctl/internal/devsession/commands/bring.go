package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/debugger/carried"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// bringLimit limits each way to bring a debugger: its first build downloads and compiles what it consists of, which
// takes minutes on a slow machine, and another process may be at it.
const bringLimit = 10 * time.Minute

// carriedFile is a debugger as a file of this computer.
type carriedFile interface {
	// Find returns the file, "" before it was made; Make makes it.
	Find() string
	Make(context.Context) (string, error)
}

// bring brings a debugger into a container whose image has none, as public images have: this computer makes it, once,
// or else the container's own tools install it. Without a name there is nothing to bring.
func (c *Container) bring(ctx context.Context, caller rpc.Caller, name string) error {
	if name == "" {
		return nil
	}
	tool, err := c.tool(ctx, name)
	var refusal supervise.Refusal
	switch {
	case errors.As(err, &refusal): // the pod's supervisor is that of an earlier nhctl, which brings nothing
		return nil
	case err != nil:
		return fmt.Errorf("look for %s in the container: %w", name, err)
	case tool.Path != "":
		return nil
	}
	if name == debugger.Delve {
		return c.bringDelve(ctx, caller, tool.Arch)
	}
	c.bringDebugpy(ctx, caller)
	return nil
}

func (c *Container) bringDelve(ctx context.Context, caller rpc.Caller, arch string) error {
	delve := carried.Delve{
		Store: c.store(caller),
		Go:    kube.LookPath("go", caller.Env, caller.Dir),
		Arch:  arch,
	}
	script := "export HOME=" + contract.HomeDir + " GOBIN=" + contract.ToolsDir +
		" CGO_ENABLED=0 GOFLAGS= GOWORK=off\nexec go install -trimpath '-ldflags=-s -w' " + carried.DelvePackage + "@" +
		carried.DelveVersion + " 2>&1"
	doing := fmt.Sprintf("Go builds delve %s for linux/%s, once", carried.DelveVersion, arch)
	if err := c.bringFile(ctx, debugger.Delve, delve, doing, script); err != nil {
		return problem.New(problem.NotReady, "the image has no %s, Go's debugger, and nhctl can't bring it: %w",
			debugger.Delve, err).
			WithHint("install Go on this computer, or give the pod a module proxy (GOPROXY in dev.env); " +
				"or name an image that has dlv, or set containers[].dev.command.debug")
	}
	return nil
}

// imports asks an interpreter of the image whether it has debugpy.
const imports = "for p in python3 python; do $p -c 'import debugpy' 2>/dev/null && exit 0; done; exit 1"

// bringDebugpy brings debugpy where the image's Python has none. The service may have an interpreter of its own, with a
// debugpy of its own, so that a failure is no more than a notice.
func (c *Container) bringDebugpy(ctx context.Context, caller rpc.Caller) {
	asking, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	err := c.Host.Exec(asking, []string{"sh", "-c", imports}, &bound.Buffer{Limit: maxSaid})
	var lacks interface {
		error
		ExitStatus() int
	}
	if !errors.As(err, &lacks) {
		if err != nil {
			c.Logger.Debug("ask the container for debugpy", "error", err)
		}
		return
	}
	python := kube.LookPath("python3", caller.Env, caller.Dir)
	if python == "" {
		python = kube.LookPath("python", caller.Env, caller.Dir) // as on Windows
	}
	script := "export HOME=" + contract.HomeDir + "\nexec python3 -m pip install --quiet --disable-pip-version-check " +
		"--no-deps --target " + contract.ToolsDir + "/python " + carried.DebugpyRequirement + " 2>&1"
	debugpy := carried.Debugpy{Store: c.store(caller), Python: python}
	doing := "pip downloads " + carried.DebugpyRequirement + ", once"
	if err := c.bringFile(ctx, debugger.Debugpy, debugpy, doing, script); err != nil && ctx.Err() == nil {
		c.tell(ctx, fmt.Sprintf("the image has no debugpy, Python's debugger, and nhctl can't bring it: %v; "+
			"add it to what command.build installs (pip install debugpy)", err))
	}
}

// store keeps debuggers on this computer.
func (c *Container) store(caller rpc.Caller) carried.Store {
	s := carried.Store{Dir: c.Tools}
	for key, value := range caller.Env {
		s.Env = append(s.Env, key+"="+value)
	}
	return s
}

// bringFile brings a debugger, which this computer makes where it has none yet, as doing says; or else a script has the
// container install it.
func (c *Container) bringFile(ctx context.Context, name string, from carriedFile, doing, script string) error {
	step := c.step(ctx, "bring "+name)
	step(event.StepStarted, "")
	failure := c.carry(ctx, name, from, func(detail string) { step(event.StepWaiting, detail) }, doing)
	if failure != nil && ctx.Err() == nil {
		step(event.StepWaiting, "the container installs it")
		if err := c.install(ctx, script); err != nil {
			failure = fmt.Errorf("%w; nor can the container install it: %w", failure, err)
		} else {
			failure = nil
		}
	}
	if failure != nil {
		step(event.StepFailed, "")
		return failure
	}
	step(event.StepDone, "")
	return nil
}

// tool looks for a program in the container.
func (c *Container) tool(ctx context.Context, name string) (supervise.Tool, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return c.supervisor().Tool(ctx, name)
}

// carry copies the file that this computer has, or makes.
func (c *Container) carry(
	ctx context.Context, name string, from carriedFile, tell func(detail string), doing string,
) error {
	ctx, cancel := context.WithTimeout(ctx, bringLimit)
	defer cancel()
	path := from.Find()
	if path == "" {
		tell(doing)
		var err error
		if path, err = from.Make(ctx); err != nil {
			return err
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("copy %.1f MB", float64(info.Size())/1e6))
	if err := c.supervisor().Bring(ctx, name, file, info.Size()); err != nil {
		return fmt.Errorf("copy %s into the container: %w", name, err)
	}
	return nil
}

// maxSaid limits what is kept of the container's words, in bytes.
const maxSaid = 64 << 10

// install has the container install a debugger.
func (c *Container) install(ctx context.Context, script string) error {
	ctx, cancel := context.WithTimeout(ctx, bringLimit)
	defer cancel()
	said := bound.Buffer{Limit: maxSaid}
	if err := c.Host.Exec(ctx, []string{"sh", "-c", script}, &said); err != nil {
		return fmt.Errorf("%w: %s", errors.Join(err, ctx.Err()), carried.Last(said.String()))
	}
	return nil
}
