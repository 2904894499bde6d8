// Package debugger knows debuggers by language: how a service is started under one, on which port it listens, and how
// to tell that it takes clients. It knows nothing of sessions or clusters.
package debugger

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
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
	// wrap puts the debugger into the words of the command, where they show the program.
	wrap func(line, config.Dev, Options) (line, bool)
	// build makes the program in the way that the debugger needs, in the place of the config's own build.
	build func(line, config.Dev) line
	// hooks says that the sidecar finds the program among the processes of a command, whatever its words are.
	hooks bool
}

func presets() []preset {
	return []preset{
		{language: Go, port: 2345, wrap: dlv, build: goDebugBuild, hooks: true},
		{language: Python, port: 5678, hooks: true},
		{language: Node, port: 9229, hooks: true},
		{language: Java, port: 5005, wrap: jdwp, hooks: true},
		{language: Ruby, port: 12345, wrap: rdbg},
		{language: C, port: 4711, wrap: lldb},
		{language: CPP, port: 4711, wrap: lldb},
		{language: Rust, port: 4711, wrap: lldb},
		{language: "php", port: 9003},
	}
}

// starts says that nhctl starts the language's debugger by itself.
func (p preset) starts() bool { return p.wrap != nil || p.hooks }

// of is a language's preset.
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
		if p.starts() {
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
		WithHint("set containers[].dev.debug.language (%s), or debug.remoteDebugPort together with command.debug, "+
			"in .dev/config.yaml", strings.Join(Languages(), ", "))
}

// The debuggers that nhctl brings into containers whose images have none, as they are called there.
const (
	Delve   = "dlv"
	Debugpy = "debugpy.whl"
)

// Tool is the debugger that a container needs, if nhctl can bring it. A debug command of the config's own needs what it
// names.
func Tool(dev config.Dev) string {
	own := slices.Concat(dev.Command.Debug.Argv, strings.Fields(strings.Join(dev.Command.Debug.Line, " ")))
	switch {
	case dev.Debug.Language == Go && (len(own) == 0 || slices.Contains(own, Delve)):
		return Delve
	case dev.Debug.Language == Python && len(own) == 0:
		return Debugpy
	}
	return ""
}

// Start is how a service is started under its debugger.
type Start struct {
	Argv []string
	// Build comes before it: command.build, or one that makes the program for the debugger.
	Build []string
	// Held is Argv with the program held before its first line until a client lets it go on: where that is delve's, of
	// which anyone can do so. Else it is empty.
	Held []string
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
	const hint = "set containers[].dev.command.debug in .dev/config.yaml to a command whose debugger listens on " +
		"127.0.0.1:%d"
	p := of(dev.Debug.Language)
	switch {
	case dev.Debug.Language == "":
		return Start{}, problem.New(problem.Usage, "the config has neither command.debug nor debug.language").
			WithHint("set containers[].dev.debug.language (%s) in .dev/config.yaml, or command.debug",
				strings.Join(Languages(), ", "))
	case !p.starts():
		return Start{}, problem.New(problem.Usage, "nhctl does not start debuggers for %s by itself yet",
			dev.Debug.Language).WithHint(hint, o.Port)
	}
	run, before := parse(dev.Command.Run)
	if other, ok := otherRuntime(run.program, o.Port); ok && p.language == Node {
		return Start{}, problem.New(problem.Usage, "command.run (%s) does not run Node, whose inspector nhctl starts",
			dev.Command.Run).WithHint("%s", other)
	}
	if p.wrap != nil {
		if wrapped, ok := p.wrap(run, dev, o); ok {
			start = worded(p, run, wrapped, before, start, dev)
			if p.language == Go && !o.Wait {
				o.Wait = true
				held, err := Command(dev, o)
				start.Held = held.Argv
				return start, err
			}
			return start, nil
		}
	}
	if !p.hooks || run.program == "" {
		return Start{}, problem.New(problem.Usage,
			"command.run (%s) does not show how to start it under the %s debugger", dev.Command.Run,
			dev.Debug.Language).
			WithHint(hint, o.Port)
	}
	return hooked(p, start, dev, o), nil
}

// worded is a start by a line that has the debugger among its words.
func worded(p preset, run, wrapped line, before []string, start Start, dev config.Dev) Start {
	if lldbs(p.language) {
		start.Program = run.program
	}
	if p.build != nil {
		before = slices.DeleteFunc(before,
			func(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "go build") })
		start.Build = behind(before, p.build(run, dev), dev)
	}
	start.Argv = behind(before, wrapped, dev)
	return start
}

// hooked is a start of the run command as it is, below the sidecar, which finds the program's debugger among its
// processes. Go's programs are compiled for the debugger there.
func hooked(p preset, start Start, dev config.Dev, o Options) Start {
	argv := []string{contract.Binary, "debug", "-language", p.language, "-listen", fmt.Sprintf("127.0.0.1:%d", o.Port)}
	if o.Wait {
		argv = append(argv, "-wait")
	}
	if p.language == Go && !dev.Command.Build.Empty() && len(dev.Command.Build.Argv)+len(dev.Command.Run.Argv) == 0 {
		dev.Command.Run.Line = slices.Concat(dev.Command.Build.Line, []string{"&&"}, dev.Command.Run.Line)
		start.Build = nil
	}
	run := dev.Command.Run.Args(dev.Shell)
	start.Argv = slices.Concat(argv, []string{"--"}, run)
	return start
}

// otherRuntime says what to write for a program that runs JavaScript, and is not Node.
func otherRuntime(program string, port int) (hint string, ok bool) {
	switch path.Base(program) {
	case "deno":
		return fmt.Sprintf(
			"set containers[].dev.command.debug in .dev/config.yaml: deno run --inspect=127.0.0.1:%d ...", port), true
	case "bun", "bunx":
		return fmt.Sprintf("set containers[].dev.command.debug in .dev/config.yaml: bun --inspect=127.0.0.1:%d ..., "+
			"and debug.remoteDebugPort: %[1]d in the place of debug.language; bun's clients are its own", port), true
	}
	return "", false
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
		if w != "exec" && w != "env" && !strings.Contains(w, "=") {
			return line{prefix: words[:i:i], program: w, args: words[i+1:]}, before
		}
	}
	return line{}, before
}
