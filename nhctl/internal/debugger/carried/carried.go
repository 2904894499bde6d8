// Package carried has debuggers for containers whose images lack them, as files of this computer: made once for all
// sessions, and kept.
// It knows nothing of pods.
package carried

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Store keeps the files in a folder, and runs programs of this computer to make those that it lacks.
type Store struct {
	Dir string
	// Env is what programs run with, as KEY=VALUE.
	Env []string
}

// lockName is the file in a store that a process locks while it makes something, and lockPause how often one that waits
// looks.
const (
	lockName  = "lock"
	lockPause = 100 * time.Millisecond
)

// made has do make a file in a folder of its own, and moves that to its place. One process does so at a time: the
// others wait until it is there, as find says.
func (s Store) made(
	ctx context.Context, file string, find func() string, do func(work string) error,
) (err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(s.Dir, lockName))
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return fmt.Errorf("lock %s, which another nhctl holds while it makes a debugger: %w", lock.Path(), err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if find() != "" {
		return nil
	}
	work, err := os.MkdirTemp(s.Dir, "making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := do(work); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, filepath.Base(file)), file)
}

// wait limits how long the output of a program that was killed is waited for, which those that it started have, too.
const wait = 5 * time.Second

// run runs a program in a folder; more comes after the store's own environment.
func (s Store) run(ctx context.Context, dir string, more []string, argv ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &said, &said, wait
	cmd.Env = append(append([]string{}, s.Env...), more...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", argv[0], errors.Join(ctx.Err(), err), Last(said.String()))
	}
	return nil
}

// Last is the end of what a program said, which has the reason for its failure, in as many lines as can be read.
func Last(said string) string {
	const lines = 5
	all := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
