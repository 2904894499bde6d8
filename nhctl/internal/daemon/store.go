package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
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
	// Paused are the ids of the folders whose sync rests until it is resumed.
	Paused []string `json:"paused,omitempty"`
	// Config is the file that Dev comes from, with Profile laid over it; empty without one.
	Config  string        `json:"config,omitempty"`
	Profile string        `json:"profile,omitempty"`
	Section configSection `json:"section"`
	Dev     config.Dev    `json:"dev"`
	// Beside are the other containers in dev mode, as the record has them.
	Beside   []savedContainer `json:"beside,omitempty"`
	Forwards []rpc.PortPair   `json:"forwards,omitempty"`
	// Wishes are what is to run, by container.
	Wishes map[string]*wish `json:"wishes,omitempty"`
}

const savedFile = "session.json"

// save writes a session's state in one step.
func (p Paths) save(s saved) error {
	dir := p.session(s.Record.Session)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return replaceJSON(filepath.Join(dir, savedFile), s)
}

// replaceJSON writes a file in one step.
func replaceJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// load reads every saved session.
func (p Paths) load() ([]saved, error) {
	files, err := filepath.Glob(filepath.Join(p.sessions(), "*", savedFile))
	if err != nil {
		return nil, err
	}
	var all []saved
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var s saved
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, fmt.Errorf("read the saved session %s: %w", file, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (p Paths) remove(id string) error { return os.RemoveAll(p.session(id)) }
