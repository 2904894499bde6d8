package rpc

import (
	"encoding/json"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The methods between an editor and `nhctl ide`, in addition to those of the daemon. They are those of the Language
// Server Protocol, so that an editor's own client speaks them.
const (
	MethodBridgeInitialize = "initialize"      // nothing that matters -> BridgeInitialized
	MethodInitialized      = "initialized"     // notification of the editor
	MethodShutdown         = "shutdown"        // nothing -> nothing
	MethodExit             = "exit"            // notification of the editor
	MethodCancelRequest    = "$/cancelRequest" // notification of the editor: CancelRequest
	MethodProgress         = "$/progress"      // notification: Progress
)

// RequestCancelled is the JSON-RPC code of a call that its editor has cancelled, and that is undone.
const RequestCancelled = -32800

// BridgeInitialized introduces `nhctl ide` to an editor.
type BridgeInitialized struct {
	ServerInfo ServerInfo `json:"serverInfo"`
	// Build is this nhctl, Daemon the one that its daemon is of, which may be newer. Without a daemon, Problem says
	// why; nhctl goes on trying.
	Build        Build              `json:"build"`
	Daemon       *Build             `json:"daemon,omitempty"`
	Problem      *problem.Error     `json:"problem,omitempty"`
	Capabilities BridgeCapabilities `json:"capabilities"`
	// Socket and Log are the files of the daemon.
	Socket string `json:"socket"`
	Log    string `json:"log"`
	// OS and Arch are those of this computer, as Go names them: linux, darwin, windows; amd64, arm64.
	OS   string `json:"os"`
	Arch string `json:"arch"`
	// Dir is the folder of calls whose caller names none.
	Dir string `json:"dir"`
}

// ServerInfo is how an editor shows whom it talks to.
type ServerInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// BridgeCapabilities are what both can do beyond the first build of their protocol.
type BridgeCapabilities struct {
	Bridge []string `json:"bridge"`
	Daemon []string `json:"daemon"`
}

// ID is a text or a number of the editor's choice.
type ID struct{ json.RawMessage }

// CancelRequest asks to undo one call. The call is answered with RequestCancelled once that is done.
type CancelRequest struct {
	ID ID `json:"id"`
}

// Progress tells how far a call is whose parameters have a workDoneToken.
type Progress struct {
	Token ID            `json:"token"`
	Value ProgressValue `json:"value"`
}

// ProgressValue is a moment of a call.
type ProgressValue struct {
	Kind ProgressKind `json:"kind"`
	// Title says what is done, at the beginning.
	Title string `json:"title,omitempty"`
	// Cancellable says that the call can be cancelled.
	Cancellable bool `json:"cancellable,omitempty"`
	// Message is the step that the call is at, or how it ended.
	Message string `json:"message,omitempty"`
}

// ProgressKind is which part of a progress a value is.
type ProgressKind string

// The kinds of progress.
const (
	ProgressBegin  ProgressKind = "begin"
	ProgressReport ProgressKind = "report"
	ProgressEnd    ProgressKind = "end"
)
