package tunnelsession

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/gateway"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

const (
	defaultTimeout = 2 * time.Minute
	// usualPort is the proxy's where no one names one.
	usualPort = 1080
)

// connect brings up the caller's tunnel into a namespace, or returns the one that lives already.
func (k *Kind) connect(ctx context.Context, p rpc.Connect) (rpc.Session, error) {
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return rpc.Session{}, err
	}
	ref, err := refOf(p.Workload)
	if err != nil {
		return rpc.Session{}, err
	}
	k.registry.News(ctx, v)
	again, there, err := k.reattach(ctx, v, p, ref)
	if err != nil || there {
		return again, err
	}
	place, err := v.Where(ctx)
	if err != nil {
		return rpc.Session{}, err
	}
	release, err := k.registry.Reserve(work(record.Tunnel{Namespace: v.Client.Namespace, Place: place, Workload: ref}))
	if err != nil {
		return rpc.Session{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, defaultTimeout))
	defer cancel()
	state, err := plan(ctx, v.Client, p, ref, place)
	if err != nil {
		return rpc.Session{}, err
	}
	return k.bringUp(ctx, v.Client, state, p.Port)
}

// refOf reads the workload that a call names, if it names one.
func refOf(text string) (workload.Ref, error) {
	if text == "" {
		return workload.Ref{}, nil
	}
	return workload.ParseRef(text)
}

// here is the live tunnel into the call's place for a workload, or the plain one; nil where there is none.
func (k *Kind) here(ctx context.Context, v *session.Visitor, of workload.Ref) (*Session, error) {
	live, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool { return s.record().Workload == of })
	if err != nil || len(live) == 0 {
		return nil, err
	}
	return live[0], nil
}

// reattach returns the tunnel that is there already, if there is one.
func (k *Kind) reattach(
	ctx context.Context, v *session.Visitor, p rpc.Connect, ref workload.Ref,
) (view rpc.Session, there bool, err error) {
	s, err := k.here(ctx, v, ref)
	if err != nil || s == nil {
		return view, false, err
	}
	s.Renew(v.Client)
	if over := s.LookFor(ctx); over != "" {
		k.held.Drop(s, s.record(), over)
		return view, false, nil
	}
	if port := s.document.Value().Port; p.Port != 0 && p.Port != port {
		const already = "you are connected to namespace %s already, with the proxy on port %d"
		return view, false, problem.New(problem.Refused, already, v.Client.Namespace, port).
			WithHint("use that one, or begin again: nhctl disconnect")
	}
	if c := s.record().Container; p.Container != "" && p.Container != c {
		return view, false, problem.New(problem.Refused, "you are connected with container %q of %s already", c, ref).
			WithHint("use that one, or begin again: nhctl disconnect --workload %s", ref.Argument())
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, defaultTimeout))
	defer cancel()
	if err := s.AwaitUp(ctx); err != nil {
		return view, false, s.notUp(err)
	}
	view = s.Status(ctx)
	view.Reattached = true
	return view, true, nil
}

// notUp says why no carrier came up, in the words of what is wrong with the gateway where that is known.
func (s *Session) notUp(err error) error {
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble == "" || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return problem.New(problem.NotReady, "the gateway does not answer: %s", trouble).
		WithHint("`nhctl status --watch` shows when it does; `nhctl disconnect` ends the tunnel")
}

// plan decides what a new tunnel is to be.
func plan(ctx context.Context, c *kube.Client, p rpc.Connect, ref workload.Ref, place record.Place) (saved, error) {
	holder, err := session.HolderOf(ctx, c, p.Caller)
	if err != nil {
		return saved{}, err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return saved{}, err
	}
	random := make([]byte, 4+32)
	port, err := carrierPort()
	if _, failed := rand.Read(random); errors.Join(err, failed) != nil {
		return saved{}, errors.Join(err, failed)
	}
	agent := session.AgentImageOf(p.Caller, p.SidecarImage)
	state := saved{Saved: held.Saved[record.Tunnel]{Token: random[4:], Record: record.Tunnel{
		Kind:       record.TunnelKind,
		Version:    record.TunnelVersion,
		Session:    hex.EncodeToString(random[:4]),
		Namespace:  c.Namespace,
		Place:      place,
		Holder:     holder,
		Since:      now,
		Port:       port,
		Image:      agent.Reference,
		NeverPull:  agent.Unpublished,
		ElseByExec: !agent.Named,
	}}}
	if p.Container != "" && p.Workload == "" {
		return state, problem.New(problem.Usage, "a container is one of a workload").
			WithHint("name that, too: --workload WORKLOAD")
	}
	if p.Workload != "" {
		if err := companion(ctx, c, &state.Record, ref, p.Container); err != nil {
			return state, err
		}
	}
	if p.Image != "" && p.SidecarImage != "" {
		const both = "the agent comes from the sidecar's image or into another one, not both"
		return state, problem.New(problem.Usage, both).WithHint("leave out --image or --sidecar-image")
	}
	if p.Image != "" || agent.Reference == "" {
		if err := byExec(ctx, c, &state.Record, p.Image); err != nil {
			return state, err
		}
	}
	state.LeadBy(c)
	return state, state.Record.Check("what this call asks for")
}

// byExec has a tunnel's agent come through exec, into an image that the user has named or into one that is there.
func byExec(ctx context.Context, c *kube.Client, r *record.Tunnel, named string) (err error) {
	if err := sidecarbinary.Default(func(string) {}).Check(); err != nil {
		return err
	}
	if r.NeverPull, r.ElseByExec = false, false; named != "" {
		r.Image, r.ByExec = named, true
		return nil
	}
	*r, err = gateway.ByExec(ctx, c, *r)
	return err
}

// companion has a tunnel's gateway be a pod of a workload's template. What the pod can't have is told.
func companion(ctx context.Context, c *kube.Client, r *record.Tunnel, ref workload.Ref, name string) error {
	original, err := c.Original(ctx, ref, "")
	if err != nil {
		return err
	}
	if p := original.Refuse(true); p != nil {
		return p
	}
	if name, err = original.Container(name); err != nil {
		return err
	}
	r.Workload, r.Container = ref, name
	for _, text := range workload.LeftOut(original.Template, name) {
		event.Sink(ctx)(event.Event{Type: event.Notice, Session: r.Session, Message: "the gateway's pod goes without " +
			text + ": its data stay with the pods of " + ref.String()})
	}
	return nil
}

// carrierPort draws the carrier's port. It lies below those that connections get of themselves.
func carrierPort() (int, error) {
	const first, count = 20_000, 10_000
	n, err := rand.Int(rand.Reader, big.NewInt(count))
	if err != nil {
		return 0, err
	}
	return first + int(n.Int64()), nil
}

// bringUp does what a plan says, and takes it back where that fails.
func (k *Kind) bringUp(ctx context.Context, c *kube.Client, state saved, port int) (rpc.Session, error) {
	b := &beginning{Session: newSession(k, c, state), port: port}
	quiet := b.Tell(event.Sink(ctx))
	defer quiet()
	err := steps.Run(ctx, []steps.Step{
		{Name: "take a local port", Do: b.takePort, Undo: b.freePort},
		{Name: "create the session's Lease", Do: b.lock, Undo: b.unlock},
		{Name: stepWait, Do: b.await},
		{Name: "connect to the gateway", Do: b.reach},
		{Name: "record the session", Do: b.markUp},
	}, b.Emit)
	if err != nil {
		b.Stop()
		return rpc.Session{}, err
	}
	b.listen(b.listener)
	k.registry.Add(b.Session)
	b.Serve()
	return b.Status(ctx), nil
}

const stepWait = "wait for the gateway"

// beginning is a tunnel that is being brought up.
type beginning struct {
	*Session
	port     int // that the user named
	listener net.Listener
}

func (b *beginning) takePort(context.Context) (err error) {
	b.listener, err = choosePort(b.port)
	return err
}

func (b *beginning) freePort(context.Context) error {
	if b.listener == nil {
		return nil
	}
	return b.listener.Close()
}

// lock keeps the tunnel on this computer, and then creates its Lease. A Lease of the same developer at the same
// computer is left of a tunnel that this computer knows nothing of any more: it goes first.
func (b *beginning) lock(ctx context.Context) error {
	port := b.listener.Addr().(*net.TCPAddr).Port
	if err := b.document.Edit(func(kept *saved) { kept.Port = port }); err != nil {
		return fmt.Errorf("keep the tunnel on this computer: %w", err)
	}
	c, mine := b.Client(), b.record()
	taken, err := lease.Create(ctx, c, mine)
	if !taken {
		return err
	}
	found, there, err := lease.Tunnel(ctx, c, mine)
	if err != nil {
		return err
	}
	if there {
		if err := takeDown(ctx, c, found); err != nil {
			return err
		}
	}
	_, err = lease.Create(ctx, c, mine)
	return err
}

// unlock leaves nothing, here and in the cluster.
func (b *beginning) unlock(ctx context.Context) error {
	b.Stop()
	mine := b.record()
	if err := takeDown(ctx, b.Client(), mine); err != nil {
		return err
	}
	return session.Remove(b.kind.dirs, mine.Session)
}

func (b *beginning) await(ctx context.Context) error {
	begin := time.Now()
	return b.keeper.Await(ctx, b.Client(), b.record, b.document.Value().Token, func(waiting string) {
		b.Emit(steps.Event(stepWait, event.StepWaiting, waiting, begin))
	})
}

// reach returns once the gateway has answered over the carriers.
func (b *beginning) reach(ctx context.Context) error {
	b.Start()
	if err := b.AwaitUp(ctx); err != nil {
		return err
	}
	_, _, err := b.gateway.About(ctx)
	return err
}

// markUp says that the tunnel is up: the next daemon takes it up again.
func (b *beginning) markUp(context.Context) error {
	return b.document.Edit(func(kept *saved) { kept.Up = true })
}

// choosePort takes the port that the user named, or the usual one, or any.
func choosePort(named int) (net.Listener, error) {
	if named < 0 || named > 65535 {
		return nil, problem.New(problem.Usage, "port %d: want one from 1 to 65535", named)
	}
	if named != 0 {
		return tunnel.Listen(named)
	}
	if listener, err := tunnel.Listen(usualPort); err == nil {
		return listener, nil
	}
	return tunnel.Listen(0)
}
