// Package debugger knows debuggers by language: how a service is started under one, on which port it listens, and how to tell that it
// takes clients. It knows nothing of sessions or clusters.
package debugger

import (
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The languages whose debuggers nhctl can start by itself.
const (
	Go     = "go"
	Python = "python"
	Node   = "node"
)

// ports are the usual ones of each language's debugger.
var ports = [...]struct {
	language string
	port     int
}{{Go, 2345}, {Python, 5678}, {Node, 9229}, {"java", 5005}, {"ruby", 12345}, {"php", 9003}, {"c", 4711}, {"cpp", 4711}, {"rust", 4711}}

// Port is where the debugger of a container listens.
func Port(d config.Debug) (int, error) {
	if d.RemoteDebugPort != 0 {
		return d.RemoteDebugPort, nil
	}
	for _, p := range ports {
		if p.language == d.Language {
			return p.port, nil
		}
	}
	return 0, problem.New(problem.Usage, "the config does not say where the debugger listens").
		WithHint("set containers[].dev.debug.language (go, python, node), or debug.remoteDebugPort together with command.debug, in .dev/config.yaml")
}

// Start is how a service is started under its debugger.
type Start struct {
	Argv []string
	// Builds says that the command builds the sources itself, so that command.build is not needed before it.
	Builds bool
}

// Options say how to start.
type Options struct {
	Port int
	// Wait keeps the program before its first line until a client lets it go on.
	Wait bool
}

// Command is command.debug, or what debug.language makes of the config's run command.
func Command(dev config.Dev, o Options) (Start, error) {
	if !dev.Command.Debug.Empty() {
		return Start{Argv: dev.Command.Debug.Args(dev.Shell)}, nil
	}
	const hint = "set containers[].dev.command.debug in .dev/config.yaml to a command whose debugger listens on 127.0.0.1:%d"
	var wrap func(line, config.Dev, Options) (line, bool)
	switch dev.Debug.Language {
	case Go:
		wrap = dlv
	case Python:
		wrap = debugpy
	case Node:
		wrap = inspector
	case "":
		return Start{}, problem.New(problem.Usage, "the config has neither command.debug nor debug.language").
			WithHint("set containers[].dev.debug.language to go, python or node in .dev/config.yaml, or command.debug")
	default:
		return Start{}, problem.New(problem.Usage, "nhctl does not start debuggers for %s by itself yet", dev.Debug.Language).WithHint(hint, o.Port)
	}
	run, before := parse(dev.Command.Run)
	wrapped, ok := wrap(run, dev, o)
	if !ok {
		return Start{}, problem.New(problem.Usage, "command.run (%s) does not show how to start it under the %s debugger", dev.Command.Run, dev.Debug.Language).
			WithHint(hint, o.Port)
	}
	start := Start{Builds: dev.Debug.Language == Go}
	if len(dev.Command.Run.Argv) > 0 {
		start.Argv = wrapped.words()
		return start, nil
	}
	if start.Builds {
		before = slices.DeleteFunc(before, func(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "go build") })
	}
	text := strings.Join(append(before, strings.Join(wrapped.words(), " ")), " && ")
	start.Argv = config.Command{Line: []string{text}}.Args(dev.Shell)
	return start, nil
}

// line is a command line: what stands before the program (exec, variables), the program, and its arguments.
type line struct {
	prefix  []string
	program string
	args    []string
}

func (l line) words() []string {
	return slices.Concat(l.prefix, []string{l.program}, l.args)
}

// parse finds the program of a command, the last one of those joined by &&, and gives what comes before it.
func parse(c config.Command) (l line, before []string) {
	words := c.Argv
	if len(words) == 0 {
		parts := strings.Split(strings.Join(c.Line, " "), "&&")
		for _, p := range parts[:len(parts)-1] {
			before = append(before, strings.TrimSpace(p))
		}
		words = strings.Fields(parts[len(parts)-1])
	}
	for i, w := range words {
		if w != "exec" && !strings.Contains(w, "=") {
			return line{prefix: words[:i:i], program: w, args: words[i+1:]}, before
		}
	}
	return line{}, before
}
