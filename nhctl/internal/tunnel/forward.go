package tunnel

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// connectLimit is how long a new connection waits for a carrier that is down.
const connectLimit = 10 * time.Second

// Forwards are the local ports of a session. A listener outlives the pod: connections that come while no carrier is up
// wait.
type Forwards struct {
	open    func(context.Context, wire.Kind, any) (net.Conn, error)
	logger  *slog.Logger
	mu      sync.Mutex
	ports   map[int]*forward // by local port
	serving sync.WaitGroup
}

type forward struct {
	data      event.ForwardData
	listeners []net.Listener
	stop      context.CancelFunc
}

// NewForwards returns forwards that open their streams with open.
func NewForwards(open func(context.Context, wire.Kind, any) (net.Conn, error), logger *slog.Logger) *Forwards {
	return &Forwards{open: open, logger: logger, ports: map[int]*forward{}}
}

// Open listens on a local port (0 for any free one), on loopback alone, until ctx ends or Close.
func (f *Forwards) Open(ctx context.Context, local, remote int) (event.ForwardData, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if have, ok := f.ports[local]; ok && local != 0 && have.data.Remote == remote {
		return have.data, nil
	}
	listeners, err := listen(local)
	if err != nil {
		return event.ForwardData{Local: local, Remote: remote, State: "failed", Reason: err.Error()}, err
	}
	local = listeners[0].Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithCancel(ctx)
	fw := &forward{data: event.ForwardData{Local: local, Remote: remote, State: "listening"}, listeners: listeners,
		stop: cancel}
	f.ports[local] = fw
	for _, l := range listeners {
		f.serving.Go(func() { f.serve(ctx, l, remote) })
	}
	return fw.data, nil
}

// Listen takes a port on 127.0.0.1. Where that is taken, the problem names who has it.
func Listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, taken(port, err)
	}
	return listener, nil
}

// listen takes a port on 127.0.0.1, and on ::1 where there is one.
func listen(port int) ([]net.Listener, error) {
	first, err := Listen(port)
	if err != nil {
		return nil, err
	}
	listeners := []net.Listener{first}
	if second, err := net.Listen("tcp",
		net.JoinHostPort("::1", strconv.Itoa(first.Addr().(*net.TCPAddr).Port))); err == nil {
		listeners = append(listeners, second)
	}
	return listeners, nil
}

// taken names who has a port, and offers a free one.
func taken(port int, cause error) error {
	p := problem.New(problem.PortTaken, "local port %d is taken%s: %w", port, by(port), cause)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return p
	}
	defer free.Close()
	return p.WithHint("take another one, such as %d, which is free", free.Addr().(*net.TCPAddr).Port)
}

func by(port int) string {
	if owner := PortOwner(port); owner != "" {
		return " by " + owner
	}
	return ""
}

func (f *Forwards) serve(ctx context.Context, l net.Listener, remote int) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				f.logger.Error("forward", "remote", remote, "error", err)
			}
			return
		}
		connections.Go(func() { f.forward(ctx, conn, remote) })
	}
}

func (f *Forwards) forward(ctx context.Context, conn net.Conn, remote int) {
	waiting, cancel := context.WithTimeout(ctx, connectLimit)
	stream, err := f.open(waiting, wire.KindForward, wire.ForwardParams{Port: remote})
	cancel()
	if err != nil {
		f.logger.Debug("forward", "remote", remote, "error", err)
		conn.Close()
		return
	}
	wire.Join(ctx, conn, stream)
}

// Close stops listening on a local port.
func (f *Forwards) Close(local int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fw, ok := f.ports[local]
	if !ok {
		return problem.New(problem.NotFound, "local port %d is not forwarded", local).
			WithHint("`nhctl dev forward` lists the ports that are")
	}
	delete(f.ports, local)
	fw.stop()
	for _, l := range fw.listeners {
		l.Close()
	}
	return nil
}

// List tells of all ports.
func (f *Forwards) List() []event.ForwardData {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []event.ForwardData{}
	for _, fw := range f.ports {
		list = append(list, fw.data)
	}
	return list
}

// CloseAll stops everything and waits.
func (f *Forwards) CloseAll() {
	f.mu.Lock()
	for local, fw := range f.ports {
		fw.stop()
		for _, l := range fw.listeners {
			l.Close()
		}
		delete(f.ports, local)
	}
	f.mu.Unlock()
	f.serving.Wait()
}
