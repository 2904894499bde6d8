package debugger

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// debugBinary is where delve puts what it builds: outside of the sources, which are synced.
const debugBinary = "/tmp/nhctl-debug"

// dlv makes `dlv debug` of `go run`, or of `go build` and the program that it makes.
func dlv(run line, dev config.Dev, o Options) (line, bool) {
	flags, packages, args := goBuild(run, dev)
	listen := []string{"debug", "--headless", fmt.Sprintf("--listen=127.0.0.1:%d", o.Port), "--api-version=2", "--accept-multiclient", "--output=" + debugBinary}
	if !o.Wait {
		listen = append(listen, "--continue")
	}
	if len(flags) > 0 {
		listen = append(listen, quoted("--build-flags="+strings.Join(flags, " "), dev))
	}
	listen = append(listen, packages...)
	if len(args) > 0 {
		listen = append(append(listen, "--"), args...)
	}
	return line{prefix: run.prefix, program: "dlv", args: listen}, true
}

// compiles has Go compile what delve will build, without linking it: what the compiler minds is known while the old program still runs,
// and what it made is there for delve.
func compiles(run line, dev config.Dev) line {
	flags, packages, _ := goBuild(run, dev)
	args := []string{"list", "-export", "-f", quoted(`{{""}}`, dev), quoted("-gcflags=all=-N -l", dev)}
	return line{prefix: run.prefix, program: "go", args: slices.Concat(args, flags, packages)}
}

// quoted is a word that the shell takes as it is, where the run command is for a shell.
func quoted(word string, dev config.Dev) string {
	if len(dev.Command.Run.Argv) > 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// goBuild is what a run command, or the build before it, has Go build, and the arguments of the program.
func goBuild(run line, dev config.Dev) (flags, packages, args []string) {
	if run.program == "go" && len(run.args) > 0 && run.args[0] == "run" {
		flags, packages, args = goArguments(run.args[1:])
	} else {
		flags, packages = buildOf(dev)
		args = run.args
	}
	if len(packages) == 0 {
		packages = []string{"."}
	}
	return flags, packages, args
}

// buildOf finds a `go build` in the build or run command.
func buildOf(dev config.Dev) (flags, packages []string) {
	for _, c := range []config.Command{dev.Command.Build, dev.Command.Run} {
		words := c.Argv
		if len(words) == 0 {
			words = strings.Fields(strings.Join(c.Line, " "))
		}
		at := slices.Index(words, "build")
		if at < 1 || path.Base(words[at-1]) != "go" {
			continue
		}
		words = words[at+1:]
		if end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "&|;") }); end >= 0 {
			words = words[:end]
		}
		flags, packages, _ = goArguments(words)
		return flags, packages
	}
	return nil, nil
}

// valued are the flags of go build that take their value as a word of its own.
var valued = [...]string{"-C", "-asmflags", "-gcflags", "-ldflags", "-mod", "-modfile", "-o", "-overlay", "-p", "-pgo", "-tags", "-toolexec"}

// goArguments splits what stands behind `go build` and `go run`. An output file means nothing to a debugger.
func goArguments(words []string) (flags, packages, args []string) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		n := 1
		if slices.Contains(valued[:], words[0]) && len(words) > 1 {
			n = 2
		}
		if name, _, _ := strings.Cut(words[0], "="); name != "-o" {
			flags = append(flags, words[:n]...)
		}
		words = words[n:]
	}
	n := min(1, len(words))
	for n < len(words) && strings.HasSuffix(words[n-1], ".go") && strings.HasSuffix(words[n], ".go") {
		n++
	}
	return flags, words[:n], words[n:]
}

// modules are commands that are Python modules of the same name.
var modules = [...]string{"celery", "flask", "gunicorn", "hypercorn", "pytest", "uvicorn"}

// debugpy puts debugpy between the interpreter and its program.
func debugpy(run line, _ config.Dev, o Options) (line, bool) {
	name := path.Base(run.program)
	program, rest := run.program, run.args
	switch {
	case slices.Contains(modules[:], name):
		program, rest = "python3", append([]string{"-m", name}, rest...)
	case !strings.HasPrefix(name, "python"):
		return line{}, false
	}
	var flags []string
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-m" && rest[0] != "-c" {
		n := 1
		if (rest[0] == "-X" || rest[0] == "-W") && len(rest) > 1 {
			n = 2
		}
		flags, rest = append(flags, rest[:n]...), rest[n:]
	}
	if len(rest) == 0 {
		return line{}, false
	}
	args := append(flags, "-X", "frozen_modules=off", "-m", "debugpy", "--listen", fmt.Sprintf("127.0.0.1:%d", o.Port))
	if o.Wait {
		args = append(args, "--wait-for-client")
	}
	return line{prefix: run.prefix, program: program, args: append(args, rest...)}, true
}

// inspector has node open its inspector.
func inspector(run line, _ config.Dev, o Options) (line, bool) {
	if name := path.Base(run.program); name != "node" && name != "nodejs" {
		return line{}, false
	}
	flag := "--inspect"
	if o.Wait {
		flag = "--inspect-brk"
	}
	args := append([]string{fmt.Sprintf("%s=127.0.0.1:%d", flag, o.Port)}, run.args...)
	return line{prefix: run.prefix, program: run.program, args: args}, true
}

// jdwp opens the debug port of the JVM that runs the program: java's own, or that of a Maven goal.
func jdwp(run line, _ config.Dev, o Options) (line, bool) {
	agent := fmt.Sprintf("-agentlib:jdwp=transport=dt_socket,server=y,suspend=%s,address=127.0.0.1:%d", map[bool]string{true: "y", false: "n"}[o.Wait], o.Port)
	switch name := path.Base(run.program); {
	case name == "java":
		run.args = append([]string{agent}, run.args...)
	case (name == "mvn" || name == "mvnw") && slices.Contains(run.args, "spring-boot:run"):
		run.args = append(slices.Clip(run.args), "-Dspring-boot.run.jvmArguments="+agent)
	case name == "mvn" || name == "mvnw":
		run = with(run, "MAVEN_OPTS="+agent)
	default:
		return line{}, false
	}
	return run, true
}

// with gives a program variables, in a shell or without one.
func with(run line, variables ...string) line {
	return line{prefix: run.prefix, program: "env", args: slices.Concat(variables, []string{run.program}, run.args)}
}

// rubies are the programs that are Ruby's own, or scripts of its interpreter.
var rubies = [...]string{"bundle", "puma", "rackup", "rails", "rake", "ruby", "sidekiq", "unicorn"}

// rdbg has the interpreter load Ruby's debugger first.
func rdbg(run line, _ config.Dev, o Options) (line, bool) {
	if !slices.Contains(rubies[:], path.Base(run.program)) {
		return line{}, false
	}
	open := "open_nonstop"
	if o.Wait {
		open = "open"
	}
	return with(run, "RUBYOPT=-rdebug/"+open, "RUBY_DEBUG_HOST=127.0.0.1", fmt.Sprintf("RUBY_DEBUG_PORT=%d", o.Port)), true
}

func lldbs(language string) bool {
	return language == C || language == CPP || language == Rust
}

// lldb serves LLDB's debug adapter beside the program, which is named by its path. Where it shall wait, clients start it themselves.
func lldb(run line, _ config.Dev, o Options) (line, bool) {
	if !strings.Contains(run.program, "/") {
		return line{}, false
	}
	args := []string{"adapter", "-listen", fmt.Sprintf("127.0.0.1:%d", o.Port), "--"}
	if !o.Wait {
		args = slices.Concat(args, []string{run.program}, run.args)
	}
	return line{prefix: run.prefix, program: contract.Binary, args: args}, true
}
