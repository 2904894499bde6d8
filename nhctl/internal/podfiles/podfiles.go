// Package podfiles has files of a container appear at their paths inside an enclosure, and keeps them as the container
// has them. A pod may send anything: it says what its files are, and this package where they may appear. It knows
// neither pods nor how files come here.
package podfiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/sidecar/agent/request"
)

const (
	// firstLimit limits how long the first update may take.
	firstLimit = 30 * time.Second
	// pause is the rest before updates are asked for again.
	pause = 500 * time.Millisecond
)

// Options say which files appear.
type Options struct {
	// Watch calls a function with each update, until that fails or the way to the pod breaks.
	Watch func(ctx context.Context, update func(request.Files) error) error
	// Refuse says why nothing is to appear at a path; skip says that the user wants it so.
	Refuse func(path string) (reason string, skip bool)
	// Mount has points appear, as an enclosure does.
	Mount func(ctx context.Context, points []enclosure.Point) (*os.File, []string, error)
	// Notice tells the user of files that do not appear, or no longer change.
	Notice func(text string)
}

// files are those of an enclosure.
type files struct {
	o Options
	// roots have the trees that appear, by their paths; nil before the first update.
	roots map[string]*os.Root
	// troubled are the trees of which the user was told that they don't change.
	troubled map[string]bool
}

// Begin returns when the files are there, and keeps them as the container has them until end is called.
func Begin(ctx context.Context, o Options) (end func(), err error) {
	f := &files{o: o, troubled: map[string]bool{}}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	first := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { f.serve(watching, first) })
	end = func() {
		cancel()
		serving.Wait()
		for _, r := range f.roots {
			_ = r.Close()
		}
	}
	limited, stop := context.WithTimeout(ctx, firstLimit)
	defer stop()
	select {
	case err = <-first:
	case <-limited.Done():
		err = limited.Err()
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("read the files of the workload: %w", err)
	}
	return end, nil
}

// serve follows the updates. The first one's result is told.
func (f *files) serve(ctx context.Context, first chan<- error) {
	for ctx.Err() == nil {
		err := f.o.Watch(ctx, func(update request.Files) error {
			if f.roots != nil {
				f.apply(update)
				return nil
			}
			err := f.mount(ctx, update)
			first <- err
			return err
		})
		if f.roots == nil {
			select {
			case first <- errors.Join(err, ctx.Err()): // there was no update at all
			default:
			}
			return
		}
		_ = delay.For(ctx, pause)
	}
}

// mount has the trees of the first update appear, with their content.
func (f *files) mount(ctx context.Context, update request.Files) error {
	f.roots = map[string]*os.Root{}
	var shown []request.Tree
	var points []enclosure.Point
	for _, t := range update.Trees {
		reason, skip := f.o.Refuse(t.Path)
		switch {
		case skip:
		case reason != "":
			f.lack(t.Path, reason)
		case t.Problem != "":
			f.lack(t.Path, t.Problem)
		default:
			shown = append(shown, t)
			points = append(points, enclosure.Point{Path: t.Path, File: !t.Entries[0].Mode.IsDir()})
		}
	}
	if len(points) == 0 {
		return nil
	}
	dir, reasons, err := f.o.Mount(ctx, points)
	if err != nil {
		return err
	}
	defer dir.Close()
	for i, t := range shown {
		if i < len(reasons) && reasons[i] != "" {
			f.lack(t.Path, reasons[i])
			continue
		}
		// Another process's mount has no path here, but by the descriptor.
		name := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), strconv.Itoa(i))
		if points[i].File { // it never changes: what is mounted is this very file
			err = writeFile(name, t.Entries[0])
		} else {
			err = f.fill(name, t)
		}
		if err != nil {
			return fmt.Errorf("write the files at %s: %w", escape.Line(t.Path), err)
		}
	}
	return nil
}

// fill has a directory be as a tree says, from now on.
func (f *files) fill(name string, t request.Tree) error {
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	f.roots[t.Path] = root
	return put(root, t.Entries)
}

// lack tells of a tree that does not appear.
func (f *files) lack(path, reason string) {
	path = escape.Line(path)
	f.o.Notice(fmt.Sprintf("the workload's files at %s are left out: %s (--no-files=%s leaves this out, too)", path,
		escape.Line(reason), path))
}

// apply has trees be as an update says. One that can't be is told once, and tried again with its next update.
func (f *files) apply(update request.Files) {
	for _, t := range update.Trees {
		root := f.roots[t.Path]
		if root == nil {
			continue
		}
		err := errors.New(t.Problem)
		if t.Problem == "" {
			err = put(root, t.Entries)
		}
		if err != nil && !f.troubled[t.Path] {
			f.troubled[t.Path] = true
			f.o.Notice(fmt.Sprintf("the workload's files at %s are not as in the pod: %s", escape.Line(t.Path),
				escape.Line(err.Error())))
		}
	}
}
