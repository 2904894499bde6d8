package debugger

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

// debugBinary is where Go puts the program that delve runs: outside of the sources, which are synced.
const debugBinary = "/tmp/nhctl-debug"

// starters are programs that start a service, or build it and start it: their words don't show what.
var starters = [...]string{"CompileDaemon", "air", "ash", "bash", "dash", "gmake", "gow", "just", "mage", "make",
	"modd", "reflex", "sh", "task", "wgo", "zsh"}

// dlv makes `dlv exec` of `go run`, or of `go build` and the program that it makes. What delve runs is made before, by
// goDebugBuild: `dlv debug` would build it once the old program has gone, and ask Go for all packages a second time.
func dlv(run line, dev config.Dev, o Options) (line, bool) {
	if name := path.Base(run.program); slices.Contains(starters[:], name) || path.Ext(name) == ".sh" {
		return line{}, false
	}
	_, _, args := goBuild(run, dev)
	words := []string{"exec", "--headless", fmt.Sprintf("--listen=127.0.0.1:%d", o.Port), "--api-version=2",
		"--accept-multiclient"}
	if !o.Wait {
		words = append(words, "--continue")
	}
	words = append(words, debugBinary)
	if len(args) > 0 {
		words = append(append(words, "--"), args...)
	}
	return line{prefix: run.prefix, program: Delve, args: words}, true
}

// goDebugBuild has Go make the program for delve, without optimizations, while the old one still runs. Delve starts
// earlier where it has not to decompress what it reads of a program.
func goDebugBuild(run line, dev config.Dev) line {
	flags, packages, _ := goBuild(run, dev)
	args := []string{"build", quoted("-gcflags=all=-N -l", dev), "-o", debugBinary}
	if !slices.ContainsFunc(flags, linkerFlags) { // the user's own would take their place
		args = append(args, "-ldflags=-compressdwarf=false")
	}
	return line{prefix: run.prefix, program: "go", args: slices.Concat(args, flags, packages)}
}

func linkerFlags(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return name == "-ldflags" || name == "--ldflags"
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
var valued = [...]string{"-C", "-asmflags", "-gcflags", "-ldflags", "-mod", "-modfile", "-o", "-overlay", "-p", "-pgo",
	"-tags", "-toolexec"}

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
