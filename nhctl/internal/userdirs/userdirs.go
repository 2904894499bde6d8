// Package userdirs says where a user's nhctl keeps things on this computer. It knows nothing of what is in them.
package userdirs

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// Dirs are where a user's daemon keeps things.
type Dirs struct {
	// State survives a reboot: sessions, sync indexes, the log.
	State string
	// Cache has what can be made again. It may have files of others, too.
	Cache string
	// Socket is the daemon's.
	Socket string
}

// maxSocket is the longest path that a Unix socket may have on every system.
const maxSocket = 100

// New returns the places for a user's environment, and makes their folders, which are the user's alone.
func New(env map[string]string) (Dirs, error) {
	home := env["HOME"]
	if home == "" {
		home = env["USERPROFILE"]
	}
	state, cache := env["XDG_STATE_HOME"], env["XDG_CACHE_HOME"]
	switch {
	case state != "":
	case home == "":
		return Dirs{}, errors.New("no home folder: set HOME")
	case runtime.GOOS == "windows" && env["LOCALAPPDATA"] != "":
		state = env["LOCALAPPDATA"]
	case runtime.GOOS == "darwin":
		state = filepath.Join(home, "Library", "Application Support")
	default:
		state = filepath.Join(home, ".local", "state")
	}
	d := Dirs{State: filepath.Join(state, "nhctl")}
	switch {
	case cache != "":
		d.Cache = filepath.Join(cache, "nhctl")
	case home == "" || runtime.GOOS == "windows":
		d.Cache = filepath.Join(d.State, "cache")
	case runtime.GOOS == "darwin":
		d.Cache = filepath.Join(home, "Library", "Caches", "nhctl")
	default:
		d.Cache = filepath.Join(home, ".cache", "nhctl")
	}
	run := d.State
	if dir := env["XDG_RUNTIME_DIR"]; dir != "" {
		if private.Owned(dir) { // with sudo it is often another user's
			run = filepath.Join(dir, "nhctl")
		}
	}
	d.Socket = filepath.Join(run, "daemon.sock")
	if len(d.Socket) > maxSocket {
		return d, fmt.Errorf("the path of the daemon's socket is too long for a socket (%d bytes): %s; "+
			"set XDG_RUNTIME_DIR to a shorter folder", len(d.Socket), d.Socket)
	}
	for _, dir := range []string{d.State, d.Sessions(), run} {
		if err := private.Dir(dir); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Sessions has a folder for each session.
func (d Dirs) Sessions() string { return filepath.Join(d.State, "sessions") }

// Log is the daemon's log file. Once it has grown, it is renamed to one with the time in its name, which Logs finds.
func (d Dirs) Log() string { return filepath.Join(d.State, "daemon.log") }

// Logs are the daemon's log files, those that were renamed included.
func (d Dirs) Logs() []string {
	renamed, _ := filepath.Glob(filepath.Join(d.State, "daemon-*.log")) // the pattern is valid
	return append(renamed, d.Log())
}

// Output is the file of what the daemon prints outside its log: why it did not come up, or how it crashed.
func (d Dirs) Output() string { return filepath.Join(d.State, "daemon.out") }

// Trust has a file for each config that the user trusts.
func (d Dirs) Trust() string { return filepath.Join(d.State, "trust") }

// Tools has programs for pods.
func (d Dirs) Tools() string { return filepath.Join(d.Cache, "tools") }

// History is the file of the sessions that have ended.
func (d Dirs) History() string { return filepath.Join(d.State, "history.json") }

// Lock is the file whose lock the user's one daemon holds.
func (d Dirs) Lock() string { return filepath.Join(d.State, "daemon.lock") }

// Session is the folder of one session: its saved state, and the local sync index.
func (d Dirs) Session(id string) string { return folderOf(d.Sessions(), id) }

// Kept is where files are kept that a session's sync would have lost. It outlives the session.
func (d Dirs) Kept(id string) string { return folderOf(d.AllKept(), id) }

// folderOf is the folder of a session in one that has a folder for each. Ids come from the cluster too: a text that is
// none never leads elsewhere.
func folderOf(dir, id string) string {
	if !record.ValidID(id) || !filepath.IsLocal(id) {
		id = "none"
	}
	return filepath.Join(dir, id)
}

// AllKept has a folder for each session that has kept something.
func (d Dirs) AllKept() string { return filepath.Join(d.State, "kept") }

// Borrowed is the pattern of the directories with the indexes of sessions that are ended from here.
const Borrowed = "borrowed-*"
