package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// session is a live session: carriers, sync, ports and heartbeat. It is the devmode.Link of its own entering and leaving.
type session struct {
	paths  Paths
	logger *slog.Logger
	saving sync.Mutex // held while the state is written

	mu sync.Mutex
	// sink takes progress for the call that enters or leaves.
	sink  func(event.Event)
	saved saved
	// indexes is the folder of the local sync indexes; empty means the session's own.
	indexes string
	cluster *kube.Client
	notices []string
	started bool

	up                chan struct{} // a carrier has come up
	interactive, bulk *tunnel.Line
	forwards          *tunnel.Forwards
	folders           []*folder
	context           context.Context
	cancel            context.CancelFunc
	running           sync.WaitGroup
	// owner is called on goroutines of their own; leaving says that the session's end is at work.
	owner   owner
	leaving bool
	// minding is held while the original is looked at; aside says that the twin has left the Services.
	minding sync.Mutex
	aside   bool
}

// owner is who keeps a session.
type owner interface {
	// over drops a session that the cluster no longer has, leave ends one; both say why.
	over(s *session, why string)
	leave(s *session, why string)
}

func newSession(paths Paths, logger *slog.Logger, cluster *kube.Client, s saved, owner owner) *session {
	ctx, cancel := context.WithCancel(context.Background())
	return &session{up: make(chan struct{}, 1), paths: paths, logger: logger, cluster: cluster, saved: s, owner: owner, sink: func(event.Event) {}, context: ctx, cancel: cancel}
}

func (s *session) record() devmode.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved.Record
}

// emit tells the call that enters or leaves, if there is one.
func (s *session) emit(e event.Event) {
	s.mu.Lock()
	sink := s.sink
	e.Session = s.saved.Record.Session
	s.mu.Unlock()
	sink(e)
}

// tell sends progress to a call until the returned function is called.
func (s *session) tell(sink func(event.Event)) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sink = func(event.Event) {}
	}
}

func (s *session) client() *kube.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster
}

// renew takes the credentials of a newer call, and lets the lines try again at once.
func (s *session) renew(c *kube.Client) {
	s.mu.Lock()
	moved := s.cluster != nil && s.cluster.Identity != c.Identity
	s.cluster = c
	started := s.started
	s.mu.Unlock()
	if moved { // the same place by another address: the next daemon is to find it too
		if err := s.keep(func(kept *saved) { kept.kubeconfig(c) }); err != nil {
			s.logger.Error("keep where the session is", "error", err)
		}
	}
	if started {
		s.Wake()
	}
}

// Wake lets lines that rest between two dials try again at once. The session must be started.
func (s *session) Wake() {
	s.interactive.Wake()
	s.bulk.Wake()
}

// Save keeps the session on this computer.
func (s *session) Save(r devmode.Record, token []byte) error {
	var roots []string
	for _, f := range r.Folders() {
		roots = append(roots, f.Local)
	}
	return s.keep(func(kept *saved) { kept.Record, kept.Token, kept.Roots = r, token, roots })
}

// Start brings up carriers, sync and forwarded ports; it does not wait for them.
func (s *session) Start() error {
	s.mu.Lock()
	if s.started {
		s.mu.Unlock()
		return nil
	}
	r := s.saved.Record
	logger := s.logger.With("session", r.Session)
	if err := s.openFolders(logger); err != nil {
		s.mu.Unlock()
		return err
	}
	s.interactive = tunnel.NewLine(s.dial, s.saved.Token, r.Session, wire.PurposeInteractive, logger, func(d event.LinkData) {
		s.emit(event.Event{Type: event.LinkState, Link: &d})
		if d.State == tunnel.Up {
			select {
			case s.up <- struct{}{}:
			default: // it will look anyway
			}
		}
	})
	s.bulk = tunnel.NewLine(s.dialBeside, s.saved.Token, r.Session, wire.PurposeBulk, logger, func(event.LinkData) {})
	s.forwards = tunnel.NewForwards(s.bulk.Open, logger)
	s.started = true
	s.mu.Unlock()

	s.running.Go(func() { s.interactive.Serve(s.context) })
	s.running.Go(func() { s.bulk.Serve(s.context) })
	s.running.Go(func() { s.keepRunning(s.context) })
	for _, f := range s.synced() {
		s.serveFolder(f)
	}
	return nil
}

// dial reaches the sidecar of whatever pod the twin has now.
func (s *session) dial(ctx context.Context) (net.Conn, string, error) {
	c, r := s.client(), s.record()
	pod, err := devmode.Pod(ctx, c, r)
	if err != nil {
		return nil, "", err
	}
	if pod == nil {
		return nil, "", errors.New("the twin has no pod at the moment")
	}
	if err := s.Mounted(ctx, pod.Spec); err != nil {
		return nil, pod.Name, err
	}
	if r.ByExec && r.Phase == record.Active && workload.AwaitsBinary(pod) { // entering does that itself
		if err := devmode.Plant(ctx, c, pod); err != nil {
			return nil, pod.Name, err
		}
	}
	conn, err := c.DialPod(ctx, pod.Name, r.Port)
	return conn, pod.Name, err
}

// dialBeside reaches the pod that the interactive carrier is up to: while that one seeks its pod, a second search would only slow the
// first.
func (s *session) dialBeside(ctx context.Context) (net.Conn, string, error) {
	if _, err := s.interactive.Await(ctx); err != nil {
		return nil, "", err
	}
	pod := s.interactive.State().Pod
	conn, err := s.client().DialPod(ctx, pod, s.record().Port)
	return conn, pod, err
}

// serve keeps an entered session: ports, heartbeat, and an eye on the original.
func (s *session) serve() {
	s.mu.Lock()
	pairs := s.saved.Forwards
	s.mu.Unlock()
	for _, p := range pairs {
		if _, err := s.forwards.Open(s.context, p.Local, p.Remote); err != nil {
			s.note(err.Error())
		}
	}
	s.running.Go(s.beat)
	s.running.Go(s.watch)
}

// note adds a notice, and says whether it is new.
func (s *session) note(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notices {
		if n == text {
			return false
		}
	}
	s.notices = append(s.notices, text)
	return true
}

// stop ends everything local, and waits for it.
func (s *session) stop() {
	s.cancel()
	if s.forwards != nil {
		s.forwards.CloseAll()
	}
	s.running.Wait()
}

// status is the session as the command line shows it.
func (s *session) status(ctx context.Context) rpc.Session {
	s.mu.Lock()
	r, notices, started := s.saved.Record, append([]string(nil), s.notices...), s.started
	s.mu.Unlock()
	view := recordView(r)
	view.Live, view.Mine, view.Notices = started, true, notices
	if !started {
		return view
	}
	link := s.interactive.State()
	view.Link, view.Pod, view.Forwards = &link, link.Pod, s.forwards.List()
	view.Sync = syncData(ctx, s.synced())
	for _, d := range view.Sync {
		if len(d.ConflictPaths) > 0 {
			view.Notices = append(view.Notices, conflictText(d.ConflictPaths))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if link.State != tunnel.Up {
		if why, err := devmode.Ails(ctx, s.client(), r); err == nil && why != "" {
			view.Notices = append(view.Notices, why)
		}
	} else {
		for _, c := range s.containers() {
			for _, st := range c.commands(ctx) {
				view.Commands = append(view.Commands, c.data(st))
				if st.OOMKilled {
					view.Notices = append(view.Notices, outOfMemory(st))
				}
			}
		}
	}
	return view
}

// recordView is a record as the command line shows it.
func recordView(r devmode.Record) rpc.Session {
	var all []string
	if len(r.Beside) > 0 {
		for _, c := range r.Containers() {
			all = append(all, c.Name)
		}
	}
	return rpc.Session{Containers: all, ID: r.Session, Namespace: r.Namespace, Workload: r.Workload.String(), Mode: r.Mode, Phase: string(r.Phase), Holder: r.Holder,
		Since: r.Since, Heartbeat: r.Heartbeat, Twin: r.Twin(), Container: r.Container, Image: r.Image, Folder: r.Folder, WorkDir: r.WorkDir}
}

// forward opens and closes ports, and remembers them.
func (s *session) forward(open, shut []rpc.PortPair) ([]event.ForwardData, error) {
	for _, p := range shut {
		if err := s.forwards.Close(p.Local); err != nil {
			return nil, err
		}
	}
	for _, p := range open {
		if p.Remote < 1 || p.Remote > 65535 {
			return nil, problem.New(problem.Usage, "port %d: want one from 1 to 65535", p.Remote)
		}
		if _, err := s.forwards.Open(s.context, p.Local, p.Remote); err != nil {
			return nil, err
		}
	}
	list := s.forwards.List()
	return list, s.keep(func(kept *saved) {
		kept.Forwards = nil
		for _, f := range list {
			kept.Forwards = append(kept.Forwards, rpc.PortPair{Local: f.Local, Remote: f.Remote})
		}
	})
}
