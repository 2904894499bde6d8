package devsession

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// oust ends sessions of computers that are silent.
func (k *Kind) oust(c *kube.Client) func(context.Context, devmode.Record) (string, error) {
	return func(ctx context.Context, r devmode.Record) (string, error) {
		return k.endFrom(ctx, c, r, devmode.LeaveOptions{})
	}
}

// endFrom ends a session that this computer knows nothing of. What its pod has is kept here, in folders of ours and in
// no other: the first is returned once something is in it.
func (k *Kind) endFrom(
	ctx context.Context, c *kube.Client, r devmode.Record, options devmode.LeaveOptions,
) (kept string, err error) {
	s, err := k.borrow(ctx, c, r, options.Force)
	if err != nil {
		return "", err
	}
	defer s.dropIndexes()
	quiet := s.Tell(event.Sink(ctx))
	defer quiet()
	defer s.Stop()
	if err := devmode.Leave(ctx, devmode.Deps{Cluster: c, Link: s, Emit: s.Emit}, r, options); err != nil {
		return "", err
	}
	s.Stop()
	root := s.document.Value().Roots[0]
	if entries, err := os.ReadDir(root); err == nil && len(entries) > 0 {
		kept = root
	}
	return kept, k.forgetSaved(ctx, c, r)
}

// borrow makes a session of one that only the cluster knows, to end it from here: the token comes from the sidecar
// itself. It only receives, and has indexes of its own, so that it touches nothing of a session of this computer,
// whatever its record says.
func (k *Kind) borrow(ctx context.Context, c *kube.Client, r devmode.Record, force bool) (*Session, error) {
	state := saved{
		Record: r,
		Origin: session.OriginOf(c),
		State:  plan.State{Settings: filesync.Settings{Type: filesync.Receive, GitIgnore: true}},
		Roots:  k.keptRoots(r),
	}
	pod, err := devmode.Pod(ctx, c, r)
	if err != nil || force || !workload.Running(pod) {
		return newSession(k.dirs, k.logger, c, state, k), err
	}
	state.Mounts = mounts(r, pod.Spec)
	for _, root := range state.Roots {
		if err := os.MkdirAll(root, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for the pod's own files: %w", err)
		}
	}
	if state.Token, err = askToken(ctx, c, pod.Name, state.Record.Session); err != nil {
		return nil, err
	}
	s := newSession(k.dirs, k.logger, c, state, k)
	s.indexes, err = os.MkdirTemp(k.dirs.State, userdirs.Borrowed)
	return s, err
}

// askToken asks a sidecar for a session's token.
func askToken(ctx context.Context, c *kube.Client, pod, session string) ([]byte, error) {
	text := bound.Buffer{Limit: 64 << 10}
	argv := []string{contract.Binary, "token", session}
	err := c.Exec(ctx, kube.ExecOptions{Pod: pod, Container: contract.SidecarContainer, Command: argv, Stdout: &text})
	if err != nil {
		return nil, fmt.Errorf("ask the sidecar for the session's token: %w", err)
	}
	token, err := hex.DecodeString(strings.TrimSpace(text.String()))
	if err != nil {
		return nil, fmt.Errorf("read the session's token: %w", err)
	}
	return token, nil
}

// dropIndexes removes the indexes of a session that was ended from here.
func (s *Session) dropIndexes() {
	if s.indexes == "" {
		return
	}
	if err := os.RemoveAll(s.indexes); err != nil {
		s.Logger.Warn("remove the indexes of a session that was ended", "error", err)
	}
}

// keptRoots are where this computer keeps what the pod of a session has, that it knows nothing of itself.
func (k *Kind) keptRoots(r devmode.Record) []string {
	first := filepath.Join(k.dirs.Kept(r.Session), "pod")
	roots := []string{first}
	for i := range r.More {
		roots = append(roots, fmt.Sprintf("%s-%d", first, i+2))
	}
	return roots
}
