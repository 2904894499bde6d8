package devsession

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarclient"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Session is a live session of dev mode: what every session has, and sync, commands, and an eye on the original. It is
// the devmode.Link of its own entering and leaving.
type Session struct {
	*session.Session
	dirs     userdirs.Dirs
	document *session.Document[saved]
	owner    owner
	// indexes is the folder of the local sync indexes; empty means the session's own.
	indexes string
	up      chan struct{} // a carrier has come up
	planter devmode.Planter

	mu     sync.Mutex
	opened []*openFolder
	// checking is held while the original is checked; aside says that the twin has left the Services.
	checking sync.Mutex
	aside    bool
}

// owner is who keeps a session. It does its work in the background.
type owner interface {
	// over drops a session that the cluster no longer has, leave ends one; both say why.
	over(s *Session, why string)
	leave(s *Session, why string)
}

func newSession(dirs userdirs.Dirs, logger *slog.Logger, cluster *kube.Client, s saved, owner owner) *Session {
	made := &Session{
		Session:  session.New(logger, cluster, s.Record.Session),
		dirs:     dirs,
		document: session.NewDocument(s, func(s saved) error { return save(dirs, s) }),
		owner:    owner,
		up:       make(chan struct{}, 1),
	}
	made.planter.Binaries = func() plant.Binaries {
		return sidecarbinary.Default(func(text string) { made.Logger.Info(text) })
	}
	made.planter.Save, made.planter.Note = made.planted, made.Note
	return made
}

// planted keeps a record that says another way for the sidecar's binary to come into the twin's pods.
func (s *Session) planted(ctx context.Context, r devmode.Record) error {
	if err := s.document.Edit(func(kept *saved) { kept.Record.ByExec = r.ByExec }); err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	return lease.Update(ctx, s.Client(), s.record())
}

func (s *Session) record() devmode.Record { return s.document.Value().Record }

// Home is where the session lives.
func (s *Session) Home() (string, record.Place) {
	r := s.record()
	return r.Namespace, r.Place
}

// renew takes the credentials of a newer call, and lets the lines try again at once.
func (s *Session) renew(c *kube.Client) {
	if s.SetClient(c) { // the same place by another address: the next daemon is to find it too
		if err := s.document.Edit(func(kept *saved) { kept.leadBy(c) }); err != nil {
			s.Logger.Error("keep where the session is", "error", err)
		}
	}
	s.Wake()
}

// Save keeps the session on this computer.
func (s *Session) Save(r devmode.Record, token []byte) error {
	var roots []string
	for _, f := range r.Folders() {
		roots = append(roots, f.Local)
	}
	s.SetID(r.Session)
	return s.document.Edit(func(kept *saved) { kept.Record, kept.Token, kept.Roots = r, token, roots })
}

// Start brings up carriers, sync and forwarded ports; it does not wait for them.
func (s *Session) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Connected() {
		return nil
	}
	if err := s.openFolders(); err != nil {
		return err
	}
	s.Session.Connect(session.Lines{
		Token:       s.document.Value().Token,
		Interactive: s.dial,
		Bulk:        s.dialSamePod,
		Up: func() {
			select {
			case s.up <- struct{}{}:
			default: // it will look anyway
			}
		},
	})
	s.Go("what is to run", func() { s.keepRunning(s.Context()) })
	for _, f := range s.opened {
		s.serveFolder(f)
	}
	return nil
}

// dial reaches the sidecar of whatever pod the twin has now.
func (s *Session) dial(ctx context.Context) (net.Conn, string, error) {
	c, r := s.Client(), s.record()
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
	if r.Phase == record.Active { // entering does that itself
		acted, err := s.planter.Tend(ctx, c, r, pod)
		if acted && err == nil {
			err = errors.New("the sidecar is on its way into the pod")
		}
		if err != nil {
			return nil, pod.Name, err
		}
	}
	conn, err := c.DialPod(ctx, sidecarPort(pod.Name, r.Port))
	return conn, pod.Name, err
}

// dialSamePod reaches the pod that the interactive carrier is up to: while that one seeks its pod, a second search
// would only slow the first.
func (s *Session) dialSamePod(ctx context.Context) (net.Conn, string, error) {
	pod, err := s.AwaitPod(ctx)
	if err != nil {
		return nil, "", err
	}
	conn, err := s.Client().DialPod(ctx, sidecarPort(pod, s.record().Port))
	return conn, pod, err
}

// sidecarPort is where the sidecar of a pod takes carriers.
func sidecarPort(pod string, port int) kube.PodPort {
	return kube.PodPort{
		Pod:       pod,
		Port:      port,
		Container: contract.SidecarContainer,
		Command:   []string{contract.Binary, "dial", strconv.Itoa(port)},
	}
}

// serve keeps an entered session: ports, heartbeat, and an eye on the original.
func (s *Session) serve() {
	s.Reopen(s.document.Value().Forwards)
	s.Go("the heartbeat", func() { s.Heartbeat(s.look) })
	s.Go("the watch of the original", s.watch)
}

// Call calls the sidecar.
func (s *Session) Call(ctx context.Context, method, path string, in, out any) error {
	return sidecarclient.Client{Open: s.Open}.Call(ctx, method, path, in, out)
}

// Ask calls the sidecar, and has read read its answer.
func (s *Session) Ask(ctx context.Context, method, path string, in any, read func(answer io.Reader) error) error {
	return sidecarclient.Client{Open: s.Open}.Ask(ctx, method, path, in, read)
}

// View shows the session as far as that is known without asking anyone.
func (s *Session) View() rpc.Session {
	view := session.ViewOf(s.record())
	view.Live, view.Mine = true, true
	if s.Connected() {
		link := s.Link()
		view.Link, view.Pod = &link, link.Pod
	}
	return view
}

// statusLimit limits what a status asks the cluster and the pod.
const statusLimit = 3 * time.Second

// Status is the session as the command line shows it.
func (s *Session) Status(ctx context.Context) rpc.Session {
	view := s.View()
	view.Live, view.Notices = s.Connected(), s.Notices()
	if !view.Live {
		return view
	}
	view.Forwards = s.Forwards()
	view.Sync = s.folders().Data(ctx)
	for _, d := range view.Sync {
		for _, full := range d.Full {
			view.Notices = append(view.Notices, folders.FullText(full))
		}
		if len(d.ConflictPaths) > 0 {
			view.Notices = append(view.Notices, folders.ConflictText(d.ConflictPaths))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	if view.Link.State != tunnel.Up {
		if why, err := devmode.Ails(ctx, s.Client(), s.record()); err == nil && why != "" {
			view.Notices = append(view.Notices, why)
		}
		return view
	}
	for _, c := range s.containers() {
		commands, notices := c.commands().Status(ctx)
		view.Commands = append(view.Commands, commands...)
		view.Notices = append(view.Notices, notices...)
	}
	return view
}
