package daemon

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// end leaves dev mode: sessions that live here, and those of the same developer that only the cluster knows.
func (d *Daemon) end(ctx context.Context, p rpc.End) (rpc.Ended, error) {
	c, err := cluster(p.Caller)
	if err != nil {
		return rpc.Ended{}, err
	}
	d.adopt(p.Caller)
	records, err := d.meant(ctx, c, p)
	if err != nil {
		return rpc.Ended{}, err
	}
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	for _, r := range records {
		if err := d.endOne(ctx, c, p, r); err != nil {
			return ended, fmt.Errorf("end dev mode of %s: %w", r.Workload, err)
		}
		ended.Sessions = append(ended.Sessions, recordView(r))
	}
	return ended, nil
}

// meant lists the sessions that a call to end means.
func (d *Daemon) meant(ctx context.Context, c *kube.Client, p rpc.End) ([]devmode.Record, error) {
	all, err := devmode.List(ctx, c)
	if err != nil {
		return nil, err
	}
	var ref workload.Ref
	if !p.All && p.Session == "" {
		if ref, _, err = named(p.Target, ""); err != nil {
			return nil, err
		}
	}
	var mine, others []devmode.Record
	for _, r := range all {
		if !p.All && r.Session != p.Session && (p.Session != "" || r.Workload != ref) {
			continue
		}
		d.mu.Lock()
		_, live := d.sessions[r.Session]
		d.mu.Unlock()
		if live || r.Holder.Local == local(p.Caller) {
			mine = append(mine, r)
		} else {
			others = append(others, r)
		}
	}
	switch {
	case len(mine) > 1 && !p.All:
		ids := ""
		for _, r := range mine {
			ids += " " + r.Session
		}
		return nil, problem.New(problem.Usage, "you have several sessions of %s:%s", ref, ids).WithHint("choose one with --session, or end all with --all")
	case len(mine) > 0 || p.All:
		return mine, nil
	case len(others) > 0 && p.Session != "" && p.Force:
		return others, nil
	case len(others) > 0:
		return nil, problem.New(problem.Held, "the session of %s is held by %s (%s)", others[0].Workload, others[0].Holder.Local, others[0].Holder.User).
			WithHint("ask them to end it; if they are gone for good: nhctl dev end --force --session %s", others[0].Session)
	}
	return nil, notInDevMode(c, p, ref)
}

// notInDevMode is the problem of a session that the namespace does not have.
func notInDevMode(c *kube.Client, p rpc.End, ref workload.Ref) error {
	name := ref.String()
	if p.Session != "" {
		name = "session " + p.Session
	}
	return problem.New(problem.NoSession, "%s is not in dev mode (namespace %s)", name, c.Namespace).WithHint("`nhctl dev list` shows the sessions of the namespace")
}

func (d *Daemon) endOne(ctx context.Context, c *kube.Client, p rpc.End, r devmode.Record) error {
	release, err := d.reserve(r.Namespace + "/" + r.Workload.String())
	if err != nil {
		return err
	}
	defer release()
	d.mu.Lock()
	s, live := d.sessions[r.Session]
	d.mu.Unlock()
	if live {
		s.renew(c)
	} else if s, err = d.borrow(ctx, c, r, p.Force); err != nil {
		return err
	}
	quiet := s.tell(emitter(ctx))
	defer quiet()
	err = devmode.Leave(ctx, devmode.Deps{Cluster: c, Link: s, Emit: s.emit}, r, devmode.LeaveOptions{Force: p.Force, FlushLimit: p.Timeout})
	if err != nil {
		if !live {
			s.stop()
		}
		return err
	}
	d.mu.Lock()
	delete(d.sessions, r.Session)
	d.mu.Unlock()
	s.stop()
	return d.paths.remove(r.Session)
}

// borrow makes a session of one that only the cluster knows, to end it from here: the token comes from the sidecar itself. The
// folder must be on this computer, or what only the pod has would be lost.
func (d *Daemon) borrow(ctx context.Context, c *kube.Client, r devmode.Record, force bool) (*session, error) {
	state := saved{Record: r, Settings: filesync.Settings{Type: filesync.SendReceive, GitIgnore: true}, Kubeconfig: strings.Join(c.Files, string(filepath.ListSeparator)), Context: c.Context}
	s := newSession(d.paths, d.logger, c, state, func(*session, string) {})
	pod, err := devmode.Pod(ctx, c, r)
	if err != nil || force || !workload.Running(pod) {
		return s, err
	}
	if _, err := os.Stat(r.Folder); err != nil {
		return nil, problem.New(problem.SyncBlocked, "the session syncs %s of %s, which is not on this computer: what only the pod has would be lost", r.Folder, r.Holder.Local).
			WithHint("end it there, or without those files: nhctl dev end --force --session %s", r.Session)
	}
	var token bytes.Buffer
	err = c.Exec(ctx, kube.ExecOptions{Pod: pod.Name, Container: contract.SidecarContainer, Command: []string{contract.Binary, "token"}, Stdout: &token})
	if err != nil {
		return nil, fmt.Errorf("ask the sidecar for the session's token: %w", err)
	}
	s.saved.Token, err = hex.DecodeString(strings.TrimSpace(token.String()))
	return s, err
}
