// Package event has the typed events that domain code emits while it works, and that the command line prints as
// progress or as JSON lines. Fields are only ever added. It knows nothing of printing or transport.
package event

import (
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Version is the value of Event.V.
const Version = 1

// Type is the dotted name of a kind of event.
type Type string

// The types.
const (
	Step       Type = "step"          // a step of a long job began, ended or failed: Event.Step
	Notice     Type = "notice"        // something the user should know: Message
	SyncState  Type = "sync.state"    // the state of file sync changed, or made progress: Event.Sync
	Conflict   Type = "sync.conflict" // both sides changed a file at once: Event.Conflict
	LinkState  Type = "link.state"    // the carrier came up or went down: Event.Link
	ForwardUp  Type = "forward.up"    // a local port is open: Event.Forward
	ForwardErr Type = "forward.error" // a local port could not be opened: Event.Forward
	Log        Type = "log"           // a line of a command's output: Event.Log
	Command    Type = "command"       // a build, run or debug command started: Event.Command
	Result     Type = "result"        // the last event of a job that succeeded: Event.Result
	Error      Type = "error"         // the last event of a job that failed: Event.Error
)

// Event is one thing that happened. Exactly the field that belongs to its type is set.
type Event struct {
	V       int       `json:"v"`
	Type    Type      `json:"type"`
	Time    time.Time `json:"time"`
	Session string    `json:"session,omitempty"`
	Message string    `json:"message,omitempty"`

	Step     *StepData     `json:"step,omitempty"`
	Sync     *SyncData     `json:"sync,omitempty"`
	Conflict *ConflictData `json:"conflict,omitempty"`
	Link     *LinkData     `json:"link,omitempty"`
	Forward  *ForwardData  `json:"forward,omitempty"`
	Log      *LogData      `json:"log,omitempty"`
	Command  *CommandData  `json:"command,omitempty"`
	Result   any           `json:"result,omitempty"`
	Error    *ErrorData    `json:"error,omitempty"`
}

// StepData is one step of a long job, such as "create twin".
type StepData struct {
	Name  string    `json:"name"`
	State StepState `json:"state"`
	// Detail says what the step is waiting for, or what it did.
	Detail string `json:"detail,omitempty"`
	// Seconds is how long the step took, at its end.
	Seconds float64 `json:"seconds,omitempty"`
}

// StepState is where a step stands.
type StepState string

// The states of a step.
const (
	StepStarted StepState = "started"
	StepWaiting StepState = "waiting"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
	StepUndone  StepState = "undone"
)

// SyncData is the state of one synced folder.
type SyncData struct {
	Folder string `json:"folder,omitempty"`
	// State is idle, scanning, syncing, paused, held (a mass deletion waits for a decision), disconnected or error.
	State       string  `json:"state"`
	Files       int     `json:"files"`       // in the folder
	Bytes       int64   `json:"bytes"`       // in the folder
	FilesToGo   int     `json:"filesToGo"`   // to the container
	BytesToGo   int64   `json:"bytesToGo"`   // to the container
	FilesToCome int     `json:"filesToCome"` // from the container
	BytesToCome int64   `json:"bytesToCome"` // from the container
	Rate        float64 `json:"rate"`        // bytes a second
	// Remaining is the estimated time left, in seconds; 0 when unknown or done.
	Remaining float64           `json:"remaining,omitempty"`
	Errors    map[string]string `json:"errors,omitempty"` // reason by path
	// Conflicts is the number of files that both sides changed, and no one has decided about.
	Conflicts int `json:"conflicts,omitempty"`
	// ConflictPaths are those files, newest first; at most 100.
	ConflictPaths []string `json:"conflictPaths,omitempty"`
	// Full are the sides whose disk has no room for what it lacks. Sync tries again by itself.
	Full []FullData `json:"full,omitempty"`
	// Held is a mass deletion that waits for a decision.
	Held *HeldData `json:"held,omitempty"`
	// Remedies are the calls that end the pause, or decide what waits for a decision: Held and the conflicts.
	Remedies []problem.Remedy `json:"remedies,omitempty"`
	// Syncing are some of the paths that are on their way, in either direction.
	Syncing []string `json:"syncing,omitempty"`
	// LastSave is the last change made here that the container has.
	LastSave *SaveData `json:"lastSave,omitempty"`
	// NotCarried are files that don't arrive as they are, such as FIFOs and hard links, with the reason.
	NotCarried map[string]string `json:"notCarried,omitempty"`
	// Mounts are what the container has mounted below the folder, which is no part of sync: the source by path.
	Mounts map[string]string `json:"mounts,omitempty"`
}

// SaveData is a change that the other side has.
type SaveData struct {
	Path string    `json:"path"` // of several, the last
	Time time.Time `json:"time"` // when it was saved
	// Seconds passed until the container had confirmed it: a little more than until it was visible there.
	Seconds float64 `json:"seconds"`
}

// ConflictData is a file that both sides changed before they heard of each other.
type ConflictData struct {
	Folder string    `json:"folder"`
	Path   string    `json:"path"`
	Lost   string    `json:"lost"` // whose content is kept, and not in place: local, remote
	Time   time.Time `json:"time"`
	// Remedies are the calls that decide this conflict.
	Remedies []problem.Remedy `json:"remedies,omitempty"`
}

// The sides of sync.
const (
	Here  = "local"
	InPod = "remote"
)

// FullData is a disk without room.
type FullData struct {
	Side   string `json:"side"`            // local, remote
	Folder string `json:"folder"`          // there
	Files  int    `json:"files"`           // that have found no room
	Needed int64  `json:"needed"`          // bytes that the side lacks
	Free   int64  `json:"free"`            // bytes that are free there; negative where the system does not say
	Quota  bool   `json:"quota,omitempty"` // it is the user's share that is used up
}

// HeldData is a batch of deletions that sync stopped for.
type HeldData struct {
	Side  string   `json:"side"`  // where it was deleted: local, remote
	Files int      `json:"files"` // that are gone there
	Of    int      `json:"of"`    // that there were
	Paths []string `json:"paths"` // of them; at most 100
}

// LinkData is the state of the carrier to the sidecar.
type LinkData struct {
	State  string `json:"state"` // connecting, up, down, stopped
	Pod    string `json:"pod,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ForwardData is one forwarded port.
type ForwardData struct {
	Local  int    `json:"local"`
	Remote int    `json:"remote"`
	State  string `json:"state"` // listening, waiting, failed
	Reason string `json:"reason,omitempty"`
}

// LogData is one line of a command's output.
type LogData struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"` // stdout, stderr, nhctl; of a workload's pods also event
	Text   string    `json:"text"`
	// Command is what printed it: build, run, debug.
	Command string `json:"command,omitempty"`
	// Pod and Container are what printed it, where that is a workload's pods.
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
}

// CommandData is the state of a supervised command.
type CommandData struct {
	Name string `json:"name"` // build, run, debug
	// Container is where it runs, where several are in dev mode.
	Container string   `json:"container,omitempty"`
	State     string   `json:"state"` // running, exited, none
	Argv      []string `json:"argv,omitempty"`
	// PID is that inside the dev container.
	PID       int        `json:"pid,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Finished  *time.Time `json:"finished,omitempty"`
	ExitCode  *int       `json:"exitCode,omitempty"`
	Signal    string     `json:"signal,omitempty"`
	OOMKilled bool       `json:"oomKilled,omitempty"`
	// MemoryLimit is that of the container in bytes, 0 for none.
	MemoryLimit int64 `json:"memoryLimit,omitempty"`
	// HotReload says that a change of the sources starts it again; Reloads counts how often that happened.
	HotReload bool `json:"hotReload,omitempty"`
	Reloads   int  `json:"reloads,omitempty"`
}

// ErrorData is a problem.Error on the wire.
type ErrorData struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Question is what the user decides before nhctl goes on, Remedies are other ways out.
	Question *problem.Question `json:"question,omitempty"`
	Remedies []problem.Remedy  `json:"remedies,omitempty"`
}
