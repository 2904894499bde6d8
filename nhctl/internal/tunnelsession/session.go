package tunnelsession

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/gateway"
	"github.com/nhctl/nhctl/nhctl/internal/gatewayclient"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/nhctl/internal/socks"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// methodSocks is how programs use a tunnel: by a proxy.
const methodSocks = "socks"

const (
	// death is the silence after which a carrier is given up, and its connections are reset: a program is to hear of it
	// within ten seconds.
	death = 8 * time.Second
	// statusLimit limits what a status asks the gateway.
	statusLimit = 3 * time.Second
	// portPause is the rest between two tries to have the proxy's port again.
	portPause = time.Second
)

// Session is a live tunnel: what every session has, a gateway in the cluster, and a proxy here.
type Session struct {
	held.Session[record.Tunnel]
	kind     *Kind
	document *session.Document[saved]
	keeper   *gateway.Keeper
	gateway  gatewayclient.Client
	proxy    *socks.Proxy

	mu       sync.Mutex
	listener net.Listener // the proxy's, while it is there
	trouble  string       // why the gateway's pod is not there
}

func newSession(k *Kind, cluster *kube.Client, state saved) *Session {
	s := &Session{kind: k, document: session.NewDocument(state, func(s saved) error { return save(k.dirs, s) })}
	s.Session = held.Session[record.Tunnel]{
		Session: session.New(k.logger, cluster, state.Record.Session),
		Kind:    k.held,
		Record:  s.record,
		Lead: func(c *kube.Client) error {
			return s.document.Edit(func(kept *saved) { kept.LeadBy(c) })
		},
		Gone:    s.gone,
		Changed: s.changed,
	}
	s.keeper = &gateway.Keeper{
		Binaries: func() plant.Binaries {
			return sidecarbinary.Default(func(text string) { s.Logger.Info(text) })
		},
		Save: s.keepRecord,
		Note: func(text string) { s.Emit(event.Event{Type: event.Notice, Message: text}) },
	}
	s.gateway = gatewayclient.Client{Open: s.openFor}
	s.proxy = socks.New(socks.Options{
		Dial:   s.gateway.Dial,
		Code:   codeOf,
		Logger: s.Logger.With("session", state.Record.Session, slog.String("part", "proxy")),
	})
	return s
}

// codeOf is the code of what was not reached.
func codeOf(err error) string {
	var failed *gatewayclient.Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	return ""
}

func (s *Session) record() record.Tunnel { return s.document.Value().Record }

// keepRecord keeps another record of the tunnel, here and in its Lease. A Lease that has gone with its gateway comes
// back with the next one, and with this record.
func (s *Session) keepRecord(ctx context.Context, t record.Tunnel) error {
	if err := s.document.Edit(func(kept *saved) { kept.Record = t }); err != nil {
		return err
	}
	if err := lease.Update(ctx, s.Client(), t); !errors.Is(err, lease.ErrNotHolder) {
		return err
	}
	return nil
}

// Start brings up the carriers; it does not wait for them.
func (s *Session) Start() {
	s.Connect(session.Lines{
		Token:       s.document.Value().Token,
		Interactive: s.dial,
		Bulk:        s.dialSamePod,
		Death:       death,
		Up:          func() {},
	})
}

// dial reaches the gateway's pod, and makes another one where that is gone.
func (s *Session) dial(ctx context.Context) (net.Conn, string, error) {
	c, kept := s.Client(), s.document.Value()
	pod, err := s.keeper.Pod(ctx, c, kept.Record, kept.Token)
	s.setTrouble(err)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.DialPod(ctx, agentPort(pod.Name, kept.Record))
	return conn, pod.Name, err
}

// dialSamePod reaches the pod that the interactive carrier is up to.
func (s *Session) dialSamePod(ctx context.Context) (net.Conn, string, error) {
	pod, err := s.AwaitPod(ctx)
	if err != nil {
		return nil, "", err
	}
	conn, err := s.Client().DialPod(ctx, agentPort(pod, s.record()))
	return conn, pod, err
}

// agentPort is where the agent of a pod takes carriers.
func agentPort(pod string, r record.Tunnel) kube.PodPort {
	program := contract.ImageEntry
	if r.ByExec || r.Companion() {
		program = contract.Binary
	}
	return kube.PodPort{
		Pod:       pod,
		Port:      r.Port,
		Container: cmp.Or(r.Container, contract.AgentContainer),
		Command:   []string{program, "dial", strconv.Itoa(r.Port)},
	}
}

func (s *Session) setTrouble(err error) {
	text := ""
	if err != nil {
		p := problem.From(err)
		if text = p.Message; p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = text
}

// listen has the proxy serve on a port of 127.0.0.1.
func (s *Session) listen(listener net.Listener) {
	s.mu.Lock()
	s.listener = listener
	s.mu.Unlock()
	s.Go("the proxy", func() {
		if err := s.proxy.Serve(s.Context(), listener); err != nil {
			s.Logger.Error("proxy", "error", err)
		}
		s.mu.Lock()
		s.listener = nil
		s.mu.Unlock()
	})
}

// Quit does nothing: the gateway waits for the carriers.
func (s *Session) Quit() {}

// Serve keeps a tunnel that is up: the proxy's port and the heartbeat.
func (s *Session) Serve() {
	s.Go("the heartbeat", func() { s.Beat(s) })
	s.Go("the proxy's port", s.keepListening)
}

// keepListening takes the port that programs of this computer know, and takes it again where listening has failed.
func (s *Session) keepListening() {
	for {
		s.mu.Lock()
		there := s.listener != nil
		s.mu.Unlock()
		if !there {
			listener, err := tunnel.Listen(s.document.Value().Port)
			if err == nil {
				s.listen(listener)
			} else {
				s.Logger.Warn("the proxy's port", "error", err)
			}
		}
		if delay.For(s.Context(), portPause) != nil {
			return
		}
	}
}

// View shows the tunnel as far as that is known without asking anyone.
func (s *Session) View() rpc.Session {
	kept, counts := s.document.Value(), s.proxy.Counts()
	view := session.ViewOfTunnel(kept.Record)
	view.Live, view.Mine, view.Context = true, true, kept.Context
	if s.Connected() {
		link := s.Link()
		view.Link, view.Pod = &link, link.Pod
	}
	view.Tunnel = &rpc.Tunnel{
		Method:   methodSocks,
		Port:     kept.Port,
		Open:     counts.Open,
		Opened:   counts.Opened,
		Failed:   counts.Failed,
		Sent:     counts.Sent,
		Received: counts.Received,
	}
	return view
}

// Status asks the gateway for an answer, over the carriers that connections take. Nothing else says that it works.
func (s *Session) Status(ctx context.Context) rpc.Session {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	var took time.Duration
	err := errors.New("it is starting")
	if s.Connected() {
		_, took, err = s.gateway.About(ctx)
	}
	view := s.View()
	view.Notices = s.Notices()
	view.Tunnel.RoundTrip = float64(took) / float64(time.Millisecond)
	s.mu.Lock()
	listens, trouble := s.listener != nil, s.trouble
	s.mu.Unlock()
	if err != nil {
		reason := err.Error()
		if view.Link != nil && view.Link.State != tunnel.Up {
			reason = cmp.Or(trouble, view.Link.Reason, reason)
		}
		view.Tunnel.Reason = reason
	}
	if !listens {
		text := fmt.Sprintf("another program has port %d, which is the proxy's: nhctl takes it again once it is free",
			view.Tunnel.Port)
		view.Notices = append(view.Notices, text)
	}
	return view
}

// Synced is empty: a tunnel syncs nothing.
func (s *Session) Synced(context.Context, string) map[string]rpc.Synced { return nil }
