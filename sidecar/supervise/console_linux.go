package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/sidecar/resume"
)

// console is a program that talks to whoever is attached.
type console struct {
	id     string
	keep   bool
	end    *resume.End
	pid    int
	grace  time.Duration
	input  *os.File // nil once the input has ended
	output []*os.File
	// terminal is the near end of the program's; nil where it has pipes.
	terminal *os.File

	exited chan struct{} // closed when the program has ended

	mu     sync.Mutex
	caller string
}

// startConsole starts a program, that is to be served then.
func startConsole(
	id string, a Attach, env []string, r *reaper, grace time.Duration,
) (*console, <-chan syscall.WaitStatus, error) {
	argv, path, err := program(a, env)
	if err != nil {
		return nil, nil, err
	}
	c := &console{id: id, keep: a.Keep, grace: grace, caller: a.Caller, exited: make(chan struct{})}
	files, attr, err := c.open(a.Size)
	if err != nil {
		return nil, nil, err
	}
	options := resume.Options{Window: ConsoleWindow, Urgent: c.signal}
	if a.Keep {
		options.Keep, options.Lossy = replay, true
	}
	c.end = resume.New(options)
	pid, ended, err := r.start(argv, &os.ProcAttr{Dir: a.Dir, Env: env, Files: files, Sys: attr}, path)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		c.close()
		return nil, nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	c.pid = pid
	return c, ended, nil
}

// replay is how much of a terminal's output is kept for whoever attaches later, in bytes.
const replay = 256 << 10

// shells are what a terminal runs when the config names none.
var shells = [...]string{"bash", "zsh", "ash", "sh"}

// program finds what to run: the caller's own, or a shell. That is no login shell, whose profile would put the system's
// PATH in the place of the image's.
func program(a Attach, env []string) (argv []string, path string, err error) {
	if len(a.Argv) > 0 {
		path, err = lookPath(a.Argv[0], env)
		return a.Argv, path, err
	}
	wanted := shells[:]
	if a.Shell != "" {
		wanted = []string{a.Shell}
	}
	for _, shell := range wanted {
		if path, err = lookPath(shell, env); err == nil {
			return []string{path}, path, nil
		}
	}
	return nil, "",
		fmt.Errorf("the image has no shell (looked for %v); name one as dev.shell, or use `nhctl dev exec -- PROGRAM`",
			wanted)
}

// open makes the program's standard files, and keeps their other ends.
func (c *console) open(size *Size) (files []*os.File, attr *syscall.SysProcAttr, err error) {
	if size != nil {
		near, far, err := openTerminal(*size)
		if err != nil {
			return nil, nil, err
		}
		c.terminal, c.input, c.output = near, near, []*os.File{near}
		return []*os.File{far, far, far}, &syscall.SysProcAttr{Setsid: true, Setctty: true}, nil
	}
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			c.close()
			return nil, nil, err
		}
		if i == 0 {
			c.input, files = w, append(files, r)
		} else {
			c.output, files = append(c.output, r), append(files, w)
		}
	}
	return files, &syscall.SysProcAttr{Setsid: true}, nil
}

func (c *console) close() {
	if c.input != nil {
		c.input.Close()
	}
	for _, f := range c.output {
		f.Close()
	}
}

// serve brings output to the caller and input to the program, until that has ended.
func (c *console) serve(ctx context.Context, ended <-chan syscall.WaitStatus) {
	var copying, feeding sync.WaitGroup
	for i, f := range c.output {
		copying.Go(func() { c.copy(ctx, KindOutput+byte(i), f) })
	}
	feeding.Go(func() { c.feed(ctx) })
	status := <-ended
	close(c.exited)
	// A grandchild may hold the streams open for ever.
	for _, f := range c.output {
		_ = f.SetReadDeadline(time.Now().Add(drain))
	}
	copying.Wait()
	exit := Exit{Code: status.ExitStatus()}
	if status.Signaled() {
		exit.Code = 128 + int(status.Signal())
	}
	data, _ := json.Marshal(exit)
	_ = c.end.Send(ctx, resume.Message{Kind: KindExit, Data: data})
	limited, cancel := context.WithTimeout(ctx, farewell)
	_ = c.end.Settled(limited)
	cancel()
	c.end.Over()
	c.close()
	feeding.Wait()
}

// farewell is how long the end of a program is kept for a caller whose connection is away.
const farewell = time.Minute

// leftBehind limits what is read of a program that has ended: more than that does no pipe hold.
const leftBehind = 1 << 20

func (c *console) copy(ctx context.Context, kind byte, f *os.File) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := f.Read(buffer)
		data := bytes.Clone(buffer[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			data = append(data, waiting(f, leftBehind)...)
		}
		for part := range slices.Chunk(data, len(buffer)) {
			if c.end.Send(ctx, resume.Message{Kind: kind, Data: part}) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// feed handles the caller's messages, but for signals.
func (c *console) feed(ctx context.Context) {
	for {
		m, err := c.end.Receive(ctx)
		if err != nil {
			return
		}
		switch m.Kind {
		case KindInput:
			_, _ = c.input.Write(m.Data) // a program that reads no more is no failure
		case KindEOF:
			if c.terminal == nil {
				c.input.Close()
			}
		case KindSize:
			var s Size
			if json.Unmarshal(m.Data, &s) == nil && c.terminal != nil {
				_ = resize(c.terminal, s)
			}
		}
	}
}

// signal passes a signal on; it overtakes input that the program does not read.
func (c *console) signal(m resume.Message) bool {
	if m.Kind != KindSignal {
		return false
	}
	if s := unix.SignalNum("SIG" + string(m.Data)); s != 0 {
		c.kill(s)
	}
	return true
}

func (c *console) kill(s syscall.Signal) {
	if c.lives() { // afterwards the number may be someone else's
		_ = syscall.Kill(-c.pid, s)
	}
}

func (c *console) lives() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// redraw tells the program that its terminal is another one now, by a size that changes in any case.
func (c *console) redraw(s Size) {
	if c.terminal == nil || !c.lives() {
		return
	}
	_ = resize(c.terminal, Size{Columns: s.Columns, Rows: s.Rows + 1})
	_ = resize(c.terminal, s)
}

// hangUp ends the program as the loss of its terminal does, with a signal and the end of its input, and then for good.
func (c *console) hangUp() {
	c.end.Over() // no one listens any more
	c.kill(syscall.SIGHUP)
	c.kill(syscall.SIGCONT)
	c.input.Close() // a shell that was about to read would act on the signal only after that
	select {
	case <-c.exited:
	case <-time.After(c.grace):
	}
	killSession(c.pid)
}
