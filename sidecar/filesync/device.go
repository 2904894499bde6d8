package filesync

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/document"
)

// The files in the state that say which index this is, and which one it was joined with last.
const (
	identityFile = "identity.json"
	peerFile     = "peer"
)

// identity is the document that names an index. Its version is that of all files in the state.
type identity struct {
	document.Head
	Instance string `json:"instance"`
}

// stateHead is the head that this build writes.
var stateHead = document.Head{Kind: "sync-state", Version: 1}

// identify reads the name of the index in a state, and gives a new one a name. It leaves a state of a newer version
// alone.
func identify(dir string) (string, error) {
	file := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		i := identity{Head: stateHead, Instance: rand.Text()}
		if text, err = json.Marshal(i); err == nil {
			err = os.WriteFile(file+".new", text, 0o600)
		}
		return i.Instance, errors.Join(err, os.Rename(file+".new", file))
	}
	if err != nil {
		return "", err
	}
	var i identity
	err = document.Read(text, stateHead, &i)
	if err == nil && i.Instance == "" {
		err = errors.New("it names no index")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w; use the version of nhctl that wrote it, or remove %s: sync then compares all "+
			"files again", file, err, dir)
	}
	return i.Instance, nil
}

// device is the id of an index. The carrier has authenticated the other end; syncthing needs a name for each index that
// there ever was: it orders changes by who made them and by a count that begins with the time of day. A pod that came
// back empty begins to count again from there: under the old name its changes would pass for others that were made
// before, or at the same time.
func device(folder string, side Side, instance string) protocol.DeviceID {
	return protocol.NewDeviceID([]byte("nhctl/" + folder + "/" + string(side) + "/" + instance))
}

// devices are those of the configuration.
func (e *Engine) devices(peer protocol.DeviceID) []config.DeviceConfiguration {
	return []config.DeviceConfiguration{
		{DeviceID: e.me, Name: string(e.config.Side), Compression: config.CompressionNever},
		{DeviceID: peer, Name: string(e.config.Side.peer()), Compression: config.CompressionNever},
	}
}

func (e *Engine) folderDevices(peer protocol.DeviceID) []config.FolderDeviceConfiguration {
	return []config.FolderDeviceConfiguration{{DeviceID: e.me}, {DeviceID: peer}}
}

// Instance names the index: a folder whose index is lost gets another.
func (e *Engine) Instance() string { return e.instance }

// peer is the id of the other end's index, as it was when the two last met.
func (e *Engine) peer() protocol.DeviceID { return *e.peerID.Load() }

// identifyIndex says which index this is, and reads which one it was joined with.
func (e *Engine) identifyIndex(instance string) error {
	known, err := os.ReadFile(filepath.Join(e.config.StateDir, peerFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read which index this one was joined with: %w", err)
	}
	e.instance = instance
	e.me = device(e.config.FolderID, e.config.Side, e.instance)
	peer := device(e.config.FolderID, e.config.Side.peer(), string(known))
	e.peerID.Store(&peer)
	return nil
}

// meet makes an index the one that this one is joined with.
func (e *Engine) meet(instance string) error {
	id := device(e.config.FolderID, e.config.Side.peer(), instance)
	if id == e.peer() {
		return nil
	}
	e.restarting.Lock()
	defer e.restarting.Unlock()
	waiter, err := e.wrap.Modify(func(c *config.Configuration) {
		c.Devices, c.Folders[0].Devices = e.devices(id), e.folderDevices(id)
	})
	if err != nil {
		return fmt.Errorf("take up another index: %w", err)
	}
	waiter.Wait()
	e.peerID.Store(&id)
	return os.WriteFile(filepath.Join(e.config.StateDir, peerFile), []byte(instance), 0o600)
}
