package enclosure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/controlsocket"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// setupLimit limits how long namespaces and device may take.
const setupLimit = 20 * time.Second

// Enclosure is a running helper with its namespaces.
type Enclosure struct {
	helper  *os.Process
	control *control
	device  *os.File
	// network names the namespace inside.
	network string
	// ended is closed when the helper can't be asked any more.
	ended chan struct{}

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	exited  chan Status // has the command's end
	closing sync.Once
}

// Start makes namespaces and device. The error says what the system forbids, and how to allow it. The command does not
// run yet. Close ends all of it.
func Start(ctx context.Context, o Options) (*Enclosure, error) {
	var failed *failure
	for _, userspace := range ways() {
		e, err := start(ctx, o, userspace)
		if err == nil || !errors.As(err, &failed) {
			return e, err
		}
	}
	return nil, explain(*failed, look())
}

// ways lists whether a user namespace is made: not by whoever may do without, since it hides other users' files.
func ways() []bool {
	if privileged() {
		return []bool{false, true}
	}
	return []bool{true}
}

// Supported says whether this system can have enclosures at all.
func Supported() error { return nil }

// Check makes an enclosure without a command, and removes it: the error is that of Start.
func Check(ctx context.Context, program string) error {
	e, err := Start(ctx, Options{Program: program, Argv: []string{""}, Env: os.Environ()})
	if err != nil {
		return err
	}
	e.Close()
	return nil
}

func start(ctx context.Context, o Options, userspace bool) (*Enclosure, error) {
	conn, theirs, err := controlsocket.Pair()
	if err != nil {
		return nil, err
	}
	ours := &control{conn}
	// What the command leaves comes to us where the helper does not live to end it.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	pid, _, err := syscall.StartProcess(o.Program,
		append([]string{o.Program, Argument, strconv.Itoa(theirs)}, o.Argv...), &syscall.ProcAttr{
			Dir:   o.Dir,
			Env:   o.Env,
			Files: descriptors(o, theirs),
			Sys:   attributes(userspace),
		})
	unix.Close(theirs)
	if err != nil {
		ours.Close()
		var errno syscall.Errno
		if errors.As(err, &errno) && errno != unix.ENOENT {
			return nil, &failure{Step: stepNamespaces, Errno: errno}
		}
		return nil, fmt.Errorf("start the helper %s: %w", o.Program, err)
	}
	helper, err := os.FindProcess(pid)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("watch the helper: %w", err)
	}
	e := &Enclosure{
		helper:  helper,
		control: ours,
		ended:   make(chan struct{}),
		waiting: map[int]chan message{},
		exited:  make(chan Status, 1),
	}
	go e.receive()
	ctx, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	answer, err := e.ask(ctx, message{Op: opSetup, Setup: &setup{MTU: o.MTU, ResolvConf: o.ResolvConf}})
	if err != nil {
		e.Close()
		return nil, err
	}
	e.network = network(pid)
	// Packets are read by the runtime's poller, so that Close ends a Read.
	_ = unix.SetNonblock(answer.fd, true)
	e.device = os.NewFile(uintptr(answer.fd), "tun")
	return e, nil
}

// descriptors are those of the helper, by their numbers. Its socket keeps its own, since those behind standard error
// may be the command's. Only the helper inherits it, whatever else is started at the same time.
func descriptors(o Options, socket int) []uintptr {
	files := []uintptr{
		cmp.Or(o.Stdin, os.Stdin).Fd(), cmp.Or(o.Stdout, os.Stdout).Fd(), cmp.Or(o.Stderr, os.Stderr).Fd(),
	}
	for fd := len(files); fd < socket; fd++ {
		const none = ^uintptr(0)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			files = append(files, none)
		} else { // our caller has left it to us, and so to the command
			files = append(files, uintptr(fd))
		}
	}
	return append(files, uintptr(socket))
}

func attributes(userspace bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	if userspace {
		uid, gid := os.Getuid(), os.Getgid()
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN}
	}
	return a
}

// privileged says whether this process may make namespaces without a user namespace.
func privileged() bool {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&needed == needed
}

// receive hands out the helper's answers, and notes what happens to the command.
func (e *Enclosure) receive() {
	defer close(e.ended)
	for {
		m, err := e.control.receive()
		if err != nil {
			return
		}
		switch m.Op {
		case opExited:
			select {
			case e.exited <- *m.status():
			default:
			}
		case opStopped:
			stopWith(m.PID)
			e.Relay(unix.SIGCONT)
		default:
			e.mu.Lock()
			answer := e.waiting[m.ID]
			delete(e.waiting, m.ID)
			e.mu.Unlock()
			if answer != nil {
				answer <- m
			} else if m.fd >= 0 { // no one waits any more
				unix.Close(m.fd)
			}
		}
	}
}

// stopWith stops this process because the command has stopped, so that the shell notices. It returns when it goes on.
func stopWith(pid int) {
	if state(pid) != 'T' { // it goes on already
		return
	}
	// A signal to this very thread stops it before it does anything else; the process stops with it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// ask sends a request, and waits for the answer.
func (e *Enclosure) ask(ctx context.Context, m message) (message, error) {
	answer := make(chan message, 1)
	e.mu.Lock()
	e.next++
	m.ID = e.next
	e.waiting[m.ID] = answer
	e.mu.Unlock()
	err := e.control.send(m)
	if err == nil {
		select {
		case got := <-answer:
			return got, got.err()
		case <-e.ended:
			err = errLost
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	e.mu.Lock()
	delete(e.waiting, m.ID)
	e.mu.Unlock()
	select { // it may have come in the meantime
	case got := <-answer:
		return got, got.err()
	default:
		return message{fd: -1}, err
	}
}

var errLost = problem.New(problem.Internal, "the helper of nhctl run has ended").
	WithHint("run it again; its command and what that had started were ended, since they had lost their network")

// Device is the TUN device: each Read returns one packet, each Write takes one. Close closes it.
func (e *Enclosure) Device() *os.File { return e.device }

// PID is the helper's, whose /proc/PID/net shows the sockets inside.
func (e *Enclosure) PID() int { return e.helper.Pid }

// Mount has an empty directory or file appear at each point, read-only for the command, and returns the directory that
// has them all by their index, in memory alone: what is written there appears inside. The reasons say, by index, why a
// point could not be made; the others are empty.
func (e *Enclosure) Mount(ctx context.Context, points []Point) (dir *os.File, reasons []string, err error) {
	answer, err := e.ask(ctx, message{Op: opMount, Points: points})
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(answer.fd), "points"), answer.Reasons, nil
}

// Address gives the device addresses. The default route of each family leads into it.
func (e *Enclosure) Address(ctx context.Context, all []netip.Addr) error {
	_, err := e.ask(ctx, message{Op: opAddress, Device: all})
	return err
}

// Command starts the command in an environment; nil means that of Options. The error is a problem with the exit code
// that a shell would have.
func (e *Enclosure) Command(ctx context.Context, env []string) error {
	m := message{Op: opStart}
	if env != nil {
		file, err := writeEnvironment(env)
		if err != nil {
			return fmt.Errorf("hand the environment over: %w", err)
		}
		defer file.Close()
		m.fd = int(file.Fd())
	}
	_, err := e.ask(ctx, m)
	return err
}

// Wait waits for the end of the command.
func (e *Enclosure) Wait() (Status, error) {
	select {
	case s := <-e.exited:
		return s, nil
	case <-e.ended:
	}
	select {
	case s := <-e.exited:
		return s, nil
	default:
		return Status{}, errLost
	}
}

// Listen listens on an address inside.
func (e *Enclosure) Listen(ctx context.Context, address netip.AddrPort) (net.Listener, error) {
	file, err := e.socket(ctx, message{Op: opListen, Address: address})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FileListener(file)
}

// Dial connects to an address inside.
func (e *Enclosure) Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	file, err := e.socket(ctx, message{Op: opDial, Address: address})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FileConn(file)
}

func (e *Enclosure) socket(ctx context.Context, m message) (*os.File, error) {
	answer, err := e.ask(ctx, m)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(answer.fd), "socket"), nil
}

// Relay hands a signal on to the command, unless the command has it already because its whole group got it.
func (e *Enclosure) Relay(s os.Signal) {
	if n, ok := s.(syscall.Signal); ok {
		_ = e.control.send(message{Op: opSignal, Signal: int(n)})
	}
}

// Close ends the command, if it still runs, what it has left, and the helper.
func (e *Enclosure) Close() {
	e.closing.Do(func() {
		_ = e.control.CloseWrite() // the helper ends what is inside, and itself
		done := make(chan struct{})
		go func() { _, _ = e.helper.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(2 * patience):
			_ = e.helper.Kill()
			<-done
		}
		// Where the helper could not. Other children of this process, such as a daemon, are in another network.
		endAll(os.Getpid(), 0, func(pid int) bool { return e.network != "" && network(pid) == e.network })
		<-e.ended
		e.control.Close()
		if e.device != nil {
			_ = e.device.Close()
		}
	})
}

// EndBy ends this process by the signal that has ended the command, as far as that can be told so: the shell is to see
// the same. It returns where it can't.
func EndBy(s Status) {
	switch n := syscall.Signal(s.Signal); n {
	case unix.SIGHUP, unix.SIGINT, unix.SIGTERM: // others would have the Go runtime's own effect, or write a core
		signal.Reset(n)
		runtime.LockOSThread()
		_ = unix.Tgkill(os.Getpid(), unix.Gettid(), n)
	}
}
