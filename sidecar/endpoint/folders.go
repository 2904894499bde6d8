package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// folder is a synced folder's engine, made at the first sync stream.
type folder struct {
	engine *filesync.Engine
}

// fill is a folder that gets its first files, before it has an engine.
type fill struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// syncParams reads what a stream says of its folder.
func syncParams(in *wire.Incoming) (p wire.SyncParams, s filesync.Settings, err error) {
	if err = errors.Join(json.Unmarshal(in.Params, &p), json.Unmarshal(p.Settings, &s)); err != nil {
		err = fmt.Errorf("settings: %w", err)
	}
	return p, s, err
}

// sync attaches a stream to its folder's engine, with the settings that the computer's end wants.
func (e *Endpoint) sync(ctx context.Context, in *wire.Incoming) error {
	p, s, err := syncParams(in)
	if err != nil {
		return err
	}
	f, err := e.folder(ctx, p.Folder, s)
	if err != nil {
		return err
	}
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	return f.engine.Attach(ctx, stream, p.Instance)
}

// fill takes the first files of a folder that has nothing yet.
func (e *Endpoint) fill(ctx context.Context, in *wire.Incoming) error {
	p, s, err := syncParams(in)
	if err != nil {
		return err
	}
	c, _, err := e.known(p.Folder, s)
	if err != nil {
		return err
	}
	ctx, end, err := e.begin(ctx, c)
	if err != nil {
		return err
	}
	defer end()
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	return filesync.Fill(ctx, c, stream, p.Instance)
}

// begin makes a fill the only user of its folder, until end is called.
func (e *Endpoint) begin(ctx context.Context, c filesync.Config) (_ context.Context, end func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endFill(c.FolderID)
	if _, ok := e.folders[c.FolderID]; ok {
		return ctx, nil, fmt.Errorf("the folder %s is synced already", c.FolderID)
	}
	unused, err := filesync.Unused(c)
	if err == nil && !unused {
		err = fmt.Errorf("the folder %s has files already", c.FolderID)
	}
	if err != nil {
		return ctx, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fill{cancel: cancel, done: make(chan struct{})}
	e.fills[c.FolderID] = f
	return ctx, func() { cancel(); close(f.done) }, nil
}

// endFill ends a fill that a newer stream takes the place of: the older one has lost its peer.
func (e *Endpoint) endFill(id string) {
	if f, ok := e.fills[id]; ok {
		f.cancel()
		<-f.done
		delete(e.fills, id)
	}
}

// folder returns a folder's engine, started at its first use.
func (e *Endpoint) folder(ctx context.Context, id string, s filesync.Settings) (*folder, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endFill(id)
	if f, ok := e.folders[id]; ok {
		return f, f.engine.Apply(ctx, s)
	}
	c, container, err := e.known(id, s)
	if err != nil {
		return nil, err
	}
	batches := newBatches()
	c.OnBatch = batches.add
	engine, err := filesync.New(c)
	if err != nil {
		return nil, err
	}
	f := &folder{engine: engine}
	e.folders[id] = f
	e.serving.Go(func() { batches.tell(e.context, e.logger, e.supervisor(container)) })
	e.serving.Go(func() {
		if err := engine.Serve(e.context); err != nil && e.context.Err() == nil {
			e.logger.Error("sync engine", "folder", id, "error", err)
		}
	})
	return f, nil
}

// known is what an engine of one of the twin's folders is made with, and the container that sees the folder.
func (e *Endpoint) known(id string, s filesync.Settings) (filesync.Config, string, error) {
	for _, f := range e.config.Folders {
		if f.ID == id {
			return filesync.Config{
				FolderID: id,
				Side:     filesync.Remote,
				Settings: s,
				Logger:   e.logger,
				Root:     e.path(contract.WorkDir, f.DataSubPath()),
				StateDir: e.path(contract.WorkDir, f.IndexSubPath(), "sync"),
			}, f.Container, nil
		}
	}
	return filesync.Config{}, "", fmt.Errorf("this twin has no folder %q", id)
}

func (e *Endpoint) engine(id string) *filesync.Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, ok := e.folders[id]; ok {
		return f.engine
	}
	return nil
}
