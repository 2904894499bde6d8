package folders

import (
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// decision is a way out that a client can offer: an action of sync, without its caller and target.
type decision struct {
	Title  string         `json:"-"`
	Action rpc.SyncAction `json:"action"`
	Side   string         `json:"side,omitempty"`
}

// whenHeld are the ways out of a mass deletion that waits, whenPaused that of a pause, whenInConflict those of a
// conflict.
func whenHeld() []decision {
	return []decision{
		{Title: "delete on the other side too", Action: rpc.SyncAccept},
		{Title: "restore the files", Action: rpc.SyncRestore},
	}
}

func whenPaused() []decision { return []decision{{Title: "go on with sync", Action: rpc.SyncResume}} }

func whenInConflict() []decision {
	return []decision{
		{Title: "take this computer's content", Action: rpc.SyncResolve, Side: event.Here},
		{Title: "take the container's content", Action: rpc.SyncResolve, Side: event.InPod},
		{Title: "leave it as it is now", Action: rpc.SyncResolve},
	}
}

// ExplainStop makes a problem of what only the user can decide.
func ExplainStop(err error) error {
	var p *problem.Error
	var ways []decision
	switch {
	case errors.Is(err, filesync.ErrHeld):
		p = problem.New(problem.SyncBlocked, "%w", err).
			WithHint("delete on the other side too: nhctl dev sync accept\nrestore the files: nhctl dev sync restore")
		ways = whenHeld()
	case errors.Is(err, filesync.ErrPaused):
		p = problem.New(problem.SyncBlocked, "%w", err).WithHint("go on with: nhctl dev sync resume")
		ways = whenPaused()
	default:
		return err
	}
	for _, d := range ways { // on all of the folders that the failed call was about
		p = p.WithRemedy(remedy(d.Title, failed{Path: "", decision: d}))
	}
	return p
}

// failed is what a remedy lays over the parameters of the call that failed.
type failed struct {
	Path string `json:"path"`
	decision
}

// whole are a remedy's parameters where no call failed.
type whole struct {
	Session   string `json:"session"`
	Container string `json:"container,omitempty"`
	Path      string `json:"path"`
	decision
}

// waiting are the ways out of what waits for the user in a folder.
func (f *Folder) waiting(d event.SyncData) []problem.Remedy {
	var all []problem.Remedy
	switch {
	case d.Held != nil: // a path would bring back versions of what is below it
		all = f.remedies("", whenHeld())
	case d.State == filesync.StatePaused:
		all = f.remedies(f.Root, whenPaused())
	}
	if d.Conflicts > 0 {
		all = append(all, f.remedies(f.Root, whenInConflict())...)
	}
	return all
}

// remedies are decisions about a path of the folder; "" means all folders of its container.
func (f *Folder) remedies(path string, ways []decision) (all []problem.Remedy) {
	for _, d := range ways {
		all = append(all, remedy(d.Title, whole{
			Session:   f.Session.ID(),
			Container: f.Container,
			Path:      path,
			decision:  d,
		}))
	}
	return all
}

// deciding are the ways out of a conflict about a path with slashes. The pod may have named it: none is about anything
// but one path below the folder.
func (f *Folder) deciding(path string) []problem.Remedy {
	path = filepath.FromSlash(path)
	if !filepath.IsLocal(path) || filepath.Clean(path) == "." {
		return nil
	}
	return f.remedies(filepath.Join(f.Root, path), whenInConflict())
}

func remedy(title string, params any) problem.Remedy {
	text, _ := json.Marshal(params) // texts
	return problem.Remedy{Title: title, Method: rpc.MethodSyncDo, Params: text}
}
