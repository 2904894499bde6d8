package dap

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Place is where a session is found from. Empty fields mean those of the client's own process.
type Place struct {
	Folder, Kubeconfig, Context, Namespace string
}

// Arguments are those of the requests launch and attach. None is required: without any, the config of the folder says
// what there is to debug.
type Arguments struct {
	// Folder has the sources and their .dev/config.yaml. Default: the editor's working folder.
	Folder string `json:"folder,omitempty"`
	// Workload is the one to debug, such as deploy/web or web. Default: the one that the config of the folder names.
	Workload string `json:"workload,omitempty"`
	// Container is the one in dev mode, where the workload has several. Default: the first.
	Container string `json:"container,omitempty"`
	// Session is the id of a session, where the workload alone is ambiguous.
	Session string `json:"session,omitempty"`
	// Namespace is that of the workload. Default: the context's.
	Namespace string `json:"namespace,omitempty"`
	// Context is one of the kubeconfig's. Default: the current one.
	Context string `json:"context,omitempty"`
	// Kubeconfig is the file that leads to the cluster. Default: kubectl's.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Start takes the workload into dev mode where it is not yet. Launch only.
	Start bool `json:"start,omitempty"`
	// Profile is the profile of the config to start with. Launch only.
	Profile string `json:"profile,omitempty"`
	// Args are further arguments of the config's run command. Launch only.
	Args []string `json:"args,omitempty"`
	// Env has further variables for the program. Launch only.
	Env map[string]string `json:"env,omitempty"`
	// Wait keeps the program before its first line until the breakpoints are set. Launch only.
	Wait bool `json:"wait,omitempty"`
	// NoDebug runs the program without its debugger. Launch only.
	NoDebug bool `json:"noDebug,omitempty"`
	// Test debugs tests instead of the program: FILE, or FILE:LINE for the one at a line. Launch only.
	Test string `json:"test,omitempty"`
	// Port is the debugger's on this computer. Default: the remote one's number, or a free one.
	Port int `json:"port,omitempty"`
	// Answers are those to the questions that a launch was refused with, by the questions' ids.
	Answers problem.Answers `json:"answers,omitempty"`
	// Debugger has further arguments for the language's own debugger, such as justMyCode for debugpy.
	Debugger map[string]json.RawMessage `json:"debugger,omitempty"`
}

// clients are arguments that clients send for themselves; names that begin with two underscores are, too.
func clients() []string {
	return []string{"adapter", "console", "cwd", "debugServer", "internalConsoleOptions", "label", "linux", "name",
		"osx", "postDebugTask", "preLaunchTask", "presentation", "request", "restart", "serverReadyAction",
		"suppressMultipleSessionWarning", "type", "windows"}
}

// Names are the names of the arguments, in their order.
func Names() (all []string) {
	for f := range fields() {
		all = append(all, f)
	}
	return all
}

// fields are the arguments' names and their types.
func fields() func(yield func(string, reflect.StructField) bool) {
	t := reflect.TypeFor[Arguments]()
	return func(yield func(string, reflect.StructField) bool) {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if !yield(name, t.Field(i)) {
				return
			}
		}
	}
}

// launchOnly are the arguments that attach does not take.
func launchOnly() []string {
	return []string{"start", "profile", "args", "env", "wait", "noDebug", "test"}
}

// parseArguments reads the arguments of launch or attach. One that is unknown, or of another type, fails with its name.
func parseArguments(command string, raw json.RawMessage) (Arguments, error) {
	var a Arguments
	var named map[string]json.RawMessage
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &named); err != nil {
			return a, problem.New(problem.Usage, "%s: the arguments are no object: %w", command, err)
		}
	}
	types := maps.Collect(fields())
	for _, name := range slices.Sorted(maps.Keys(named)) {
		field, known := types[name]
		switch {
		case !known && (strings.HasPrefix(name, "__") || slices.Contains(clients(), name)):
			continue
		case !known:
			return a, problem.New(problem.Usage, "%s: there is no argument %q%s", command, name,
				config.Suggestion(name, Names())).WithHint("it takes %s", strings.Join(Names(), ", "))
		case command == "attach" && slices.Contains(launchOnly(), name) && !empty(named[name]):
			return a, problem.New(problem.Usage, "attach: %q is an argument of launch", name).
				WithHint("leave it out, or set \"request\": \"launch\"")
		}
		v := reflect.ValueOf(&a).Elem().FieldByIndex(field.Index).Addr().Interface()
		if err := json.Unmarshal(named[name], v); err != nil {
			return a, problem.New(problem.Usage, "%s: the argument %q is to be %s", command, name, kind(field.Type))
		}
	}
	return a, a.check(command)
}

// empty says whether a value says nothing, as clients send for what was left out.
func empty(raw json.RawMessage) bool {
	return slices.Contains([]string{"null", "false", `""`, "[]", "{}", "0"}, string(raw))
}

// kind is a type in the words of JSON.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a number"
	case reflect.Slice:
		return "a list of texts"
	case reflect.Map:
		return "an object"
	}
	return "a text"
}

func (a Arguments) check(command string) error {
	if a.Port < 0 || a.Port > 65535 {
		return problem.New(problem.Usage, "%s: %d is no port", command, a.Port).WithHint("take one from 1 to 65535")
	}
	if a.Folder != "" && !filepath.IsAbs(a.Folder) && strings.Contains(a.Folder, "${") {
		return problem.New(problem.Usage, "%s: the editor has not replaced the variable in the folder %q", command,
			a.Folder).WithHint("write the folder's path")
	}
	if a.Test != "" {
		if _, err := rpc.ParseTest(a.Test); err != nil {
			return err
		}
		if a.NoDebug || len(a.Args) > 0 {
			return problem.New(problem.Usage, "%s: \"test\" goes with neither \"noDebug\" nor \"args\"", command).
				WithHint("run tests without a debugger by: nhctl dev test --at %s", a.Test)
		}
	}
	for name := range a.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return problem.New(problem.Usage, "%s: %q is no name of a variable", command, name)
		}
	}
	return nil
}

func (a Arguments) place() Place {
	return Place{Folder: a.Folder, Kubeconfig: a.Kubeconfig, Context: a.Context, Namespace: a.Namespace}
}

// target is the session that is meant, for a caller.
func (a Arguments) target(caller rpc.Caller) rpc.Target {
	return rpc.Target{
		Caller:    caller,
		Workload:  a.Workload,
		Session:   a.Session,
		Container: a.Container,
		Answers:   a.Answers,
	}
}

// start is the call that takes the workload into dev mode.
func (a Arguments) start(t rpc.Target) rpc.Start {
	return rpc.Start{Target: t, Profile: a.Profile}
}

// run is the call that starts the program, debug likewise under its debugger.
func (a Arguments) run(t rpc.Target) rpc.Run { return rpc.Run{Target: t, Args: a.Args, Env: a.Env} }

func (a Arguments) debug(t rpc.Target) rpc.Debug {
	call := rpc.Debug{Run: a.run(t), Wait: a.Wait, LocalPort: a.Port}
	if test, err := rpc.ParseTest(a.Test); err == nil && a.Test != "" {
		if !filepath.IsAbs(test.File) {
			test.File = filepath.Join(t.Caller.Dir, test.File)
		}
		call.Test = &test
	}
	return call
}

// join is the call that takes the debugger that runs.
func (a Arguments) join(t rpc.Target) rpc.Debug {
	return rpc.Debug{Run: rpc.Run{Target: t}, OnlyJoin: true, LocalPort: a.Port}
}

// forDebugger are the arguments that a debugger gets: the user's, and those that nhctl knows better.
func (a Arguments) forDebugger(ours any) (map[string]json.RawMessage, error) {
	all := maps.Clone(a.Debugger)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	data, err := json.Marshal(ours)
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("the debugger's arguments: %w", err)
	}
	return all, nil
}
