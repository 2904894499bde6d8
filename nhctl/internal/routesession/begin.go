package routesession

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/process"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/route"
)

const defaultTimeout = 2 * time.Minute

// route begins a route, or returns the one that is there already.
func (k *Kind) route(ctx context.Context, p rpc.BeginRoute) (_ rpc.Session, failed error) {
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return rpc.Session{}, err
	}
	k.registry.News(ctx, v)
	place, err := v.Where(ctx)
	if err != nil {
		return rpc.Session{}, err
	}
	if p.Lifetime < 0 {
		return rpc.Session{}, problem.New(problem.Usage, "%s is no lifetime", p.Lifetime)
	}
	if p.AbandonAfter != 0 && p.AbandonAfter < time.Second {
		return rpc.Session{}, problem.New(problem.Usage, "%s is no time for a front to be alone", p.AbandonAfter)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, defaultTimeout))
	defer cancel()
	if p.Preview {
		undo, err := preview(ctx, v.Client, p)
		if err != nil {
			return rpc.Session{}, err
		}
		defer func() {
			if failed != nil {
				failed = errors.Join(failed, undo(context.WithoutCancel(ctx)))
			}
		}()
	}
	plan, state, err := k.plan(ctx, v, p, place)
	if err != nil {
		return rpc.Session{}, err
	}
	plan.After = p.AbandonAfter
	release, err := k.registry.Reserve(work(state.Record))
	if err != nil {
		return rpc.Session{}, err
	}
	defer release()
	mine, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool {
		return s.record().Service == p.Service
	})
	if err != nil {
		return rpc.Session{}, err
	}
	for _, s := range mine {
		if r := s.record(); same(r, state.Record) {
			s.Renew(v.Client)
			if err := s.AwaitUp(ctx); err != nil {
				return rpc.Session{}, err
			}
			if err := s.extend(ctx, state.Record.Until); err != nil {
				return rpc.Session{}, err
			}
			view := s.Status(ctx)
			view.Reattached = true
			return view, nil
		}
	}
	return k.begin(ctx, v.Client, plan, state, p.TakeOver)
}

// preview makes the Service of a preview.
func preview(ctx context.Context, c *kube.Client, p rpc.BeginRoute) (undo func(context.Context) error, err error) {
	var ports []int
	for _, w := range p.Ports {
		n, err := strconv.Atoi(w.Port)
		if err != nil || n < 1 || n > 65535 {
			return nil, problem.New(problem.Usage, "port %q of the preview: want a number from 1 to 65535", w.Port)
		}
		ports = append(ports, n)
	}
	if len(ports) == 0 || p.Mesh || p.Mirror {
		return nil, problem.New(problem.Usage, "a preview has ports, and takes all that comes there")
	}
	return front.Preview(ctx, c, p.Service, ports)
}

// same says whether two routes lead the same traffic to the same place.
func same(a, b record.Route) bool {
	return slices.Equal(a.Ports, b.Ports) && slices.Equal(a.Matches, b.Matches) && a.Mirror == b.Mirror &&
		a.Dev == b.Dev && a.Raw == b.Raw && a.Proxy == b.Proxy && a.Strict == b.Strict && a.All == b.All &&
		a.Hold == b.Hold
}

// plan decides what a new route is to be.
func (k *Kind) plan(
	ctx context.Context, v *session.Visitor, p rpc.BeginRoute, place record.Place,
) (front.Plan, saved, error) {
	c := v.Client
	facts, err := front.Read(ctx, c, p.Service)
	if err != nil {
		return front.Plan{}, saved{}, err
	}
	plan, err := front.Of(facts, p.AgentLabels...)
	if err != nil {
		return plan, saved{}, err
	}
	holder, err := session.HolderOf(ctx, c, p.Caller)
	if err != nil {
		return plan, saved{}, err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return plan, saved{}, err
	}
	agent := session.AgentImageOf(p.Caller, p.SidecarImage)
	plan.NeverPull = agent.Unpublished
	random := make([]byte, 4+32)
	if _, err := rand.Read(random); err != nil {
		return plan, saved{}, err
	}
	state := saved{Token: random[4:], Record: record.Route{
		Kind:      record.RouteKind,
		Version:   record.RouteVersion,
		Session:   hex.EncodeToString(random[:4]),
		Namespace: c.Namespace,
		Place:     place,
		Holder:    holder,
		Since:     now,
		Service:   p.Service,
		Front:     plan.ID,
		Port:      plan.Carrier,
		Image:     agent.Reference,
		Mirror:    p.Mirror,
		Raw:       p.Raw,
		Proxy:     p.ProxyProtocol,
		Strict:    p.Strict,
		All:       p.AllRequests,
		Hold:      int(p.Hold / time.Millisecond),
	}}
	if len(p.Matches) > 0 && !p.Mesh && !p.Mirror {
		return plan, state, problem.New(problem.Usage, "an exchange takes all requests: conditions are a mesh's")
	}
	if p.Mirror && (p.Mesh || p.Raw || p.Strict || p.TakeOver) || p.Mesh && p.Raw {
		return plan, state, problem.New(problem.Usage, "a mirror claims nothing, and only an exchange is raw")
	}
	if p.Mesh && len(p.Matches) == 0 {
		p.Matches = []rpc.Match{markOf(holder, p.Service)}
	}
	for _, m := range p.Matches {
		match := route.Match(m)
		if err := match.Check(); err != nil {
			return plan, state, problem.New(problem.Usage, "condition %s: %w", match, err)
		}
		state.Record.Matches = append(state.Record.Matches, match)
	}
	wanted, err := choose(plan, &state.Record, p.Ports)
	if err != nil {
		return plan, state, err
	}
	if err := k.toDuplicate(ctx, v, plan, &state.Record, p.Preview); err != nil {
		return plan, state, err
	}
	if len(state.Record.Matches) > 0 {
		if err := front.MeshRefusal(p.Service, wanted); err != nil {
			return plan, state, err
		}
	}
	if state.Record.Image == "" {
		return plan, state, problem.New(problem.Usage, "this nhctl knows no sidecar image of its own, which the front "+
			"runs: Go alone has built it").
			WithHint("use one of a release or of `make build`, or name an image of the sidecar with --sidecar-image")
	}
	if p.Lifetime > 0 {
		state.Record.Until = now.Add(p.Lifetime)
	}
	if p.Process != nil {
		state.Process = process.ID(*p.Process)
	}
	state.LeadBy(c)
	return plan, state, state.Record.Check("what this call asks for")
}

// markOf is the condition of a developer's mesh of a Service where they name none: the same each time.
func markOf(h record.Holder, service string) rpc.Match {
	const bytes = 3
	sum := sha256.Sum256([]byte(h.String() + "\x00" + service))
	user, _, _ := strings.Cut(h.Local, "@")
	user = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(user))
	return rpc.Match{Of: route.OfMark, Name: "x-nhctl-dev", Value: user + "-" + hex.EncodeToString(sum[:bytes])}
}

// choose finds the Service's ports that a route is about, and where they lead to here.
func choose(plan front.Plan, r *record.Route, wanted []rpc.WantedPort) (chosen []front.Port, err error) {
	if len(wanted) == 0 {
		for _, p := range plan.Ports {
			wanted = append(wanted, rpc.WantedPort{Port: fmt.Sprint(p.ServicePort.Port)})
		}
	}
	for _, w := range wanted {
		p, err := plan.Port(w.Port)
		if err != nil {
			return nil, err
		}
		local, err := localOf(cmp.Or(w.Local, strconv.Itoa(p.Number)))
		if err != nil {
			return nil, problem.New(problem.Usage, "port %s of Service %s: %w", w.Port, r.Service, err)
		}
		apart := func(o record.RoutePort) bool { return o.Target == p.Number && o.Local != local }
		if slices.ContainsFunc(r.Ports, apart) {
			return nil, problem.New(problem.Refused, "two ports of Service %s lead to port %d of its pods: they can't "+
				"go to different places", r.Service, p.Number).WithHint("name one of them")
		}
		r.Ports = append(r.Ports, record.RoutePort{
			Port:   int(p.ServicePort.Port),
			Target: p.Number,
			Local:  local,
		})
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// localOf is a local end as records have it. A port alone is one of this computer.
func localOf(text string) (string, error) {
	if text == record.LocalDev {
		return text, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		text = "127.0.0.1:" + strconv.Itoa(n)
	}
	_, _, err := record.LocalAddress(text)
	return text, err
}

// begin does what a plan says, and takes it back where that fails.
func (k *Kind) begin(
	ctx context.Context, c *kube.Client, plan front.Plan, state saved, takeOver bool,
) (rpc.Session, error) {
	b := &beginning{Session: newSession(k, c, state), plan: plan, takeOver: takeOver}
	quiet := b.Tell(event.Sink(ctx))
	defer quiet()
	err := steps.Run(ctx, []steps.Step{
		{Name: "ask the policies", Do: b.try},
		{Name: "create the route's Lease", Do: b.lock, Undo: b.unlock},
		{Name: "create the front", Do: b.raise},
		{Name: stepWait, Do: b.await},
		{Name: "connect to the front", Do: b.reach},
		{Name: "reach the originals through it", Do: b.probe},
		{Name: "switch the Service", Do: b.toFront},
		{Name: "record the route", Do: b.markUp},
	}, b.Emit)
	if err != nil {
		b.Stop()
		return rpc.Session{}, err
	}
	k.registry.Add(b.Session)
	b.Serve()
	return b.Status(ctx), nil
}

const stepWait = "wait for the front"

// beginning is a route that is being made.
type beginning struct {
	*Session
	plan   front.Plan
	limits workload.Limits
	made   bool // the front, by this call
	// takeOver ends the routes of others that claim the same traffic.
	takeOver bool
}

func (b *beginning) try(ctx context.Context) (err error) {
	b.limits, err = front.Try(ctx, b.Client(), b.plan, b.record().Image)
	if err != nil {
		return err
	}
	for _, text := range append(b.plan.Warnings, front.ByPrincipal(b.plan.Service, front.Principals(ctx, b.Client()))) {
		if text != "" {
			b.Note(text)
		}
	}
	return nil
}

// lock keeps the route on this computer, and then creates its Lease, unless someone claims the same traffic. They are
// looked for afterwards: of two who begin at once, at least the later one sees the other, and steps back.
func (b *beginning) lock(ctx context.Context) error {
	c, mine := b.Client(), b.record()
	if err := b.document.Edit(func(*saved) {}); err != nil {
		return fmt.Errorf("keep the route on this computer: %w", err)
	}
	if err := b.free(ctx); err != nil {
		return err
	}
	taken, err := lease.Create(ctx, c, mine)
	if err != nil && !taken {
		return err
	}
	others, err := lease.Routes(ctx, c)
	if err != nil {
		return err
	}
	for _, o := range others {
		err := front.Overlap(mine, []record.Route{o}, mine.Since)
		if err != nil && b.takeOver {
			taken, err = false, b.oust(ctx, o)
		}
		if err != nil {
			return err
		}
	}
	if taken {
		return problem.New(problem.Held, "Lease %s is in the way", mine.Lease()).
			WithHint("it is no route's that can be read: kubectl delete lease %s -n %s", mine.Lease(), mine.Namespace)
	}
	return nil
}

// oust ends a route of someone else: its daemon finds its Lease gone, or this route's, and says who it was. Of two
// exchanges, the Lease is the lock.
func (b *beginning) oust(ctx context.Context, o record.Route) error {
	c, mine := b.Client(), b.record()
	if err := lease.Release(ctx, c, o); err != nil {
		return err
	}
	if o.Lease() != mine.Lease() {
		return nil
	}
	if taken, err := lease.Create(ctx, c, mine); taken || err != nil {
		return errors.Join(lease.ErrNotHolder, err)
	}
	return nil
}

// free removes the Leases of routes that block no one any more, and those of this developer's that no one serves: this
// daemon would.
func (b *beginning) free(ctx context.Context) error {
	c, mine := b.Client(), b.record()
	all, err := lease.Routes(ctx, c)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Service != mine.Service || o.Session == mine.Session {
			continue
		}
		own := o.Holder == mine.Holder && !b.kind.registry.Serves(o.Session)
		if !own && !o.Abandoned(mine.Since) {
			continue
		}
		if err := lease.Release(ctx, c, o); err != nil {
			return err
		}
	}
	return nil
}

// unlock leaves nothing, here and in the cluster.
func (b *beginning) unlock(ctx context.Context) error {
	b.unregister()
	b.Stop()
	mine := b.record()
	if err := takeDown(ctx, b.Client(), mine); err != nil {
		return err
	}
	return session.Remove(b.kind.dirs, mine.Session)
}

// raise makes the front, with which the route's Lease goes.
func (b *beginning) raise(ctx context.Context) error {
	kept := b.document.Value()
	raised, err := front.Raise(ctx, b.Client(), b.plan, kept.Record.Image, b.limits, kept.Token)
	if err != nil {
		return err
	}
	b.made = raised.Made
	if raised.Alone != nil {
		b.Note(fmt.Sprintf("the front can't restore Service %s by itself (%v): once your computer is gone for good, "+
			"the front lets the originals answer until anyone runs nhctl leave or nhctl clean", b.plan.Service,
			raised.Alone))
	}
	return lease.Bind(ctx, b.Client(), kept.Record, raised.Owner)
}

func (b *beginning) await(ctx context.Context) error {
	begin, last := time.Now(), ""
	const pause = 100 * time.Millisecond
	for {
		pod, err := front.Pod(ctx, b.Client(), b.plan)
		switch {
		case err == nil && b.made:
			return nil
		case err == nil: // someone else has made it, with another token
			token, err := front.Token(ctx, b.Client(), b.plan, pod.Name)
			if err != nil {
				return err
			}
			return b.document.Edit(func(kept *saved) { kept.Token = token })
		case errors.Is(err, front.ErrComing) && err.Error() != last:
			last = err.Error()
			b.Emit(steps.Event(stepWait, event.StepWaiting, last, begin))
		case errors.Is(err, front.ErrComing):
		default:
			return err
		}
		err = delay.For(ctx, pause)
		if errors.Is(err, context.DeadlineExceeded) {
			return problem.New(problem.Timeout, "the front is not running after %s: %s",
				time.Since(begin).Round(time.Second), last).WithHint("give it longer with --timeout")
		}
		if err != nil {
			return err
		}
	}
}

// reach returns once the front has the rule.
func (b *beginning) reach(ctx context.Context) error {
	b.Start()
	if err := b.AwaitUp(ctx); err != nil {
		return err
	}
	select {
	case <-b.registered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// probe connects through the front to every original on every port: what it can't reach now, it could not reach later.
func (b *beginning) probe(ctx context.Context) error {
	known, err := front.Originals(ctx, b.Client(), b.plan)
	if err != nil {
		return err
	}
	const most = 20
	for _, all := range known {
		for _, address := range all[:min(len(all), most)] {
			conn, err := b.front.Dial(ctx, "tcp", address.String())
			if err != nil {
				return problem.New(problem.Refused, "the front does not reach the original at %s: %w", address, err).
					WithHint("a NetworkPolicy may let only some pods there: kubectl get networkpolicies -n %s",
						b.plan.Namespace)
			}
			conn.Close()
		}
	}
	return nil
}

func (b *beginning) toFront(ctx context.Context) error {
	if err := front.AwaitReady(ctx, b.Client(), b.plan); err != nil {
		return err
	}
	return front.Switch(ctx, b.Client(), b.plan)
}

// markUp says that the route is up: the next daemon takes it up again.
func (b *beginning) markUp(context.Context) error {
	return b.document.Edit(func(kept *saved) { kept.Up = true })
}
