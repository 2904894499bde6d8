package debugport

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// language is how a language's processes open their debuggers, and how clients reach them.
type language struct {
	// files are what the processes load or run, by their paths in the folder, as files of hooks.
	files map[string]string
	// variables make them do so. dir is the folder.
	variables func(s *server, dir string) map[string]string
	// rank leaves those of the program, best first.
	rank func([]target) []target
	// lead serves clients.
	lead func(ctx context.Context, s *server, listener net.Listener)
	// release lets a process go on that waits for a client.
	release func(context.Context, target) error
	// advice says what to write where no process opens a debugger.
	advice string
}

//go:embed hooks
var hooks embed.FS

const own = "set containers[].dev.command.debug in .dev/config.yaml to a command whose debugger listens"

func languages() map[string]language {
	return map[string]language{
		"node": {
			files:     map[string]string{"hook.cjs": "hook.cjs", "bin/node": "node.sh"},
			variables: nodeVariables, rank: programFirst, lead: inspectors, advice: own,
		},
		"python": {
			files:     map[string]string{"sitecustomize.py": "sitecustomize.py"},
			variables: pythonVariables,
			rank:      newest,
			lead:      relays,
			advice: "where a script sets PYTHONPATH, add what it has already (:$PYTHONPATH), and leave out " +
				"python -E and -I; else " + own,
		},
		"java": {variables: javaVariables, rank: applications, lead: relays, release: dispose, advice: own},
		"go": {
			files:     map[string]string{"bin/go": "go.sh", "reexec.go": "reexec.go.txt"},
			variables: goVariables, rank: newest, lead: relays,
			advice: "programs are found that the command builds with the go command in PATH; else " + own,
		},
	}
}

// Variables that hooks read.
const (
	envDir  = "NHCTL_DEBUG_DIR"  // with the hooks, and what they make
	envHost = "NHCTL_DEBUG_HOST" // of programs
	envTool = "NHCTL_DEBUG_TOOL" // of tools
	envWait = "NHCTL_DEBUG_WAIT" // "1": wait for a client
)

// prepare writes the language's hooks, and returns the environment in which processes load them.
func (s *server) prepare(dir string) ([]string, error) {
	for path, hook := range s.files {
		text, err := hooks.ReadFile("hooks/" + hook)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat("/bin/sh"); err != nil && strings.HasSuffix(hook, ".sh") {
			continue // an image without a shell runs its program alone
		}
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, text, 0o755); err != nil {
			return nil, err
		}
	}
	env := append(os.Environ(), envDir+"="+dir, envHost+"="+s.hosts.program.String(), envTool+"="+s.hosts.tool.String())
	if s.wait {
		env = append(env, envWait+"=1")
	}
	for key, value := range s.variables(s, dir) {
		env = append(env, key+"="+value)
	}
	return env, nil
}

// joined puts a value before what a variable has already.
func joined(value, separator, variable string) string {
	if have := os.Getenv(variable); have != "" {
		return value + separator + have
	}
	return value
}

func nodeVariables(_ *server, dir string) map[string]string {
	// Without the option each process would print an address that is not the one for clients.
	hook := "--inspect-publish-uid=http --require " + filepath.Join(dir, "hook.cjs")
	return map[string]string{"NODE_OPTIONS": joined(hook, " ", "NODE_OPTIONS"),
		"PATH": joined(filepath.Join(dir, "bin"), ":", "PATH")}
}

func pythonVariables(_ *server, dir string) map[string]string {
	return map[string]string{"PYTHONPATH": joined(dir, ":", "PYTHONPATH"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
}

// javaVariables have every JVM open its debug port. debug=false keeps Quarkus' dev mode from opening a second one in
// the same JVM.
func javaVariables(s *server, _ string) map[string]string {
	suspend := map[bool]string{true: "y", false: "n"}[s.wait]
	agent := fmt.Sprintf("-agentlib:jdwp=transport=dt_socket,server=y,quiet=y,suspend=%s,address=%s:0 -Ddebug=false",
		suspend, s.hosts.program)
	return map[string]string{"JAVA_TOOL_OPTIONS": joined(agent, " ", "JAVA_TOOL_OPTIONS")}
}

func goVariables(_ *server, dir string) map[string]string {
	return map[string]string{"PATH": joined(filepath.Join(dir, "bin"), ":", "PATH")}
}

// newest orders by the age of processes: the child of a reloader is younger than the one that it replaces.
func newest(all []target) []target {
	return slices.SortedStableFunc(slices.Values(all),
		func(a, b target) int { return cmp.Compare(b.started, a.started) })
}

// programFirst has programs before tools, the newest first, and of tools the oldest, since they are workers that the
// others start.
func programFirst(all []target) []target {
	var programs, tools []target
	for _, t := range newest(all) {
		if t.address.Addr().As4()[3]%2 == 1 {
			programs = append(programs, t)
		} else {
			tools = append(tools, t)
		}
	}
	slices.Reverse(tools)
	return append(programs, tools...)
}

// applications leaves out the JVMs of build tools.
func applications(all []target) []target {
	return newest(slices.DeleteFunc(slices.Clone(all), func(t target) bool { return launches(t.argv) }))
}
