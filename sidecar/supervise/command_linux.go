package supervise

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/footprint"
)

// command is one named command: at most one session of processes at a time. A session holds what its program puts into
// process groups of their own, as debuggers do.
type command struct {
	name   string
	reaper *reaper
	memory memory
	grace  time.Duration
	output *ring
	dir    string
	around surroundings
	// debugging counts who follows it and joins it again whenever it is started again.
	debugging atomic.Int32

	change sync.Mutex // held by a start or a stop from its beginning to its end
	mu     sync.Mutex // guards what follows
	status Status
	kills  int64         // the container's count when the command started
	ended  chan struct{} // closed when the process has ended
}

// over is closed once the present process has ended, or at once when there is none.
func (c *command) over() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return c.ended
}

func (c *command) current() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.MemoryLimit = c.memory.limit()
	if s.State == StateRunning {
		s.OOMKilled = c.memory.oomKills() > c.kills
	}
	return s
}

// start replaces whatever runs.
func (c *command) start(ctx context.Context, spec Spec) (Status, error) {
	return c.startAs(ctx, spec, reloaded{})
}

// reloaded is what is known of a start that a change of the sources has caused.
type reloaded struct {
	times int
	held  bool
}

func (c *command) startAs(ctx context.Context, spec Spec, how reloaded) (Status, error) {
	if len(spec.Argv) == 0 {
		return Status{}, errors.New("nothing to run: the command is empty")
	}
	c.change.Lock()
	defer c.change.Unlock()
	if spec.Refuse && c.current().State == StateRunning {
		return c.current(), ErrRunning
	}
	// One that has ended may have left children.
	if err := c.stopLocked(ctx); err != nil {
		return c.current(), err
	}
	if spec.Dir == "" {
		spec.Dir = c.dir
	}
	err := c.launch(spec, how)
	return c.current(), err
}

func (c *command) launch(spec Spec, how reloaded) error {
	env := c.around.environment(spec.Env)
	path, err := lookPath(spec.Argv[0], env)
	if err != nil {
		return err
	}
	files, readers, err := outputs(spec.TTY)
	if err != nil {
		return err
	}
	kills := c.memory.oomKills()
	pid, ended, err := c.reaper.start(spec.Argv,
		&os.ProcAttr{Dir: spec.Dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true, Setctty: spec.TTY}},
		path)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		for _, r := range readers {
			r.Close()
		}
		return fmt.Errorf("start %s: %w", spec.Argv[0], err)
	}
	now := time.Now()
	done := make(chan struct{})
	c.mu.Lock()
	c.status = Status{
		Name:      c.name,
		State:     StateRunning,
		Argv:      spec.Argv,
		PID:       pid,
		Started:   &now,
		Own:       spec.Own,
		Args:      spec.Args,
		Env:       spec.Env,
		TTY:       spec.TTY,
		Wait:      spec.Wait,
		HotReload: spec.Reload != nil,
		Reloads:   how.times,
		Held:      how.held,
	}
	c.kills, c.ended = kills, done
	c.mu.Unlock()
	c.remark(contract.RemarkStarted + strings.Join(spec.Argv, " "))

	var copying sync.WaitGroup
	for i, r := range readers {
		copying.Go(func() { c.collect(r, []string{"stdout", "stderr"}[i]) })
	}
	go c.finish(ended, readers, &copying, done)
	return nil
}

// outputs returns a command's standard files, and the ends to read its output from.
func outputs(tty bool) (files, readers []*os.File, err error) {
	if tty {
		near, far, err := openTerminal(Size{Columns: 200, Rows: 50}) // wide, so that lines stay whole in a log
		if err != nil {
			return nil, nil, err
		}
		const endOfInput = 4 // Ctrl-D: a program that asks learns that no one answers
		_, err = near.Write([]byte{endOfInput})
		return []*os.File{far, far, far}, []*os.File{near}, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	files = []*os.File{null}
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		files, readers = append(files, w), append(readers, r)
	}
	return files, readers, nil
}

// lookPath finds a program in the PATH of an environment.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := valueOf(env, "PATH")
	for _, dir := range strings.Split(path, ":") {
		candidate := dir + "/" + name
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%w: %s is in none of %s", exec.ErrNotFound, name, path)
}

// collect keeps a stream's output line by line.
func (c *command) collect(r io.Reader, stream string) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := lines.ReadSlice('\n')
		if len(text) > 0 {
			c.output.add(stream, bytes.TrimRight(text, "\r\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// drain is how long output is awaited after the end of the process; a grandchild may hold the pipes open for ever.
const drain = 200 * time.Millisecond

func (c *command) finish(
	ended <-chan syscall.WaitStatus, readers []*os.File, copying *sync.WaitGroup, done chan struct{},
) {
	status := <-ended
	copied := make(chan struct{})
	go func() { copying.Wait(); close(copied) }()
	select {
	case <-copied:
	case <-time.After(drain):
	}
	now := time.Now()
	c.mu.Lock()
	s := &c.status
	s.State, s.Finished = StateExited, &now
	s.OOMKilled = c.memory.oomKills() > c.kills
	if status.Signaled() {
		s.Signal = status.Signal().String()
	} else {
		code := status.ExitStatus()
		s.ExitCode = &code
	}
	text := ending(*s)
	c.mu.Unlock()
	c.remark(text)
	close(done)
	<-copied
	for _, r := range readers {
		r.Close()
	}
	_ = footprint.Trim() // what only a flood of output has needed
}

// ending says how a command ended.
func ending(s Status) string {
	text := "ended by signal: " + s.Signal
	if s.ExitCode != nil {
		text = fmt.Sprintf("exited with code %d", *s.ExitCode)
	}
	if s.OOMKilled {
		text += " (out of memory)"
	}
	return text
}

func (c *command) remark(text string) {
	c.output.add("nhctl", []byte(text))
}

func (c *command) stop(ctx context.Context) (Status, error) {
	c.change.Lock()
	defer c.change.Unlock()
	err := c.stopLocked(ctx)
	return c.current(), err
}

// end stops the command for good: no change of the sources starts it again.
func (c *command) end(ctx context.Context) (Status, error) {
	c.mu.Lock()
	c.status.HotReload = false
	c.mu.Unlock()
	return c.stop(ctx)
}

// stopLocked asks the process group to end, after the program that a debugger in it has, and after the grace time makes
// the whole session.
func (c *command) stopLocked(ctx context.Context) error {
	c.mu.Lock()
	pid, ended, state := c.status.PID, c.ended, c.status.State
	c.mu.Unlock()
	if state == StateNone || pid == 0 {
		return nil
	}
	asked, cancel := context.WithTimeout(ctx, c.grace)
	defer cancel()
	endTraced(asked, pid)
	_ = syscall.Kill(-pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-asked.Done():
	}
	// Whatever is left of it, also when its leader has gone already.
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	killSession(pid)
	select {
	case <-ended:
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("process %d does not end, even after SIGKILL", pid)
	}
}
