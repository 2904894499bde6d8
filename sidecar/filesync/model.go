package filesync

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Side is an end of the sync.
type Side string

// The sides.
const (
	Local  Side = "local"  // the developer's computer
	Remote Side = "remote" // the pod
)

func (s Side) peer() Side {
	if s == Local {
		return Remote
	}
	return Local
}

// device is an end's id. The carrier has authenticated the other end; syncthing only needs two names.
func device(folder string, side Side) protocol.DeviceID {
	return protocol.NewDeviceID([]byte("nhctl/" + folder + "/" + string(side)))
}

// configuration is syncthing's, with everything off that needs a network or a home folder.
func configuration(c Config, kind config.FilesystemType) config.Configuration {
	me, peer := device(c.FolderID, c.Side), device(c.FolderID, c.Side.peer())
	cfg := config.New(me)
	o := &cfg.Options
	o.GlobalAnnEnabled, o.LocalAnnEnabled, o.RelaysEnabled, o.NATEnabled = false, false, false, false
	o.URAccepted, o.CREnabled, o.AutoUpgradeIntervalH, o.StartBrowser, o.SetLowPriority = -1, false, 0, false, false
	o.RawListenAddresses, o.ProgressUpdateIntervalS, o.CacheIgnoredFiles = nil, -1, true
	o.MinHomeDiskFree = config.Size{}
	cfg.GUI.Enabled = false
	cfg.Devices = []config.DeviceConfiguration{
		{DeviceID: me, Name: string(c.Side), Compression: config.CompressionNever},
		{DeviceID: peer, Name: string(c.Side.peer()), Compression: config.CompressionNever},
	}
	cfg.Folders = []config.FolderConfiguration{folder(c, kind)}
	return cfg
}

func folder(c Config, kind config.FilesystemType) config.FolderConfiguration {
	return config.FolderConfiguration{
		ID: c.FolderID, FilesystemType: kind, Path: c.Root, Type: folderType(c.Side, c.Settings.Type),
		Devices: []config.FolderDeviceConfiguration{
			{DeviceID: device(c.FolderID, Local)}, {DeviceID: device(c.FolderID, Remote)},
		},
		MarkerName:            marker,
		FSWatcherEnabled:      false, // its delay has whole seconds; the watcher here feeds scans instead
		RescanIntervalS:       0,
		AutoNormalize:         true,
		PullerPauseS:          1,
		MaxConflicts:          -1, // 0 would delete the loser of a conflict
		ScanProgressIntervalS: -1,
		DisableTempIndexes:    true,
		MaxConcurrentWrites:   16,
		DisableFsync:          c.Side == Remote, // a pod's volume lives no longer than the pod
		CaseSensitiveFS:       runtime.GOOS == "linux",
		CopyRangeMethod:       config.CopyRangeMethodStandard,
		Hashers:               runtime.NumCPU(),
	}
}

func folderType(side Side, t Type) config.FolderType {
	sends, receives := t.Sends(), t.Receives()
	if side == Remote {
		sends, receives = receives, sends
	}
	switch {
	case sends && receives:
		return config.FolderTypeSendReceive
	case sends:
		return config.FolderTypeSendOnly
	default:
		return config.FolderTypeReceiveOnly
	}
}

// streamInfo describes a connection to syncthing.
type streamInfo struct{ id string }

func (i streamInfo) Type() string             { return "carrier" }
func (i streamInfo) Transport() string        { return "carrier" }
func (i streamInfo) IsLocal() bool            { return true }
func (i streamInfo) RemoteAddr() net.Addr     { return &net.UnixAddr{Name: "carrier", Net: "unix"} }
func (i streamInfo) Priority() int            { return 10 }
func (i streamInfo) String() string           { return "carrier " + i.id }
func (i streamInfo) Crypto() string           { return "carrier" }
func (i streamInfo) EstablishedAt() time.Time { return time.Time{} }
func (i streamInfo) ConnectionID() string     { return i.id }

// connect hands a stream to the model; the connection is closed by the caller.
func (e *Engine) connect(stream io.ReadWriteCloser) protocol.Connection {
	e.connections++
	info := streamInfo{id: fmt.Sprintf("%s-%d", e.config.Side, e.connections)}
	conn := protocol.NewConnection(e.peer, stream, stream, stream, e.model, info, protocol.CompressionNever, e.keys)
	e.model.AddConnection(conn, protocol.Hello{DeviceName: string(e.config.Side.peer()), ClientName: "nhctl", ClientVersion: "v1", Timestamp: time.Now().UnixNano()})
	return conn
}
