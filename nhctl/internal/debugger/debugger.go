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
	Java   = "java"
	Ruby   = "ruby"
	C      = "c"
	CPP    = "cpp"
	Rust   = "rust"
)

// preset is a language's debugger: its usual port, and how it is put into a run command.
type preset struct {
	language string
	port     int
	wrap     func(line, config.Dev, Options) (line, bool)
	// check compiles what a debugger that builds the sources itself will build.
	check func(line, config.Dev) line
}

func presets() []preset {
	return []preset{
		{Go, 2345, dlv, compiles}, {Python, 5678, debugpy, nil}, {Node, 9229, inspector, nil}, {Java, 5005, jdwp, nil},
		{Ruby, 12345, rdbg, nil}, {C, 4711, lldb, nil}, {CPP, 4711, lldb, nil}, {Rust, 4711, lldb, nil}, {"php", 9003, nil, nil},
	}
}

// of is a language's preset; one that nhctl does not start by itself has no wrap.
func of(language string) preset {
	for _, p := range presets() {
		if p.language == language {
			return p
		}
	}
	return preset{}
}

// Languages are those whose debuggers nhctl starts by itself.
func Languages() []string {
	var all []string
	for _, p := range presets() {
		if p.wrap != nil {
			all = append(all, p.language)
		}
	}
	return all
}

// Port is where the debugger of a container listens.
func Port(d config.Debug) (int, error) {
	if d.RemoteDebugPort != 0 {
		return d.RemoteDebugPort, nil
	}
	if p := of(d.Language); p.port != 0 {
		return p.port, nil
	}
	return 0, problem.New(problem.Usage, "the config does not say where the debugger listens").
		WithHint("set containers[].dev.debug.language (%s), or debug.remoteDebugPort together with command.debug, in .dev/config.yaml", strings.Join(Languages(), ", "))
}

// Start is how a service is started under its debugger.
type Start struct {
	Argv []string
	// Build comes before it: command.build, or a check of the sources where the debugger builds them itself.
	Build []string
	// Program is what clients attach to, where the debugger does not know it by itself.
	Program string
}

// Options say how to start.
type Options struct {
	Port int
	// Wait keeps the program before its first line until a client lets it go on.
	Wait bool
}

// Command is command.debug, or what debug.language makes of the config's run command.
func Command(dev config.Dev, o Options) (Start, error) {
	start := Start{Build: dev.Command.Build.Args(dev.Shell)}
	if !dev.Command.Debug.Empty() {
		start.Argv = dev.Command.Debug.Args(dev.Shell)
		return start, nil
	}
	const hint = "set containers[].dev.command.debug in .dev/config.yaml to a command whose debugger listens on 127.0.0.1:%d"
	p := of(dev.Debug.Language)
	switch {
	case dev.Debug.Language == "":
		return Start{}, problem.New(problem.Usage, "the config has neither command.debug nor debug.language").
			WithHint("set containers[].dev.debug.language (%s) in .dev/config.yaml, or command.debug", strings.Join(Languages(), ", "))
	case p.wrap == nil:
		return Start{}, problem.New(problem.Usage, "nhctl does not start debuggers for %s by itself yet", dev.Debug.Language).WithHint(hint, o.Port)
	}
	run, before := parse(dev.Command.Run)
	wrapped, ok := p.wrap(run, dev, o)
	if !ok {
		return Start{}, problem.New(problem.Usage, "command.run (%s) does not show how to start it under the %s debugger", dev.Command.Run, dev.Debug.Language).
			WithHint(hint, o.Port)
	}
	if lldbs(p.language) {
		start.Program = run.program
	}
	if p.check != nil {
		before = slices.DeleteFunc(before, func(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "go build") })
		start.Build = behind(before, p.check(run, dev), dev)
	}
	start.Argv = behind(before, wrapped, dev)
	return start, nil
}

// behind is a line behind what comes before it, as its own words or for the shell, as the run command is.
func behind(before []string, l line, dev config.Dev) []string {
	if len(dev.Command.Run.Argv) > 0 {
		return l.words()
	}
	text := strings.Join(append(slices.Clip(before), strings.Join(l.words(), " ")), " && ")
	return config.Command{Line: []string{text}}.Args(dev.Shell)
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
