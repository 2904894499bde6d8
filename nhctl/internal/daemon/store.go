package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// saved is what a computer keeps of a session, so that a new daemon can take it up again. It holds the token, but nothing of the
// caller's environment: the next command brings its own.
type saved struct {
	Record devmode.Record `json:"record"`
	Token  []byte         `json:"token"`
	// Kubeconfig is the list of files, as $KUBECONFIG has it; Context is the one in use.
	Kubeconfig string            `json:"kubeconfig"`
	Context    string            `json:"context"`
	Settings   filesync.Settings `json:"settings"`
	// More are the settings of the record's other folders.
	More []filesync.Settings `json:"more,omitempty"`
	// Roots are the record's folders on this computer, in its order. No folder is synced because the cluster has it in a record.
	Roots []string `json:"roots"`
	// Mounts are what the dev containers have mounted below the folders, by the folders' ids.
	Mounts map[string]contract.Mounts `json:"mounts,omitempty"`
	// Paused are the ids of the folders whose sync rests until it is resumed.
	Paused []string `json:"paused,omitempty"`
	// Config is the file that Dev comes from, with Profile laid over it; empty without one.
	Config  string `json:"config,omitempty"`
	Profile string `json:"profile,omitempty"`
	// Variables are the names of the caller's variables that are in Dev.
	Variables []string `json:"variables,omitempty"`
	// Trusted is the hash of what the config asked of this computer at the start, and the user agreed to.
	Trusted string        `json:"trusted,omitempty"`
	Section configSection `json:"section"`
	Dev     config.Dev    `json:"dev"`
	// Beside are the other containers in dev mode, as the record has them.
	Beside   []savedContainer `json:"beside,omitempty"`
	Forwards []rpc.PortPair   `json:"forwards,omitempty"`
	// Asks is what Trusted is the hash of, while the session starts.
	Asks trust.Request `json:"-"`
	// Wishes are what is to run, by container.
	Wishes map[string]*wish `json:"wishes,omitempty"`
}

const (
	savedFile    = "session.json"
	savedVersion = 1
)

// save writes a session's state in one step.
func (p Paths) save(s saved) error {
	if !record.ValidID(s.Record.Session) {
		return fmt.Errorf("save a session: %q is no session's id", s.Record.Session)
	}
	return store.Write(filepath.Join(p.session(s.Record.Session), savedFile), savedVersion, s)
}

// keep changes what this computer has of the session, and writes it down before the next change is made: what is on disk is never older
// than a change that has returned.
func (s *session) keep(edit func(*saved)) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	edit(&s.saved)
	edited := s.saved
	s.mu.Unlock()
	return s.paths.save(edited)
}

// load reads every saved session. The error names those that can't be read; it hides no other.
func (p Paths) load() ([]saved, error) {
	files, err := filepath.Glob(filepath.Join(p.sessions(), "*", savedFile))
	if err != nil {
		return nil, err
	}
	var all []saved
	var failed []error
	for _, file := range files {
		s, err := loadFile(file)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // it has ended at this moment
				failed = append(failed, fmt.Errorf("saved session %s: %w", filepath.Base(filepath.Dir(file)), err))
			}
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(failed...)
}

// loadFile reads a saved session, which has the name of its folder.
func loadFile(file string) (s saved, err error) {
	if err := store.Read(file, savedVersion, &s); err != nil {
		return s, err
	}
	if err := s.Record.Check("it"); err != nil {
		return s, err
	}
	if id := filepath.Base(filepath.Dir(file)); id != s.Record.Session || len(s.Roots) != len(s.Record.Folders()) {
		return s, fmt.Errorf("it is of session %s with %d folders, in the folder of session %s with %d", s.Record.Session, len(s.Record.Folders()), id, len(s.Roots))
	}
	return s, nil
}

func (p Paths) remove(id string) error {
	if !record.ValidID(id) {
		return fmt.Errorf("remove a saved session: %q is no session's id", id)
	}
	return os.RemoveAll(p.session(id))
}
