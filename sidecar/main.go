//go:build linux

// Command sidecar is the in-cluster program: it plants itself into a twin, is PID 1 of the dev container, and in the
// container next to it the pod's end of sync and carrier. In a pod of its own it is the agent of a tunnel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/adapter"
	"github.com/nhctl/nhctl/sidecar/agent"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/carry"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/debugport"
	"github.com/nhctl/nhctl/sidecar/endpoint"
	"github.com/nhctl/nhctl/sidecar/footprint"
	"github.com/nhctl/nhctl/sidecar/home"
	"github.com/nhctl/nhctl/sidecar/restore"
	"github.com/nhctl/nhctl/sidecar/seed"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/token"
)

func main() {
	home.Restore()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "usage: sidecar "+
			"plant|seed|folders|supervise|sync|agent|dial|health|token|carry|adapter|traceable|debug|go|delve|version")
		return exitUsage
	}
	flags := flag.NewFlagSet("sidecar "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	container := flags.String("container", "", "dev container")
	dir := flags.String("dir", ".", "working folder")
	listen := flags.String("listen", "", "address to serve debuggers on")
	language := flags.String("language", "", "language of the program to debug")
	wait := flags.Bool("wait", false, "keep the program before its first line until a client comes")
	ready := flags.Bool("ready", false, "also ask whether the twin may receive Service traffic")
	if err := flags.Parse(args[1:]); err != nil {
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	var err error
	switch args[0] {
	case "version":
		fmt.Fprintln(stdout, buildinfo.Version)
	case "plant":
		err = plant(flags.Arg(0))
	case "seed":
		for pair := range slices.Chunk(flags.Args(), 2) {
			err = errors.Join(err, seed.Copy(pair[0], pair[len(pair)-1]))
		}
	case "folders":
		for _, dir := range flags.Args() {
			err = errors.Join(err, os.MkdirAll(dir, 0o755))
		}
	case "supervise":
		debug.SetGCPercent(10) // nearly all of its heap is the output of the commands, and has no pointers
		if err := footprint.Trim(); err != nil {
			logger.Warn("free memory", "error", err)
		}
		err = supervise.New(supervise.Options{
			Socket: contract.SupervisorSocket(*container),
			Dir:    *dir,
			Home:   contract.HomeDir,
			Tools:  contract.ToolsDir,
			Logger: logger,
		}).Serve(ctx)
	case "sync":
		err = serve(ctx, logger)
	case "agent":
		err = serveAgent(ctx, logger)
	case "dial":
		err = dial(ctx, flags.Arg(0), os.Stdin, stdout)
	case "health":
		err = health(ctx, *container, *ready)
	case "carry":
		err = carryFiles(flags.Arg(0), flags.Arg(1))
	case "token":
		err = printToken(stdout, flags.Arg(0))
	case "adapter":
		var code int
		if code, err = adapter.Serve(ctx, adapter.Options{
			Listen: *listen,
			Argv:   flags.Args(),
			Stdout: stdout,
			Stderr: stderr,
		}); err == nil {
			return code
		}
	case "debug", "go", "delve":
		var code int
		o := debugport.Options{Language: *language, Wait: *wait, Argv: flags.Args(), Stdout: stdout, Stderr: stderr}
		if code, err = debugged(ctx, args[0], *listen, o); err == nil {
			return code
		}
	case "traceable":
		stop()
		err = adapter.Traceable(flags.Args())
	default:
		fmt.Fprintf(stderr, "sidecar: no command %q\n", args[0])
		return exitUsage
	}
	if err != nil {
		fmt.Fprintln(stderr, "sidecar "+args[0]+":", err)
		return exitFailure
	}
	return 0
}

// debugged runs a command, or what a command has the go command do, for a debugger.
func debugged(ctx context.Context, command, listen string, o debugport.Options) (code int, err error) {
	switch command {
	case "go":
		return 0, debugport.Go(o.Argv)
	case "delve":
		return 0, debugport.Delve(o.Argv)
	}
	if o.Listen, err = netip.ParseAddrPort(listen); err != nil {
		return 0, err
	}
	return debugport.Serve(ctx, o)
}

// pieces is how much of the program is written at once. The kernel keeps a file in memory in such pieces as it was
// written in, and who runs it has all of a piece in their memory as soon as they need some of it.
const pieces = 16 << 10

// plant copies this program to a path, in one step, so that no one ever runs half of it.
func plant(to string) error {
	if to == "" {
		return errors.New("where to?")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	unfinished := filepath.Join(filepath.Dir(to), ".planting")
	file, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{from}, make([]byte, pieces))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, to)
}

// serve is the sidecar container's main job. The collector is kept eager, since index work comes in bursts.
func serve(ctx context.Context, logger *slog.Logger) error {
	debug.SetGCPercent(30)
	debug.SetMemoryLimit(160 << 20)
	config, err := endpoint.ReadConfig(os.Getenv(contract.EnvConfig))
	if err != nil {
		return err
	}
	return endpoint.New(config, "", logger).Serve(ctx)
}

// serveAgent is the one job of an agent's pod. Its memory is mostly that of streams, which have a budget of their own.
func serveAgent(ctx context.Context, logger *slog.Logger) error {
	debug.SetMemoryLimit(128 << 20)
	config, err := agent.ReadConfig(os.Getenv(contract.EnvConfig))
	if err != nil {
		return err
	}
	a := agent.New(config, os.Environ(), "", logger)
	if config.Restore != nil {
		cluster, err := restore.InPod(os.Getenv, "")
		if err != nil { // it serves nevertheless: whoever comes by with nhctl restores the Service
			logger.Error("the front can't restore its Service by itself", "error", err)
		} else {
			a.RestoreBy(restore.Front{Cluster: cluster, ID: config.Session, Restore: *config.Restore, Logger: logger})
		}
	}
	return a.Serve(ctx)
}

// health asks a dev container's supervisor, the sidecar itself whether it may be ready, or an agent whether it serves.
func health(ctx context.Context, container string, ready bool) error {
	ctx, cancel := context.WithTimeout(ctx, (contract.ProbeTimeout-1)*time.Second)
	defer cancel()
	switch {
	case container != "":
		return supervised(ctx, container)
	case ready:
		if config, err := agent.ReadConfig(os.Getenv(contract.EnvConfig)); err == nil {
			return agent.Ready(ctx, config)
		}
		return endpoint.HoldGate(ctx, "")
	}
	return nil
}

// supervised asks a supervisor, which may be about to start, until it answers.
func supervised(ctx context.Context, container string) error {
	client := supervise.NewClient(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", contract.SupervisorSocket(container))
	})
	for {
		err := client.Healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// carryFiles is the container's end of a copy, on standard input and output.
func carryFiles(way, path string) error {
	stream := struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}
	progress := func(int64, int64) {}
	if way == "receive" {
		_, err := carry.Receive(stream, path, carry.Terms{}, progress)
		return err
	}
	_, err := carry.Send(stream, path, progress)
	return err
}

// printToken is for nhctl on another computer of the same developer, who may exec here and so owns the session anyway.
func printToken(w io.Writer, session string) error {
	text, err := token.Text("", session)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
