package daemon

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// oust ends sessions of computers that are silent.
func (d *Daemon) oust(c *kube.Client) func(context.Context, devmode.Record) (string, error) {
	return func(ctx context.Context, r devmode.Record) (string, error) {
		return d.endFrom(ctx, c, r, devmode.LeaveOptions{})
	}
}

// endFrom ends a session that this computer knows nothing of. What its pod has is kept here, in folders of ours and in no other: the first
// is returned once something is in it.
func (d *Daemon) endFrom(ctx context.Context, c *kube.Client, r devmode.Record, options devmode.LeaveOptions) (kept string, err error) {
	s, err := d.borrow(ctx, c, r, options.Force)
	if err != nil {
		return "", err
	}
	defer s.dropIndexes()
	quiet := s.tell(emitter(ctx))
	defer quiet()
	defer s.stop()
	if err := devmode.Leave(ctx, devmode.Deps{Cluster: c, Link: s, Emit: s.emit}, r, options); err != nil {
		return "", err
	}
	s.stop()
	if entries, err := os.ReadDir(s.saved.Roots[0]); err == nil && len(entries) > 0 {
		kept = s.saved.Roots[0]
	}
	return kept, d.forgetSaved(ctx, c, r)
}

// forgetSaved removes what this computer has of a session that was ended without it, if it is of that very place.
func (d *Daemon) forgetSaved(ctx context.Context, c *kube.Client, r devmode.Record) error {
	state, err := loadFile(filepath.Join(d.paths.session(r.Session), savedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	place, placeErr := c.Place(ctx)
	if err := errors.Join(err, placeErr); err != nil {
		return err
	}
	if state.Record.Namespace != r.Namespace || !place.Same(state.Record.Place) {
		return nil
	}
	return d.paths.remove(r.Session)
}

// borrow makes a session of one that only the cluster knows, to end it from here: the token comes from the sidecar itself. It only receives,
// and has indexes of its own, so that it touches nothing of a session of this computer, whatever its record says.
func (d *Daemon) borrow(ctx context.Context, c *kube.Client, r devmode.Record, force bool) (*session, error) {
	state := saved{
		Record:     r,
		Settings:   filesync.Settings{Type: filesync.Receive, GitIgnore: true},
		Kubeconfig: strings.Join(c.Files, string(filepath.ListSeparator)),
		Context:    c.Context,
		Roots:      d.keptRoots(r),
	}
	s := newSession(d.paths, d.logger, c, state, d)
	pod, err := devmode.Pod(ctx, c, r)
	if err != nil || force || !workload.Running(pod) {
		return s, err
	}
	s.saved.Mounts = mounts(r, pod.Spec)
	for _, root := range state.Roots {
		if err := os.MkdirAll(root, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for what only the pod has: %w", err)
		}
	}
	token := bound.Buffer{Limit: 64 << 10}
	err = c.Exec(ctx, kube.ExecOptions{Pod: pod.Name, Container: contract.SidecarContainer, Command: []string{contract.Binary, "token"}, Stdout: &token})
	if err != nil {
		return nil, fmt.Errorf("ask the sidecar for the session's token: %w", err)
	}
	if s.saved.Token, err = hex.DecodeString(strings.TrimSpace(token.String())); err != nil {
		return nil, fmt.Errorf("read the session's token: %w", err)
	}
	s.indexes, err = os.MkdirTemp(d.paths.State, borrowed)
	return s, err
}

// borrowed is the pattern of the folders with the indexes of sessions that are ended from here.
const borrowed = "borrowed-*"

// dropIndexes removes the indexes of a session that was ended from here.
func (s *session) dropIndexes() {
	if s.indexes == "" {
		return
	}
	if err := os.RemoveAll(s.indexes); err != nil {
		s.logger.Warn("remove the indexes of a session that was ended", "error", err)
	}
}

// keptRoots are where this computer keeps what the pod of a session has, that it knows nothing of itself.
func (d *Daemon) keptRoots(r devmode.Record) []string {
	first := filepath.Join(d.paths.kept(r.Session), "pod")
	roots := []string{first}
	for i := range r.More {
		roots = append(roots, fmt.Sprintf("%s-%d", first, i+2))
	}
	return roots
}
