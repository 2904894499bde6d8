// Package supervise is PID 1 of a dev container: it starts and stops the build, run and debug commands, starts the
// latter two again when their sources change, keeps their output, reaps what is left to it, and talks HTTP on a Unix
// socket. The package has the client too. It works on any image, with a read-only root, as any user, and knows nothing
// of sync or Kubernetes.
package supervise

import (
	"errors"
	"time"
)

// The names of the commands. Run and Debug are the service, and exclude each other.
const (
	Build = "build"
	Run   = "run"
	Debug = "debug"
)

// State is where a command stands.
type State string

// The states of a command.
const (
	StateNone    State = "none"
	StateRunning State = "running"
	StateExited  State = "exited"
)

// Status is what is known of a command.
type Status struct {
	Name     string     `json:"name"`
	State    State      `json:"state"`
	Argv     []string   `json:"argv,omitempty"`
	PID      int        `json:"pid,omitempty"`
	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	// ExitCode is that of the process; unset while it runs or when a signal ended it.
	ExitCode *int   `json:"exitCode,omitempty"`
	Signal   string `json:"signal,omitempty"`
	// OOMKilled says that the kernel killed the command, or a child such as a compiler, for lack of memory.
	OOMKilled bool `json:"oomKilled,omitempty"`
	// MemoryLimit is the container's, in bytes; 0 for none.
	MemoryLimit int64 `json:"memoryLimit,omitempty"`
	// Own, Args, Env, TTY and Wait are the Spec's.
	Own  bool              `json:"own,omitempty"`
	Args []string          `json:"args,omitempty"`
	Env  map[string]string `json:"env,omitempty"`
	TTY  bool              `json:"tty,omitempty"`
	Wait bool              `json:"wait,omitempty"`
	// HotReload says that a change of the sources starts the command again; Reloads counts how often that happened.
	HotReload bool `json:"hotReload,omitempty"`
	Reloads   int  `json:"reloads,omitempty"`
	// Held says that the debugger holds a program that was started again until a client has set its breakpoints.
	Held bool `json:"held,omitempty"`
}

// Spec says what to run.
type Spec struct {
	Argv []string `json:"argv"`
	// Env is added to the supervisor's own environment, which is that of the container.
	Env map[string]string `json:"env,omitempty"`
	// Dir is the working folder; empty means the supervisor's.
	Dir string `json:"dir,omitempty"`
	// Refuse says that a running command stays, and the call fails.
	Refuse bool `json:"refuse,omitempty"`
	// TTY gives the command a terminal; no one types in it.
	TTY bool `json:"tty,omitempty"`
	// Own says that the user named the command, instead of the config.
	Own bool `json:"own,omitempty"`
	// Args are those in Argv that the user has added to the config's command, kept for whoever starts it again.
	Args []string `json:"args,omitempty"`
	// Wait says that the command's debugger holds the program before its first line, kept for whoever starts it again.
	Wait bool `json:"wait,omitempty"`
	// Sources is the time since when changes are not in what the command runs; empty means the start.
	Sources *time.Time `json:"sources,omitempty"`
	// Reload says how the command is started again after a change; without it, changes mean nothing.
	Reload *Reload `json:"reload,omitempty"`
}

// Reload is how run or debug is started again.
type Reload struct {
	// Build comes first; while it fails, the old process goes on, or with StopOnFailure is stopped.
	Build         []string `json:"build,omitempty"`
	StopOnFailure bool     `json:"stopOnFailure,omitempty"`
	Argv          []string `json:"argv"`
	// Held is what comes in the place of Argv while clients of the debugger follow the command who come back.
	Held *Held `json:"held,omitempty"`
}

// Held is a start in which delve holds the program before its first line until a client lets it go on.
type Held struct {
	Argv []string `json:"argv"`
	// Port is the one that delve listens on.
	Port int `json:"port"`
}

// Change tells of changed sources.
type Change struct {
	// Time is that of the last change.
	Time time.Time `json:"time"`
}

// ErrRunning says that the command runs already.
var ErrRunning = errors.New("the command runs already")
