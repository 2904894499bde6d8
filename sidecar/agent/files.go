package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// filesInterval is how often the files are looked at: the computer's are to be at most two seconds behind.
const filesInterval = time.Second

// files tells the cluster's files of the container, all of them at first, and then those that have changed.
func (a *Agent) files(ctx context.Context, in *wire.Incoming) error {
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		_, _ = io.Copy(io.Discard, stream) // it ends with the computer's interest
		cancel()
	})
	defer listening.Wait()
	defer func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) }()
	tick := time.NewTicker(filesInterval)
	defer tick.Stop()
	known := map[string]string{}
	for first := true; ; first = false {
		update := request.Files{Trees: a.changed(known)}
		if first || len(update.Trees) > 0 {
			if err := request.WriteFiles(stream, update); err != nil {
				return nil // the computer has gone
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// changed reads the trees that are not as they are known by their stamps, which it notes.
func (a *Agent) changed(known map[string]string) (trees []request.Tree) {
	room := request.MaxContent
	for _, path := range a.config.Files {
		const tries = 3 // the kubelet may be at it, which takes no time
		for range tries {
			tree, now, settled := a.tree(path, known[path], room)
			if !settled {
				continue
			}
			if tree != nil {
				known[path] = now
				trees = append(trees, *tree)
				room -= tree.Content()
			}
			break
		}
	}
	return trees
}

// tree reads what is at a path: nil where there is nothing, or what is known by its stamp. It is settled unless it has
// changed in the meantime.
func (a *Agent) tree(path, known string, room int) (tree *request.Tree, now string, settled bool) {
	dir := filepath.Join(a.root, path)
	now, err := stamp(dir)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Lstat(dir)
		return nil, "", err != nil
	}
	if now == known {
		return nil, now, true
	}
	tree = &request.Tree{Path: path}
	if err == nil {
		tree.Entries, err = entries(dir, room)
	}
	if err != nil {
		tree.Entries, tree.Problem = nil, err.Error()
	}
	after, _ := stamp(dir)
	return tree, now, after == now
}

// stamp changes whenever something below a path does.
func stamp(path string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target, _ := os.Readlink(name)
		fmt.Fprintf(&b, "%q %s %d %d %q\n", name, info.Mode(), info.Size(), info.ModTime().UnixNano(), target)
		return nil
	})
	return b.String(), err
}

// entries reads what is at a path and below it, as far as the container's user may; room is how many bytes of content
// there may be.
func entries(path string, room int) (all []request.Entry, err error) {
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(all) == request.MaxEntries {
			return fmt.Errorf("there are more than %d entries", request.MaxEntries)
		}
		rel, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := request.Entry{Path: rel, Mode: info.Mode() & (fs.ModeType | fs.ModePerm)}
		switch e.Mode.Type() {
		case fs.ModeDir:
		case fs.ModeSymlink:
			if e.Target, err = os.Readlink(name); err != nil {
				return err
			}
		case 0:
			if e.Data, err = content(name, room); errors.Is(err, fs.ErrPermission) {
				return nil
			}
			if err != nil {
				return err
			}
			room -= len(e.Data)
		default:
			return nil
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

// content is that of a file of at most so many bytes.
func content(name string, most int) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("all files together have more than %d bytes", request.MaxContent)
	}
	return data, err
}
