//go:build e2e && bench

package e2e

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// benchWatcherDelay measures two plain syncthing models in this process, joined by a pipe, with the 1 s watcher delay
// that other tools ship. There is no cluster in between, so the comparison favours the baseline.
func benchWatcherDelay(t *testing.T) []float64 {
	t.Helper()
	ids := [2]protocol.DeviceID{protocol.NewDeviceID([]byte("a")), protocol.NewDeviceID([]byte("b"))}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var models [2]model.Model
	var roots [2]string
	for i := range ids {
		roots[i] = t.TempDir()
		models[i] = plainModel(ctx, t, ids, i, roots[i])
	}
	a, b := net.Pipe()
	keys := protocol.NewKeyGenerator()
	for i, c := range []net.Conn{a, b} {
		conn := protocol.NewConnection(ids[1-i], c, c, c, models[i], pipeInfo{id: strconv.Itoa(i)},
			protocol.CompressionNever, keys)
		models[i].AddConnection(conn, protocol.Hello{})
	}
	var times []float64
	for i := range 15 {
		text := strconv.Itoa(i) + " " + strings.Repeat("x", 2040)
		time.Sleep(300 * time.Millisecond)
		if err := os.WriteFile(filepath.Join(roots[0], "saved.txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		eventually(t, 30*time.Second, "the baseline's save is visible", func(context.Context) error {
			for time.Since(begin) < 10*time.Second {
				if data, err := os.ReadFile(filepath.Join(roots[1], "saved.txt")); err == nil && string(data) == text {
					return nil
				}
				time.Sleep(200 * time.Microsecond)
			}
			return os.ErrNotExist
		})
		times = append(times, float64(time.Since(begin).Microseconds())/1000)
	}
	return times
}

func plainModel(ctx context.Context, t *testing.T, ids [2]protocol.DeviceID, me int, root string) model.Model {
	t.Helper()
	logger := events.NewLogger()
	go func() { _ = logger.Serve(ctx) }()
	cfg := config.New(ids[me])
	cfg.Options.ProgressUpdateIntervalS = -1
	cfg.Devices = []config.DeviceConfiguration{{DeviceID: ids[0]}, {DeviceID: ids[1]}}
	cfg.Folders = []config.FolderConfiguration{{
		ID:               "f",
		FilesystemType:   config.FilesystemTypeBasic,
		Path:             root,
		Type:             config.FolderTypeSendReceive,
		MarkerName:       ".",
		Devices:          []config.FolderDeviceConfiguration{{DeviceID: ids[0]}, {DeviceID: ids[1]}},
		FSWatcherEnabled: true,
		FSWatcherDelayS:  1,
		RescanIntervalS:  3600,
		CaseSensitiveFS:  true,
	}}
	wrap := config.Wrap(filepath.Join(t.TempDir(), "config.xml"), cfg, ids[me], logger)
	go func() { _ = wrap.Serve(ctx) }()
	if _, err := wrap.Modify(func(*config.Configuration) {}); err != nil {
		t.Fatal(err)
	}
	low, err := db.NewLowlevel(backend.OpenMemory(), logger)
	if err != nil {
		t.Fatal(err)
	}
	m := model.NewModel(wrap, ids[me], low, nil, logger, protocol.NewKeyGenerator())
	go func() { _ = m.Serve(ctx) }()
	eventually(t, 10*time.Second, "the baseline's folder runs",
		func(context.Context) error { _, err := m.FolderErrors("f"); return err })
	return m
}

type pipeInfo struct{ id string }

func (pipeInfo) Type() string             { return "pipe" }
func (pipeInfo) Transport() string        { return "pipe" }
func (pipeInfo) IsLocal() bool            { return true }
func (pipeInfo) RemoteAddr() net.Addr     { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
func (pipeInfo) Priority() int            { return 10 }
func (pipeInfo) String() string           { return "pipe" }
func (pipeInfo) Crypto() string           { return "none" }
func (pipeInfo) EstablishedAt() time.Time { return time.Time{} }
func (i pipeInfo) ConnectionID() string   { return i.id }
