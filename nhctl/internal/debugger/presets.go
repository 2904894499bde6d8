package debugger

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// jdwp opens the debug port of a JVM that is started by its own name.
func jdwp(run line, _ config.Dev, o Options) (line, bool) {
	if path.Base(run.program) != "java" {
		return line{}, false
	}
	agent := fmt.Sprintf("-agentlib:jdwp=transport=dt_socket,server=y,suspend=%s,address=127.0.0.1:%d",
		map[bool]string{true: "y", false: "n"}[o.Wait], o.Port)
	run.args = append([]string{agent}, run.args...)
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
	return with(run, "RUBYOPT=-rdebug/"+open, "RUBY_DEBUG_HOST=127.0.0.1", fmt.Sprintf("RUBY_DEBUG_PORT=%d", o.Port)),
		true
}

func lldbs(language string) bool {
	return language == C || language == CPP || language == Rust
}

// lldb serves LLDB's debug adapter next to the program, which is named by its path. Where it shall wait, clients start
// it themselves.
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
