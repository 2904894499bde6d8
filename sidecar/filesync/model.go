package filesync

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
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

// configuration is syncthing's, with everything off that needs a network or a home folder.
func (e *Engine) configuration(kind config.FilesystemType) config.Configuration {
	cfg := config.New(e.me)
	o := &cfg.Options
	o.GlobalAnnEnabled, o.LocalAnnEnabled, o.RelaysEnabled, o.NATEnabled = false, false, false, false
	o.URAccepted, o.CREnabled, o.AutoUpgradeIntervalH, o.StartBrowser, o.SetLowPriority = -1, false, 0, false, false
	o.RawListenAddresses, o.ProgressUpdateIntervalS, o.CacheIgnoredFiles = nil, -1, true
	o.MinHomeDiskFree = config.Size{}
	o.KeepTemporariesH = 24 * 365 // sweep removes ours; files of others may have such names
	cfg.GUI.Enabled = false
	cfg.Devices = e.devices(e.peer())
	cfg.Folders = []config.FolderConfiguration{folder(e.config, kind)}
	cfg.Folders[0].Devices = e.folderDevices(e.peer())
	return cfg
}

func folder(c Config, kind config.FilesystemType) config.FolderConfiguration {
	return config.FolderConfiguration{
		ID: c.FolderID, FilesystemType: kind, Path: c.Root, Type: folderType(c.Side, c.Settings.Type),
		Paused:                c.Paused,
		MarkerName:            folderfs.Marker,
		FSWatcherEnabled:      false, // its delay has whole seconds; the watcher here feeds scans instead
		RescanIntervalS:       0,
		AutoNormalize:         true,
		PullerPauseS:          1,
		MaxConflicts:          -1, // 0 would delete the loser of a conflict
		ScanProgressIntervalS: -1,
		DisableTempIndexes:    true,
		MaxConcurrentWrites:   16,
		DisableFsync:          c.Side == Remote, // a pod's volume lives no longer than the pod
		CaseSensitiveFS:       !c.foldsCase(c.Root),
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

// attached is a stream that the model has.
type attached struct {
	*eager
	gone chan struct{} // closed when the model has done with all that came by it
}

// close ends the stream. A newer one may only begin once the model has done with it: what came last would count as
// newer than what the newer one brings.
func (a *attached) close(reason error) {
	a.Close(reason)
	<-a.gone
}

// heard is the model, as a connection tells it what it hears.
type heard struct {
	protocol.Model
	conn *eager
	gone chan struct{}
}

// ClusterConfig has the model answer on the eager connection: it answers on the one that the peer's introduction came
// by.
func (f heard) ClusterConfig(_ protocol.Connection, config *protocol.ClusterConfig) error {
	return f.Model.ClusterConfig(f.conn, config)
}

// Request answers what an engine asks for: a block, by its hash. The model would make room for as many bytes as the
// peer names, and would read out a file without a hash to compare.
func (f heard) Request(conn protocol.Connection, req *protocol.Request) (protocol.RequestResponse, error) {
	if req.Size > protocol.MaxBlockSize || len(req.Hash) == 0 {
		return nil, protocol.ErrGeneric
	}
	return f.Model.Request(conn, req)
}

// Closed tells of the connection's end.
func (f heard) Closed(conn protocol.Connection, err error) {
	defer close(f.gone)
	f.Model.Closed(conn, err)
}

// connect hands a stream to the model; the connection is closed by the caller.
func (e *Engine) connect(stream io.ReadWriteCloser) *attached {
	e.connections++
	info := streamInfo{id: fmt.Sprintf("%s-%d", e.config.Side, e.connections)}
	gone, conn := make(chan struct{}), &eager{
		stream:   newFramed(stream),
		model:    e.model,
		me:       e.me.Short(),
		replaced: e.replaced,
	}
	conn.Connection = protocol.NewConnection(e.peer(), conn.stream, conn.stream, conn.stream,
		heard{e.model, conn, gone}, info, protocol.CompressionNever, e.keys)
	e.model.AddConnection(conn, protocol.Hello{
		DeviceName:    string(e.config.Side.peer()),
		ClientName:    "nhctl",
		ClientVersion: "v1",
		Timestamp:     time.Now().UnixNano(),
	})
	if config, ok := e.introduction(); ok {
		conn.introduce(config)
	}
	return &attached{conn, gone}
}

// introduction is what the model says first on a connection; none while the folder is paused.
func (e *Engine) introduction() (*protocol.ClusterConfig, bool) {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return nil, false
	}
	defer snapshot.Release()
	folder := protocol.Folder{ID: e.config.FolderID, DisableTempIndexes: true}
	for _, known := range e.devices(e.peer()) {
		d := protocol.Device{ID: known.DeviceID, Name: known.Name, Compression: protocol.CompressionNever}
		key := d.ID
		if d.ID == e.me {
			key = protocol.LocalDeviceID
		}
		d.IndexID, d.MaxSequence = e.ids.IndexID(key), snapshot.Sequence(key)
		folder.Devices = append(folder.Devices, d)
	}
	return &protocol.ClusterConfig{Folders: []protocol.Folder{folder}}, true
}

// eager is a connection that is used at once: the model rests for a second before it introduces itself on a new one.
type eager struct {
	protocol.Connection
	stream *framed
	model  protocol.Model
	me     protocol.ShortID
	// replaced says whether a file that was saved here is another one than the peer has.
	replaced func(f protocol.FileInfo) bool
	// came counts the blocks that were there before they were asked for, asked the others.
	came, asked atomic.Int64

	mu   sync.Mutex
	sent *protocol.ClusterConfig

	starting sync.Mutex // see Start
	order    sync.Mutex // one index update at a time
	last     int64      // the sequence number up to which the peer was told; 0 before the model has told anything
}

func (c *eager) introduce(config *protocol.ClusterConfig) {
	c.mu.Lock()
	c.sent = config
	c.mu.Unlock()
	c.Start()
	c.Connection.ClusterConfig(config, nil)
}

// Start starts the connection, once. Statistics reads when that was, and the model may ask for it at the same time: the
// connection itself does not guard it.
func (c *eager) Start() {
	c.starting.Lock()
	defer c.starting.Unlock()
	c.Connection.Start()
}

// Statistics are the connection's.
func (c *eager) Statistics() protocol.Statistics {
	c.starting.Lock()
	defer c.starting.Unlock()
	return c.Connection.Statistics()
}

// ClusterConfig leaves out the model's own introduction when it says what was said already: the peer would begin again.
func (c *eager) ClusterConfig(config *protocol.ClusterConfig, passwords map[string]string) {
	c.mu.Lock()
	sent := c.sent
	c.sent = nil
	c.mu.Unlock()
	if sent != nil && sameFolder(sent, config) {
		return
	}
	c.Connection.ClusterConfig(config, passwords)
}

func sameFolder(a, b *protocol.ClusterConfig) bool {
	if len(b.Folders) != 1 || b.Folders[0].Paused || len(b.Folders[0].Devices) != len(a.Folders[0].Devices) {
		return false
	}
	for i, d := range b.Folders[0].Devices {
		known := a.Folders[0].Devices[i]
		if known.ID != d.ID || known.IndexID != d.IndexID && known.IndexID != 0 {
			return false
		}
	}
	return true
}
