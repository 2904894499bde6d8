package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a process that this playground started. Its start time tells it from a later one with the same id.
type process struct {
	Part    string    `json:"part"`
	PID     int       `json:"pid"`
	Started string    `json:"started"` // clock ticks since boot, field 22 of /proc/PID/stat
	Since   time.Time `json:"since"`
}

// startPart starts a program in the node's network namespace; it outlives the terminal.
func startPart(p *Plan, part string, argv ...string) error {
	if old, err := loadProcess(p, part); err == nil && old.alive() {
		return nil
	}
	log, err := os.OpenFile(logPath(p, part), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// nsenter, since `ip netns exec` would mount /sys again and hide the cgroups from the kubelet.
	cmd := exec.Command("nsenter", append([]string{"--net=/run/netns/" + p.Netns(), "--"}, argv...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Half as many collections: two cores are what a playground lacks, not memory.
	cmd.Env = []string{"GOGC=200",
		"PATH=" + p.Binaries + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", part, err)
	}
	started, err := startTime(cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("%s ended at once: see %s", part, log.Name())
	}
	data, err := json.Marshal(process{Part: part, PID: cmd.Process.Pid, Started: started, Since: time.Now()})
	if err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that a part that dies while `up` waits is no zombie, and seen as dead
	return writeFile(p.path("run", part+".json"), data)
}

func logPath(p *Plan, part string) string { return p.path("log", part+".log") }

// startTime is field 22 of /proc/PID/stat; the command name before it may hold spaces.
func startTime(pid int) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return "", fs.ErrNotExist
	}
	return fields[19], nil
}

func (pr process) alive() bool {
	started, err := startTime(pr.PID)
	return err == nil && started == pr.Started
}

func loadProcess(p *Plan, part string) (process, error) {
	data, err := os.ReadFile(p.path("run", part+".json"))
	if err != nil {
		return process{}, err
	}
	pr := process{}
	return pr, json.Unmarshal(data, &pr)
}

func processes(p *Plan) ([]process, error) {
	files, err := filepath.Glob(p.path("run", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []process
	for _, f := range files {
		pr, err := loadProcess(p, strings.TrimSuffix(filepath.Base(f), ".json"))
		if err != nil {
			return nil, err
		}
		all = append(all, pr)
	}
	return all, nil
}

// stopPart ends a part: hard, for the API server's polite end takes up to a minute.
func stopPart(ctx context.Context, p *Plan, part string) error {
	pr, err := loadProcess(p, part)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if pr.alive() {
		if err := syscall.Kill(pr.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s: %w", part, err)
		}
	}
	if err := wait(ctx, "end of "+part, 10*time.Second, func(context.Context) error {
		if pr.alive() {
			return fmt.Errorf("process %d lives on", pr.PID)
		}
		return nil
	}); err != nil {
		return err
	}
	return os.Remove(p.path("run", part+".json"))
}

// errDied ends a wait at once: a part that has died does not come back.
var errDied = errors.New("a part has died")

// wait polls until check returns nil; the limit's error holds check's last one.
func wait(ctx context.Context, what string, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil || errors.Is(err, errDied) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s: %w", what, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// run runs a command to its end; its error holds what it printed.
func run(ctx context.Context, argv ...string) (string, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
