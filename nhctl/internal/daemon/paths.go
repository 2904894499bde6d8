// Package daemon owns a developer's live sessions: it keeps carriers, sync and forwarded ports up after the terminal is closed, and
// takes its sessions up again after a crash. The command line and plugins are its clients, by JSON-RPC on a Unix socket.
package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
)

// Paths are where a user's daemon keeps things.
type Paths struct {
	// State survives a reboot: sessions, sync indexes, the log.
	State string
	// Socket is the daemon's.
	Socket string
}

// maxSocket is the longest path that a Unix socket may have on every system.
const maxSocket = 100

// NewPaths returns the places for a user's environment, and makes their folders, which are the user's alone.
func NewPaths(env map[string]string) (Paths, error) {
	home := env["HOME"]
	if home == "" {
		home = env["USERPROFILE"]
	}
	state := env["XDG_STATE_HOME"]
	switch {
	case state != "":
	case home == "":
		return Paths{}, errors.New("no home folder: set HOME")
	case runtime.GOOS == "windows" && env["LOCALAPPDATA"] != "":
		state = env["LOCALAPPDATA"]
	case runtime.GOOS == "darwin":
		state = filepath.Join(home, "Library", "Application Support")
	default:
		state = filepath.Join(home, ".local", "state")
	}
	p := Paths{State: filepath.Join(state, "nhctl")}
	run := p.State
	if dir := env["XDG_RUNTIME_DIR"]; dir != "" {
		if private.Owned(dir) { // with sudo it is often another user's
			run = filepath.Join(dir, "nhctl")
		}
	}
	p.Socket = filepath.Join(run, "daemon.sock")
	if len(p.Socket) > maxSocket {
		return p, fmt.Errorf("the path of the daemon's socket is too long for a socket (%d bytes): %s; set XDG_RUNTIME_DIR to a shorter folder", len(p.Socket), p.Socket)
	}
	for _, dir := range []string{p.State, p.sessions(), run} {
		if err := private.Dir(dir); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p Paths) sessions() string { return filepath.Join(p.State, "sessions") }

// Log is the daemon's log file.
func (p Paths) Log() string { return filepath.Join(p.State, "daemon.log") }

// Trust is where it is kept which configs the user trusts.
func (p Paths) Trust() trust.Store { return trust.Store{Dir: filepath.Join(p.State, "trust")} }

func (p Paths) lock() string { return filepath.Join(p.State, "daemon.lock") }

// session is the folder of one session: its saved state, and the local sync index.
func (p Paths) session(id string) string { return folderOf(p.sessions(), id) }

// kept is where files are kept that a session's sync would have lost. It outlives the session.
func (p Paths) kept(id string) string { return folderOf(p.allKept(), id) }

// folderOf is the folder of a session in one that has a folder for each. Ids come from the cluster too: a text that is none never leads
// elsewhere.
func folderOf(dir, id string) string {
	if !record.ValidID(id) || !filepath.IsLocal(id) {
		id = "none"
	}
	return filepath.Join(dir, id)
}

func (p Paths) allKept() string { return filepath.Join(p.State, "kept") }
