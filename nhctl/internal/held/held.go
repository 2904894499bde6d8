// Package held has what is common to the kinds of sessions that live in a Lease and have nothing parked, such as
// tunnels and routes: what this computer keeps of them, how the next daemon takes them up, and their heartbeat. It
// knows nothing of what a kind does with its sessions.
package held

import (
	"context"
	"log/slog"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/process"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Record is what the cluster stores of a session.
type Record[R any] interface {
	lease.Held
	// Home is where the session lives.
	Home() (namespace string, place record.Place)
	// LedBy is the record where a client leads to the session's place that has proven to be of a server.
	LedBy(server string) R
}

// Saved is what a computer keeps of a session, so that a new daemon can take it up again. It holds the token, but
// nothing of the caller's environment: the next command brings its own.
type Saved[R Record[R]] struct {
	Record R      `json:"record"`
	Token  []byte `json:"token"`
	session.Origin
	// Process is what the session lasts for, if it is anything.
	Process process.ID `json:"process,omitzero"`
	// Up says that the session came up once: without it, its start was cut short.
	Up bool `json:"up,omitempty"`
}

// LeadBy notes which kubeconfig leads to the session.
func (s *Saved[R]) LeadBy(c *kube.Client) {
	_, place := s.Record.Home()
	s.Origin = session.LedBy(c, &place)
	s.Record = s.Record.LedBy(place.Server)
}

// Kind is what is a kind's own of its sessions.
type Kind[R Record[R]] struct {
	Dirs     userdirs.Dirs
	Logger   *slog.Logger
	Registry *registry.Registry
	// Noun is what its sessions are, such as "tunnel". What is what users call one of them, Work the key of what one
	// call at a time may do.
	Noun string
	What func(R) string
	Work func(R) string
	// Find reads the Lease that a record would have. Lost says why a session is over whose Lease another one has.
	Find func(context.Context, *kube.Client, R) (found R, there bool, err error)
	Lost func(found R) string
	// TakeDown removes a session from its cluster, LetGo what one that is over has left there. EndLimit limits both.
	TakeDown, LetGo func(context.Context, *kube.Client, R) error
	EndLimit        time.Duration
}

// Live is a live session, as its kind has it.
type Live interface {
	session.Live
	// Start begins to dial; it does not wait.
	Start()
	// LookFor says why the session is over, if it is.
	LookFor(context.Context) (over string)
	// Quit takes the session back from its far end, before Stop.
	Quit()
	// Serve keeps a session that is up.
	Serve()
}

// TakeUp serves a saved session again, with the credentials of a call. One whose start was cut short is removed.
func (k *Kind[R]) TakeUp(
	ctx context.Context, caller rpc.Caller, v *session.Visitor, s Saved[R], revive func(*kube.Client) Live,
) error {
	namespace, place := s.Record.Home()
	c, err := session.Lead(ctx, v, caller, s.Origin, namespace, place)
	if err != nil {
		return err
	}
	if !s.Up {
		release, err := k.Registry.Reserve(k.Work(s.Record))
		if err != nil {
			return err
		}
		k.Registry.Go("remove a "+k.Noun+" that never came up", func(ctx context.Context) {
			defer release()
			k.clear(ctx, c, s.Record, k.TakeDown)
		})
		return nil
	}
	live := revive(c)
	live.Start()
	k.Logger.Info(k.Noun+" taken up again", "session", live.ID(), "namespace", namespace)
	k.Registry.Add(live)
	if over := live.LookFor(ctx); over != "" {
		k.Drop(live, s.Record, over)
		return nil
	}
	live.Serve()
	return nil
}

// Drop ends a session that can't go on, and tells its developer at their next command.
func (k *Kind[R]) Drop(s Live, mine R, why string) {
	namespace, place := mine.Home()
	ended := registry.Ended{
		Session:   s.ID(),
		Namespace: namespace,
		Place:     place,
		What:      k.What(mine),
		Why:       why,
	}
	if !k.Registry.Over(s, ended) {
		return
	}
	k.Logger.Info(k.Noun+" is over", "session", s.ID(), "why", why)
	s.Quit()
	s.Stop()
	k.clear(context.Background(), s.Client(), mine, k.LetGo)
}

// clear removes what is left of a session, in the cluster and then here.
func (k *Kind[R]) clear(
	ctx context.Context, c *kube.Client, r R, there func(context.Context, *kube.Client, R) error,
) {
	ctx, cancel := context.WithTimeout(ctx, k.EndLimit)
	defer cancel()
	id := r.Claim().Session
	err := there(ctx, c, r)
	if err == nil {
		err = session.Remove(k.Dirs, id)
	}
	if err != nil {
		k.Logger.Error("remove what is left of a "+k.Noun, "session", id, "error", err)
	}
}
