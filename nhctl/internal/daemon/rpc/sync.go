package rpc

import (
	"time"
)

// The methods about sync.
const (
	MethodSyncStatus   = "dev.sync.status"   // Target -> []event.SyncData
	MethodSyncWait     = "dev.sync.wait"     // SyncWait -> []event.SyncData
	MethodSyncDo       = "dev.sync.do"       // SyncDo -> SyncDone
	MethodSyncVersions = "dev.sync.versions" // SyncPath -> []SyncVersion
	MethodSyncContent  = "dev.sync.content"  // SyncKept -> SyncContent
	MethodSyncExplain  = "dev.sync.explain"  // SyncPath -> ignore.Reason
	MethodSyncFolder   = "dev.sync.folder"   // SyncFolder -> SyncDone
)

// SyncWait asks to wait until everything that was saved before is in the container.
type SyncWait struct {
	Target
	// Timeout limits the wait; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// SyncAction is what sync is to do.
type SyncAction string

// The actions.
const (
	SyncPause    SyncAction = "pause"
	SyncResume   SyncAction = "resume"
	SyncOverride SyncAction = "override" // this computer's content counts wherever the two sides differ
	SyncReset    SyncAction = "reset"    // forget the index, and compare again
	SyncAccept   SyncAction = "accept"   // let a mass deletion that waits travel
	SyncRestore  SyncAction = "restore"  // undo a mass deletion that waits; with a path, bring back its newest version
	SyncResolve  SyncAction = "resolve"  // decide conflicts
	// SyncFolderAction is what SyncFolder did.
	SyncFolderAction SyncAction = "folder"
)

// SyncDo asks for an action.
type SyncDo struct {
	Target
	Action SyncAction `json:"action"`
	// Path is relative to Caller.Dir, or absolute; empty means all.
	Path string `json:"path,omitempty"`
	// Side is whose content a conflict is decided for: local, remote, or empty for what is in place now. Of a Version
	// it is the one that keeps it.
	Side string `json:"side,omitempty"`
	// Version is the ID of the version of Path to restore; empty means the newest of each side.
	Version string `json:"version,omitempty"`
	// Yes says yes to the question whether to override, or to accept.
	Yes bool `json:"yes,omitempty"`
}

// SyncFolder asks to sync another folder of this computer.
type SyncFolder struct {
	Target
	Folder string `json:"folder"`
	// Of is the synced folder that it takes the place of; empty means the sources.
	Of string `json:"of,omitempty"`
}

// SyncDone is what an action did.
type SyncDone struct {
	Action  SyncAction `json:"action"`
	Folders []string   `json:"folders"`
	// Files is how many files it was about.
	Files int `json:"files"`
}

// SyncPath asks about a path.
type SyncPath struct {
	Target
	// Path is relative to Caller.Dir, or absolute; empty means all.
	Path string `json:"path,omitempty"`
	// Conflicts asks for open conflicts only.
	Conflicts bool `json:"conflicts,omitempty"`
}

// SyncVersion is a kept version of a file.
type SyncVersion struct {
	Folder string `json:"folder"`
	Side   string `json:"side"` // where it was, and is kept: local, remote
	// ID names the version on its side.
	ID string `json:"id"`
	// Path is that of the file in the folder, with slashes.
	Path   string    `json:"path"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`           // replaced, deleted, moved, conflict, first
	Target string    `json:"target,omitempty"` // of a link
	Bytes  int64     `json:"bytes"`
}

// SyncKept asks for the content of a kept version.
type SyncKept struct {
	Target
	// Path is that of the file: relative to Caller.Dir, or absolute.
	Path string `json:"path"`
	// Side keeps the version: local, remote.
	Side string `json:"side"`
	// Version is the version's ID.
	Version string `json:"version"`
}

// SyncContent is the content of a kept version.
type SyncContent struct {
	Content []byte `json:"content"`
}
