package routesession

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/gatewayclient"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/process"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

const (
	// death is the silence after which a carrier is given up.
	death = 8 * time.Second
	// statusLimit limits what a status asks the front.
	statusLimit = 3 * time.Second
	// localLimit limits an attempt to reach the local process.
	localLimit = 4 * time.Second
	// againPause is the rest between two tries to register.
	againPause = 100 * time.Millisecond
	// processPause is the rest between two looks at the process that a route lasts for.
	processPause = time.Second
)

// Session is a live route: what every session has, a rule that the front has, and connections that come from there.
type Session struct {
	held.Session[record.Route]
	kind     *Kind
	document *session.Document[saved]
	front    gatewayclient.Client
	open     atomic.Int64
	// shortcuts lead connections of this computer past the cluster; registeredAgain has a value after each
	// registration.
	shortcuts       shortcuts
	registeredAgain chan struct{}
	// target is where a route to a duplicate leads.
	target target
	// registered is closed once the front has the rule for the first time; unregister takes it back.
	registered chan struct{}
	unregister func()
}

func newSession(k *Kind, cluster *kube.Client, state saved) *Session {
	s := &Session{
		kind:       k,
		document:   session.NewDocument(state, func(s saved) error { return save(k.dirs, s) }),
		registered: make(chan struct{}),
		unregister: func() {},

		registeredAgain: make(chan struct{}, 1),
	}
	s.Session = held.Session[record.Route]{
		Session: session.New(k.logger, cluster, state.Record.Session),
		Kind:    k.held,
		Record:  s.record,
		Lead: func(c *kube.Client) error {
			return s.document.Edit(func(kept *saved) { kept.LeadBy(c) })
		},
		Gone:    s.gone,
		Changed: s.changed,
	}
	s.front = gatewayclient.Client{Open: s.OpenBulk}
	return s
}

func (s *Session) record() record.Route { return s.document.Value().Record }

// planOf is the front of a route, as far as finding it goes.
func planOf(r record.Route) front.Plan {
	return front.Plan{ID: r.Front, Namespace: r.Namespace, Service: r.Service}
}

// Start brings up the carriers, and has the rule registered on each that comes; it does not wait.
func (s *Session) Start() {
	s.Connect(session.Lines{
		Token:       s.document.Value().Token,
		At:          s.record().Front,
		Interactive: s.dial,
		Bulk:        s.dial,
		Handlers:    wire.Handlers{wire.KindIntercept: s.intercept},
		Death:       death,
		Up:          func() {},
	})
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan struct{})
	s.unregister = func() {
		cancel()
		<-ended
	}
	if p := s.document.Value().Process; p != (process.ID{}) {
		s.Go("the process that the route lasts for", func() { s.lastsFor(p) })
	}
	s.Go("the route's registration", func() {
		defer close(ended)
		s.keepRegistered(ctx)
	})
}

// lastsFor ends the route once a process has ended. What fails is tried again.
func (s *Session) lastsFor(p process.ID) {
	for delay.For(s.Context(), processPause) == nil {
		if p.Lives() || s.Leaving() {
			continue
		}
		s.kind.registry.Go("end the route of a process that has ended", func(ctx context.Context) {
			if err := s.kind.end(ctx, s); err != nil {
				s.Logger.Warn("end the route of a process that has ended", "error", err)
			}
		})
	}
}

// dial reaches the front's pod.
func (s *Session) dial(ctx context.Context) (net.Conn, string, error) {
	c, mine := s.Client(), s.record()
	pod, err := front.Pod(ctx, c, planOf(mine))
	if err != nil {
		return nil, "", err
	}
	conn, err := c.DialPod(ctx, kube.PodPort{
		Pod:       pod.Name,
		Port:      mine.Port,
		Container: contract.AgentContainer,
		Command:   []string{contract.ImageEntry, "dial", strconv.Itoa(mine.Port)},
	})
	return conn, pod.Name, err
}

// keepRegistered has the front know the rule, carrier after carrier, until ctx ends.
func (s *Session) keepRegistered(ctx context.Context) {
	changed := make(chan struct{}, 1)
	original := planOf(s.record()).Original()
	slices := schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	objects := kube.NewObjects(note)
	if s.record().Dev != "" {
		s.Go("the duplicate", func() { s.followDuplicates(ctx, note) })
	}
	s.Go("the originals", func() {
		s.Client().Follow(ctx, kube.Selection{
			Resource:  slices,
			Namespace: s.record().Namespace,
			Labels:    "kubernetes.io/service-name=" + original,
		}, objects)
	})
	first := true
	var before *gatewayclient.Registration // which the next one takes the place of
	defer func() { s.unfollow(before) }()
	for ctx.Err() == nil {
		rule := s.rule(ctx)
		r, err := s.front.Register(ctx, rule)
		if err != nil {
			s.Logger.Warn("register the route", "error", err)
			_ = delay.For(ctx, againPause)
			continue
		}
		if before != nil {
			before.Break()
		}
		s.shortcuts.told(rule.Probes)
		select {
		case s.registeredAgain <- struct{}{}:
		default:
		}
		if first {
			close(s.registered)
			first = false
		}
		before = s.follow(ctx, r, rule, changed)
	}
}

// rule is the route as its front has it. Without the originals' probes it works as well.
func (s *Session) rule(ctx context.Context) route.Rule {
	rule := s.record().Rule()
	if rule.Pod {
		rule.Address = s.find(ctx)
	}
	if rule.All {
		return rule
	}
	known, err := front.Probes(ctx, s.Client(), planOf(s.record()))
	if err != nil && ctx.Err() == nil {
		s.Logger.Warn("read the originals' probes", "error", err)
	}
	rule.Probes = known
	return rule
}

// follow tells the front of the originals until the registration is over. It returns one whose place another one has to
// take.
func (s *Session) follow(
	ctx context.Context, r *gatewayclient.Registration, rule route.Rule, changed <-chan struct{},
) (before *gatewayclient.Registration) {
	for {
		s.tellOriginals(ctx, r)
		select {
		case <-changed:
			if rule.Pod && s.find(ctx) != rule.Address && ctx.Err() == nil {
				return r
			}
		case <-r.Over():
			s.unfollow(r)
			return nil
		case <-ctx.Done():
			s.unfollow(r)
			return nil
		}
	}
}

// unfollow ends a registration.
func (s *Session) unfollow(r *gatewayclient.Registration) {
	switch {
	case r == nil:
	case s.Context().Err() != nil: // the next daemon takes the route up
		r.Break()
	default:
		_ = r.Close()
	}
}

// tellOriginals tells the front which originals are ready. Without that, it finds one of them by the cluster's network.
func (s *Session) tellOriginals(ctx context.Context, r *gatewayclient.Registration) {
	known, err := front.Originals(ctx, s.Client(), planOf(s.record()))
	if err == nil {
		err = r.Originals(known)
	}
	if err != nil && ctx.Err() == nil {
		s.Logger.Warn("tell the front of the originals", "error", err)
	}
}

// intercept joins a connection that the front brings with the local process that the route names. The front says which
// port of the route; where that leads, this computer alone knows.
func (s *Session) intercept(ctx context.Context, in *wire.Incoming) error {
	asked, err := request.Parse[request.Intercept](in.Params)
	if err != nil {
		return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
	}
	mine := s.record()
	for _, p := range mine.Ports {
		if asked.Route != mine.Session || asked.Port != p.Target {
			continue
		}
		network, address, err := record.LocalAddress(p.Local)
		if err != nil {
			return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
		}
		conn, err := (&net.Dialer{Timeout: localLimit}).DialContext(ctx, network, address)
		if err != nil {
			return &wire.Refusal{Code: localCode(err), Reason: err.Error()}
		}
		stream, err := in.Accept()
		if err != nil {
			conn.Close()
			return err
		}
		s.open.Add(1)
		defer s.open.Add(-1)
		wire.Join(ctx, stream, conn)
		return nil
	}
	return &wire.Refusal{Code: request.Invalid, Reason: "this computer has no such route"}
}

// connections are those that the local process has of the route.
func (s *Session) connections() int64 {
	_, direct, _ := s.shortcuts.report()
	return s.open.Load() + direct
}

// localCode says why the local process was not reached. A computer refuses at once where nothing listens.
func localCode(err error) string {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return request.TimedOut
	}
	return request.Refused
}

// Quit takes the rule back from the front.
func (s *Session) Quit() { s.unregister() }

// Serve keeps a route that is up.
func (s *Session) Serve() {
	s.Go("the heartbeat", func() { s.Beat(s) })
	s.Go("the way past the cluster", func() { s.keepShortcut(s.Context()) })
}

func viewOf(r record.Route) rpc.Session {
	view := session.ViewOfRoute(r)
	view.Route = &rpc.Route{Service: r.Service, Ports: []rpc.RoutePort{}, Mirror: r.Mirror, Dev: r.Dev}
	if !r.Until.IsZero() {
		view.Route.Until = &r.Until
	}
	for _, p := range r.Ports {
		view.Route.Ports = append(view.Route.Ports, rpc.RoutePort(p))
	}
	for _, m := range r.Matches {
		view.Route.Matches = append(view.Route.Matches, rpc.Match(m))
	}
	return view
}

// View shows the route as far as that is known without asking anyone.
func (s *Session) View() rpc.Session {
	kept := s.document.Value()
	view := viewOf(kept.Record)
	view.Live, view.Mine, view.Context = true, true, kept.Context
	if s.Connected() {
		link := s.BulkLink()
		view.Link, view.Pod = &link, link.Pod
	}
	view.Route.Open = s.connections()
	view.Route.Direct, _, view.Route.NotDirect = s.shortcuts.report()
	return view
}

// Status asks the front, over the carrier that requests take. Nothing else says that it works.
func (s *Session) Status(ctx context.Context) rpc.Session {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	view := s.View()
	view.Notices = s.Notices()
	if _, why := s.target.get(); why != "" {
		view.Notices = append(view.Notices, why+". In the meantime the originals answer.")
	}
	err := errors.New("it is starting")
	var answer request.Routes
	var took time.Duration
	if s.Connected() {
		answer, took, err = s.front.Routes(ctx)
	}
	if err != nil {
		reason := err.Error()
		if view.Link != nil && view.Link.State != tunnel.Up {
			reason = cmp.Or(view.Link.Reason, reason)
		}
		view.Route.Reason = reason
		return view
	}
	view.Route.RoundTrip = float64(took) / float64(time.Millisecond)
	view.Route.Reason = "the front does not know the route yet"
	for _, r := range answer.Routes {
		if r.ID != view.ID {
			continue
		}
		view.Route.Reason = ""
		view.Route.Matched, view.Route.Passed, view.Route.FailedOpen = r.Matched, r.Passed, r.FailedOpen
		view.Route.Errors, view.Route.Dropped = r.Errors, r.Dropped
		for _, q := range r.Last {
			view.Route.Last = append(view.Route.Last, rpc.RoutedRequest{
				Time:       q.Time,
				Method:     escape.Line(q.Method),
				Path:       escape.Line(q.Path),
				Status:     q.Status,
				FailedOpen: escape.Line(q.FailedOpen),
			})
		}
	}
	return view
}

// Synced is empty: a route syncs nothing.
func (s *Session) Synced(context.Context, string) map[string]rpc.Synced { return nil }
