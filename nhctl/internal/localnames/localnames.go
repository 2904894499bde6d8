package localnames

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/sidecar/wire"
)

const (
	// settle is how long changes are collected, so that a rollout is not an edit of the hosts file for each pod.
	settle = 100 * time.Millisecond
	// retry is when ports are tried again that others had.
	retry = 5 * time.Second
	// dialLimit limits a connection to the cluster.
	dialLimit = 15 * time.Second
	// maxConns limits the connections of all names together.
	maxConns = 4096
	// otherAddresses is how many addresses are tried for an entry whose ports are taken.
	otherAddresses = 4
)

// Options are what names need.
type Options struct {
	Selection
	// Sources know the Services: one those of all namespaces, or several those of one each.
	Sources []Source
	Dial    func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	Listen  func(ctx context.Context, at netip.AddrPort) (net.Listener, error)
	// Publish puts lines into the hosts file, in place of those before.
	Publish func(lines []hostsfile.Line) error
	// Notice is called for each port that can't be opened, once.
	Notice func(Notice)
}

// Source knows Services as they are now. Changed is closed at the next change.
type Source interface {
	Table() *clusternet.Table
	Changed() <-chan struct{}
}

// Notice is about a port of an entry that is not there.
type Notice struct {
	Name string
	At   netip.AddrPort
	Err  error
}

// Serve keeps the names until ctx ends. Ready is called once they are there the first time.
func Serve(ctx context.Context, o Options, ready func(names int)) error {
	s := &server{
		Options: o,
		open:    map[string]*place{},
		noticed: map[string]bool{},
		places:  make(chan struct{}, maxConns),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer s.serving.Wait()
	defer s.closeAll()
	defer cancel()
	for {
		changed := make([]<-chan struct{}, len(s.Sources))
		for i, source := range s.Sources { // before it is looked at, so that no change is missed
			changed[i] = source.Changed()
		}
		complete, err := s.apply(ctx)
		if err != nil {
			return err
		}
		if ready != nil {
			ready(len(s.open))
			ready = nil
		}
		again := retry
		if complete {
			again = 0
		}
		if wait(ctx, changed, again); delay.For(ctx, settle) != nil {
			return nil
		}
	}
}

// wait waits for the first of some channels to close, for ctx, or for a time that is not 0.
func wait(ctx context.Context, changed []<-chan struct{}, most time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	for _, c := range changed {
		waiting.Go(func() {
			select {
			case <-c:
				cancel()
			case <-ctx.Done():
			}
		})
	}
	if most > 0 {
		_ = delay.For(ctx, most)
		return
	}
	<-ctx.Done()
}

// server serves the entries that there are.
type server struct {
	Options
	open    map[string]*place
	noticed map[string]bool
	lines   []hostsfile.Line
	places  chan struct{}
	serving sync.WaitGroup
}

// place is an entry with its address.
type place struct {
	entry   Entry
	address netip.Addr
	ports   map[uint16]*port
}

// port is an open one.
type port struct {
	listener net.Listener
	mu       sync.Mutex
	to       []netip.AddrPort
	next     int
}

// target is where the next connection leads.
func (p *port) target() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	return p.to[p.next%len(p.to)]
}

func (p *port) set(to []netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

// apply makes what is open what the cluster has. It is not complete where a port is someone else's.
func (s *server) apply(ctx context.Context) (complete bool, err error) {
	wanted := map[string]Entry{}
	for _, source := range s.Sources {
		for _, e := range Entries(source.Table(), s.Selection) {
			wanted[e.key()] = e
		}
	}
	for key, p := range s.open {
		if _, ok := wanted[key]; !ok {
			p.close()
			delete(s.open, key)
		}
	}
	complete = true
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		p := s.open[key]
		if p == nil {
			p = s.place(ctx, wanted[key])
			s.open[key] = p
		}
		p.entry = wanted[key]
		if !s.ports(ctx, p) {
			complete = false
		}
	}
	return complete, s.publish()
}

// place finds an address for an entry: the first one where all of its ports are free, else the first one.
func (s *server) place(ctx context.Context, e Entry) *place {
	taken := func(a netip.Addr) bool {
		for _, p := range s.open {
			if p.address == a {
				return true
			}
		}
		return false
	}
	all := candidates(e.key(), otherAddresses, taken)
	for _, a := range all {
		free := true
		for _, p := range e.Ports {
			l, err := s.Listen(ctx, netip.AddrPortFrom(a, p.Port))
			if err == nil {
				l.Close()
			} else if errors.Is(err, syscall.EADDRINUSE) {
				free = false
			}
		}
		if free {
			return &place{address: a, ports: map[uint16]*port{}}
		}
	}
	return &place{address: all[0], ports: map[uint16]*port{}}
}

// ports opens the ports of an entry, and closes those that do not answer any more. It says whether all are open.
func (s *server) ports(ctx context.Context, p *place) bool {
	complete := true
	for number, open := range p.ports {
		if !slices.ContainsFunc(p.entry.Ports, func(w Port) bool { return w.Port == number }) {
			open.listener.Close()
			delete(p.ports, number)
		}
	}
	for _, w := range p.entry.Ports {
		if open := p.ports[w.Port]; open != nil {
			open.set(w.To)
			continue
		}
		at := netip.AddrPortFrom(p.address, w.Port)
		l, err := s.Listen(ctx, at)
		if err != nil {
			complete = false
			s.notice(Notice{Name: p.entry.shortest(), At: at, Err: err})
			continue
		}
		open := &port{listener: l, to: w.To}
		p.ports[w.Port] = open
		s.serving.Go(func() { s.accept(ctx, open) })
	}
	return complete
}

// shortest is the name that people use.
func (e Entry) shortest() string { return e.Names[len(e.Names)-1] }

func (s *server) notice(n Notice) {
	key := n.Name + n.At.String()
	if !s.noticed[key] {
		s.noticed[key] = true
		s.Notice(n)
	}
}

// publish puts the names into the hosts file, where they are others than before.
func (s *server) publish() error {
	var lines []hostsfile.Line
	for _, key := range slices.Sorted(maps.Keys(s.open)) {
		p := s.open[key]
		lines = append(lines, hostsfile.Line{Address: p.address, Names: p.entry.Names})
	}
	same := func(a, b hostsfile.Line) bool { return a.Address == b.Address && slices.Equal(a.Names, b.Names) }
	if slices.EqualFunc(lines, s.lines, same) {
		return nil
	}
	if err := s.Publish(lines); err != nil {
		return fmt.Errorf("publish the names: %w", err)
	}
	s.lines = lines
	return nil
}

func (p *place) close() {
	for _, open := range p.ports {
		open.listener.Close()
	}
}

func (s *server) closeAll() {
	for _, p := range s.open {
		p.close()
	}
}

// accept takes the connections of a port until that closes. Those that are there stay.
func (s *server) accept(ctx context.Context, p *port) {
	stop := context.AfterFunc(ctx, func() { p.listener.Close() })
	defer stop()
	for {
		near, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for example
			if delay.For(ctx, settle) != nil {
				return
			}
			continue
		}
		select {
		case s.places <- struct{}{}:
			s.serving.Go(func() {
				defer func() { <-s.places }()
				s.carry(ctx, near, p.target())
			})
		default:
			wire.Reset(near, "too many connections")
		}
	}
}

// carry joins a connection to its far end. One that does not reach it is reset.
func (s *server) carry(ctx context.Context, near net.Conn, to netip.AddrPort) {
	dialling, cancel := context.WithTimeout(ctx, dialLimit)
	far, err := s.Dial(dialling, to)
	cancel()
	if err != nil {
		wire.Reset(near, err.Error())
		return
	}
	wire.Join(ctx, near, far)
}
