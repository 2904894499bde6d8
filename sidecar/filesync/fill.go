package filesync

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/nhctl/nhctl/sidecar/filesync/fill"
)

// indexDir in the state has the index.
const indexDir = "index"

// quiet is how long the model's first read rests while files are sent, for the sake of whom they are sent to. On a slow
// link there is time for both.
const quiet = 20 * time.Second

// fillTarget is the folder as it may be filled by a peer, whose index is the instance.
func (c Config) fillTarget(instance string) fill.Target {
	return fill.Target{
		Root:     c.Root,
		Index:    filepath.Join(c.StateDir, indexDir),
		FolderID: c.FolderID,
		Peer:     device(c.FolderID, c.Side.peer(), instance),
		Mounts:   c.Settings.Mounts,
		Joined: func() error {
			return errors.Join(os.WriteFile(filepath.Join(c.StateDir, peerFile), []byte(instance), 0o600),
				os.WriteFile(filepath.Join(c.StateDir, joinedFile), nil, 0o600))
		},
	}
}

// Unused says whether a folder and its index have nothing yet, so that it may be filled. Its engine must not run.
func Unused(c Config) (bool, error) { return c.fillTarget("").Unused() }

// Fill receives what a peer, whose index is the instance, sends into an unused folder.
func Fill(ctx context.Context, c Config, stream io.ReadWriteCloser, instance string) error {
	return fill.Receive(ctx, c.fillTarget(instance), stream)
}

// FillPeer sends the whole folder to a peer that has nothing of it, and returns when it may be attached there. placed
// is called before that, when all files are in place, unless the folder has lost so many that the guard will ask first.
// Later changes are left to the streams that are attached then.
func (e *Engine) FillPeer(ctx context.Context, stream io.ReadWriteCloser, placed func()) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	sender := fill.NewSender(source{e}, e.config.Root, stream)
	e.filling.Store(sender)
	defer e.filling.Store(nil)
	left, err := e.sendFiles(ctx, sender)
	if err != nil {
		return err
	}
	sent, _ := sender.Sent()
	known := e.known()
	doubtful := e.excessive(known, known-sent)
	if left == 0 && !doubtful {
		placed()
	}
	return sender.Entries(ctx, doubtful)
}

// sendFiles sends the files while the model rests, and returns how many are not in place after that.
func (e *Engine) sendFiles(ctx context.Context, sender *fill.Sender) (left int, err error) {
	defer e.folder.Rest(quiet)()
	return sender.Files(ctx)
}

// tellFilling says in a status how far it is.
func (e *Engine) tellFilling(s *Status) {
	sender := e.filling.Load()
	if sender == nil || s.State != StateDisconnected {
		return
	}
	files, bytes := sender.Sent()
	s.State, s.PeerNeedFiles, s.PeerNeedBytes = StateSyncing, max(0, s.Files-files), max(0, s.Bytes-bytes)
}

// firstRead returns when the folder has been read for the first time: the model takes no request before.
func (e *Engine) firstRead() error {
	e.searching.Lock()
	defer e.searching.Unlock()
	const nothing = ".nhctl-nothing"
	return e.scanFolder(nothing)
}

// source is the folder as it is sent to a peer that has nothing of it.
type source struct{ *Engine }

// FirstRead returns when the folder has been read for the first time.
func (e source) FirstRead() error { return e.firstRead() }

// IndexID is the index that the entries are of.
func (e source) IndexID() protocol.IndexID { return e.ids.IndexID(protocol.LocalDeviceID) }

// Entries are those that the index has got since a sequence number, as they are sent.
func (e source) Entries(since int64, yield func(protocol.FileInfo) bool) error {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return err
	}
	defer snapshot.Release()
	snapshot.WithHaveSequence(since+1, func(f protocol.FileInfo) bool { return yield(sentEntry(f)) })
	return nil
}

// Find finds all that is synced, as the model will.
func (e source) Find(yield func(path string, entry protocol.FileInfo) bool) error {
	e.scanning.Lock()
	ignored, matcher, byName := e.tree.Ignored(), e.config.Settings.matcher(), map[string]bool{}
	for _, name := range e.config.Settings.names().ByName() {
		byName[name] = true
	}
	e.scanning.Unlock()
	left := make(map[string]bool, len(ignored))
	for _, rel := range ignored {
		left[rel] = true
	}
	folder := fs.NewFilesystem(fs.FilesystemTypeBasic, e.config.Root)
	ended := errors.New("no more is wanted")
	err := folder.Walk(".", func(name string, info fs.FileInfo, err error) error {
		rel := filepath.ToSlash(name)
		switch {
		case err != nil: // it is gone again, or can't be read: the engine finds out
			return nil
		case rel == "." || !utf8.ValidString(rel): // the model leaves such names out
			return nil
		}
		skip, below := left[rel] || byName[strings.ToLower(path.Base(rel))], false
		if !skip && matcher != nil {
			m := matcher.Match(rel)
			// what is below a folder that is left out may be wanted nevertheless
			skip, below = m.IsIgnored(), !m.CanSkipDir()
		}
		switch {
		case skip && info.IsDir() && !below:
			return fs.SkipDir
		case skip:
			return nil
		}
		i, err := scanner.CreateFileInfo(info, name, folder, false, false, nil)
		if special := !info.IsDir() && !info.IsRegular() && !info.IsSymlink(); err == nil && !special &&
			!yield(name, sentEntry(i)) {
			return ended
		}
		return nil
	})
	if errors.Is(err, ended) {
		return nil
	}
	return err
}

// sentEntry is an entry as it is sent.
func sentEntry(f protocol.FileInfo) protocol.FileInfo {
	f = announced(f)
	f.Name, f.Platform = filepath.ToSlash(osutil.NormalizedFilename(f.Name)), protocol.PlatformData{}
	return f
}
