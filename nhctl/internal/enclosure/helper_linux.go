package enclosure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Exit codes of commands that can't be started, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

const (
	// sameSignal is how long after one signal to the whole group nhctl may hand it on.
	sameSignal = 3 * time.Second
	// markLimit limits how long a signal to itself may take.
	markLimit = time.Second
)

// dialLimit limits a connection to a port inside.
const dialLimit = 5 * time.Second

// helper is the process inside.
type helper struct {
	control *control
	argv    []string
	working sync.WaitGroup

	mu   sync.Mutex
	pid  int                          // the command's
	seen map[syscall.Signal]time.Time // the signals that the helper got itself
	mark chan struct{}                // is closed at the next mark, and then replaced
}

// RunHelper is the helper: its arguments are the number of its socket, and the command.
func RunHelper(args []string) int {
	if len(args) < 1 {
		return problem.ExitUsage
	}
	fd, err := strconv.Atoi(args[0])
	if err != nil || fd <= 2 {
		return problem.ExitUsage
	}
	unix.CloseOnExec(fd)
	c, err := newControl(fd)
	if err != nil {
		return problem.ExitFailure
	}
	h := &helper{control: c, argv: args[1:], seen: map[syscall.Signal]time.Time{}, mark: make(chan struct{})}
	h.watchSignals()
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	for {
		m, err := c.receive()
		if err != nil { // nhctl has ended, or wants the end
			endAll(os.Getpid(), patience, func(int) bool { return true })
			return problem.ExitOK
		}
		h.serve(m)
	}
}

// relayed are the signals that nhctl hands on to the command.
func relayed() []os.Signal {
	return []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2}
}

// Signals lists the signals that are handed on to the command, and those by which a terminal stops a group: nhctl stops
// when its command has. Those that the caller ignores are left out, so that the command ignores them, too.
func Signals() []os.Signal {
	var all []os.Signal
	for _, s := range append(relayed(), unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU) {
		if !signal.Ignored(s) {
			all = append(all, s)
		}
	}
	return all
}

// Stops says whether a signal is one by which a terminal stops a group.
func Stops(s os.Signal) bool { return s == unix.SIGTSTP || s == unix.SIGTTIN || s == unix.SIGTTOU }

// watchSignals notes the signals that a terminal sends to the whole group. They don't end the helper.
func (h *helper) watchSignals() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, append(Signals(), marking)...)
	go func() {
		for s := range signals {
			h.mu.Lock()
			if s == marking {
				close(h.mark)
				h.mark = make(chan struct{})
			} else {
				h.seen[s.(syscall.Signal)] = time.Now()
			}
			h.mu.Unlock()
		}
	}()
}

// marking is a signal that the helper sends to itself: once it has come, so have those that were sent before. Others
// may send it, too, and it does no harm.
const marking = unix.SIGWINCH

// wholeGroup says whether the helper has a signal, too, that nhctl has got.
func (h *helper) wholeGroup(s syscall.Signal) bool {
	h.mu.Lock()
	mark := h.mark
	h.mu.Unlock()
	_ = unix.Kill(os.Getpid(), marking)
	select {
	case <-mark:
	case <-time.After(markLimit):
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	seen, ok := h.seen[s]
	delete(h.seen, s)
	return ok && time.Since(seen) < sameSignal
}

func (h *helper) serve(m message) {
	answer := message{ID: m.ID, Op: m.Op}
	switch m.Op {
	case opSetup:
		device, failed := prepare(*m.Setup)
		answer.Failure, answer.fd = failed, device
		_ = h.control.send(answer)
		if device > 0 {
			unix.Close(device)
		}
	case opAddress:
		if err := address(m.Device); err != nil {
			answer.Failure = fail(stepNetwork, err)
		}
		_ = h.control.send(answer)
	case opMount:
		dir, reasons, err := mountPoints(m.Points)
		if err != nil {
			answer.Failure, dir = fail(stepFiles, err), -1
		}
		answer.Reasons, answer.fd = reasons, dir
		_ = h.control.send(answer)
		if dir > 0 {
			unix.Close(dir)
		}
	case opStart:
		h.start(answer, m.fd)
	case opListen:
		h.working.Go(func() { h.open(answer, func() (filer, error) { return listen(m.Address) }) })
	case opDial:
		h.working.Go(func() { h.open(answer, func() (filer, error) { return dial(m.Address) }) })
	case opSignal:
		h.working.Go(func() { h.signal(syscall.Signal(m.Signal)) })
	}
}

// filer is a socket as a file.
type filer interface {
	File() (*os.File, error)
	Close() error
}

func listen(address netip.AddrPort) (filer, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, err
	}
	return l, nil
}

func dial(address netip.AddrPort) (filer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// open answers with a socket.
func (h *helper) open(answer message, open func() (filer, error)) {
	socket, err := open()
	if err != nil {
		answer.Errno = errnoOf(err)
		_ = h.control.send(answer)
		return
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		answer.Errno = errnoOf(err)
		_ = h.control.send(answer)
		return
	}
	defer file.Close()
	answer.fd = int(file.Fd())
	_ = h.control.send(answer)
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.ETIMEDOUT
}

// signal sends a signal to the command, unless the whole group has got it, the command included.
func (h *helper) signal(s syscall.Signal) {
	h.mu.Lock()
	pid := h.pid
	h.mu.Unlock()
	if pid == 0 {
		return
	}
	if s != unix.SIGCONT && group(pid) == unix.Getpgrp() && h.wholeGroup(s) {
		return
	}
	_ = unix.Kill(pid, s)
}

func group(pid int) int {
	g, err := unix.Getpgid(pid)
	if err != nil {
		return -1
	}
	return g
}

// start starts the command, and waits for it and all that it leaves. It keeps one thread for that: the kernel ends the
// command with the thread that has started it.
func (h *helper) start(answer message, environment int) {
	go func() {
		runtime.LockOSThread()
		pid, failed := h.command(environment)
		if failed != nil {
			answer.Problem = failed
			_ = h.control.send(answer)
			return
		}
		h.mu.Lock()
		h.pid = pid
		h.mu.Unlock()
		_ = h.control.send(answer)
		h.reap(pid)
	}()
}

// command starts the command as the user's own process: it has none of the helper's rights. Its environment is in a
// file, where there is one.
func (h *helper) command(environment int) (int, *problem.Error) {
	name, env := h.argv[0], os.Environ()
	if environment >= 0 {
		var err error
		if env, err = readEnvironment(environment); err != nil {
			return 0, problem.New(problem.Internal, "read the command's environment: %w", err)
		}
		for _, variable := range env { // where the command is found, too
			if path, ok := strings.CutPrefix(variable, "PATH="); ok {
				_ = os.Setenv("PATH", path)
			}
		}
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil // as a shell would take it
	}
	if err != nil {
		code := exitNotFound
		if errors.Is(err, os.ErrPermission) {
			code = exitNotExecutable
		}
		return 0, problem.New(problem.NotFound, "run %s: %w", name, errors.Unwrap(err)).WithExit(code)
	}
	if err := dropRights(); err != nil {
		return 0, problem.New(problem.Internal, "give up the rights inside: %w", err)
	}
	pid, err := syscall.ForkExec(path, h.argv, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL},
	})
	if err != nil {
		return 0, problem.New(problem.Refused, "run %s: %w", name, err).WithExit(exitNotExecutable)
	}
	return pid, nil
}

// dropRights takes from this thread, and so from the command, what the user namespace gives its first process. Root
// without a user namespace keeps what it has.
func dropRights() error {
	if os.Geteuid() == 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	return unix.Capset(&header, &data[0])
}

// reap waits for the command and for whatever it has left behind, and tells what becomes of the command.
func (h *helper) reap(command int) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil { // no children any more
			return
		}
		if pid != command {
			continue
		}
		switch {
		case status.Stopped():
			_ = h.control.send(message{Op: opStopped, PID: pid})
		case status.Exited():
			_ = h.control.send(message{Op: opExited, Status: &Status{Code: status.ExitStatus()}})
		case status.Signaled():
			const signalled = 128
			_ = h.control.send(message{Op: opExited, Status: &Status{
				Code:   signalled + int(status.Signal()),
				Signal: int(status.Signal()),
			}})
		}
	}
}
