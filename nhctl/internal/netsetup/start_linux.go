package netsetup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/controlsocket"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

const (
	// orderLimit limits how long an order may take, endLimit how long the helper may take to end.
	orderLimit = time.Minute
	endLimit   = 20 * time.Second
	// chunk is how many lines for the hosts file one order has.
	chunk = 64
)

// Helper is a running helper, as its starter sees it.
type Helper struct {
	// Left is what killed processes had left; it is restored.
	Left    []journal.Left
	conn    *controlsocket.Conn
	process *exec.Cmd
	// answers has those of the helper, and is closed at its end.
	answers chan answered
	ended   chan struct{}
	asking  sync.Mutex
	closing sync.Once
	closed  error
}

type answered struct {
	answer
	fd int
}

// Start starts a helper: program is nhctl's own file. Whoever is not root is asked for a password by sudo. The helper
// begins with restoring what killed processes have left.
func Start(ctx context.Context, program string) (*Helper, error) {
	conn, theirs, err := controlsocket.Pair()
	if err != nil {
		return nil, err
	}
	stdin := os.NewFile(uintptr(theirs), "control")
	argv := []string{program, Argument}
	if os.Geteuid() != 0 {
		argv = append([]string{"sudo", "--"}, argv...)
	}
	h := &Helper{
		conn:    conn,
		process: exec.Command(argv[0], argv[1:]...),
		answers: make(chan answered),
		ended:   make(chan struct{}),
	}
	h.process.Stdin, h.process.Stderr = stdin, os.Stderr
	err = h.process.Start()
	stdin.Close()
	if err != nil {
		conn.Close()
		return nil, problem.New(problem.Refused, "start the helper that needs root: %w", err).
			WithHint("run nhctl itself as root")
	}
	go h.receive()
	got, err := h.ask(ctx, order{Op: opBegin}) // sudo takes as long as the user
	if err != nil {
		_ = h.Close()
	}
	if errors.Is(err, errEnded) {
		return nil, problem.New(problem.Refused, "the helper that needs root did not start").
			WithHint("nhctl starts it by sudo, which has said why; or run nhctl itself as root")
	}
	if err != nil {
		return nil, err
	}
	h.Left = got.Left
	return h, nil
}

// receive hands out the answers, and notices the helper's end.
func (h *Helper) receive() {
	defer close(h.ended)
	for {
		a := answered{fd: -1}
		fd, err := h.conn.Receive(&a.answer)
		if err != nil {
			return
		}
		a.fd = fd
		h.answers <- a
	}
}

var errEnded = problem.New(problem.Internal, "the helper that needs root has ended").
	WithHint("restore this computer: nhctl disconnect --force")

// ask gives an order. One whose answer no one waits for ends the helper, since the next answer would be the wrong one.
func (h *Helper) ask(ctx context.Context, o order) (answered, error) {
	h.asking.Lock()
	defer h.asking.Unlock()
	none := answered{fd: -1}
	if err := h.conn.Send(o, -1); err != nil {
		return none, errEnded
	}
	select {
	case a := <-h.answers:
		if a.Problem != nil {
			return a, a.Problem
		}
		return a, nil
	case <-h.ended:
		return none, errEnded
	case <-ctx.Done():
		_ = h.conn.CloseWrite()
		go func() { // whatever still comes
			select {
			case a := <-h.answers:
				if a.fd >= 0 {
					unix.Close(a.fd)
				}
			case <-h.ended:
			}
		}()
		return none, ctx.Err()
	}
}

func (h *Helper) order(ctx context.Context, o order) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, orderLimit)
	defer cancel()
	return h.ask(ctx, o)
}

// Device makes the device, whose packets the file has: each Read returns one, each Write takes one.
func (h *Helper) Device(ctx context.Context, d Device) (*os.File, string, error) {
	a, err := h.order(ctx, order{Op: opDevice, Device: &d})
	if err != nil {
		return nil, "", err
	}
	if a.fd < 0 {
		return nil, "", errors.New("the helper has made no device")
	}
	// Packets are read by the runtime's poller, so that Close ends a Read.
	_ = unix.SetNonblock(a.fd, true)
	return os.NewFile(uintptr(a.fd), "tun"), a.Name, nil
}

// Routes makes the device the way to some networks, in place of those before.
func (h *Helper) Routes(ctx context.Context, all []netip.Prefix) error {
	_, err := h.order(ctx, order{Op: opRoutes, Routes: all})
	return err
}

// Resolver has a server answer for names.
func (h *Helper) Resolver(ctx context.Context, r Resolver) error {
	_, err := h.order(ctx, order{Op: opResolver, Resolver: &r})
	return err
}

// Hosts puts lines into the hosts file, in place of those before.
func (h *Helper) Hosts(ctx context.Context, lines []hostsfile.Line) error {
	for len(lines) > chunk {
		if _, err := h.order(ctx, order{Op: opHosts, Hosts: lines[:chunk], More: true}); err != nil {
			return err
		}
		lines = lines[chunk:]
	}
	_, err := h.order(ctx, order{Op: opHosts, Hosts: lines})
	return err
}

// PID is the process that was started: the helper, or the sudo above it.
func (h *Helper) PID() int { return h.process.Process.Pid }

// Ended is closed when the helper has ended.
func (h *Helper) Ended() <-chan struct{} { return h.ended }

// Close has the helper restore all, and end.
func (h *Helper) Close() error {
	h.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), endLimit)
		defer cancel()
		if _, err := h.ask(ctx, order{Op: opEnd}); err != nil {
			h.closed = err
		}
		_ = h.conn.CloseWrite()
		select {
		case <-h.ended:
		case <-ctx.Done():
			h.closed = errors.Join(h.closed, fmt.Errorf("the helper does not end: %w", ctx.Err()))
		}
		h.conn.Close()
		<-h.ended
		_ = h.process.Wait()
	})
	return h.closed
}
