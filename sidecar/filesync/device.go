package filesync

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// The files in the state that say which index this is, and which one it was joined with last.
const (
	instanceFile = "instance"
	peerFile     = "peer"
)

// device is the id of an index. The carrier has authenticated the other end; syncthing needs a name for each index that there ever
// was: it orders changes by who made them and by a count that begins with the time of day. A pod that came back empty begins to
// count anew: under the old name its changes would pass for others that were made before, or at the same time.
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

// identifyIndex reads which index this is, and which one it was joined with.
func (e *Engine) identifyIndex() error {
	file := filepath.Join(e.config.StateDir, instanceFile)
	name, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		name = []byte(rand.Text())
		err = os.WriteFile(file, name, 0o600)
	}
	if err != nil {
		return fmt.Errorf("name the index: %w", err)
	}
	known, err := os.ReadFile(filepath.Join(e.config.StateDir, peerFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read which index this one was joined with: %w", err)
	}
	e.instance = string(name)
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
