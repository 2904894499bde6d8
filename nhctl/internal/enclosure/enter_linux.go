package enclosure

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// inFolder starts a command in a folder: whoever enters namespaces begins at their root.
const inFolder = `cd "$0" && exec "$@"`

// Enter replaces this process by a command in the enclosure of a process, whose command or its descendant that is. It
// returns only where that fails.
//
// A process with several threads can't enter a user namespace, as programs of Go have from their beginning: nsenter of
// util-linux does it.
func Enter(pid int, dir string, env, argv []string) error {
	if !enclosed(pid) {
		return problem.New(problem.NotFound, "process %d is not one of nhctl run", pid).
			WithHint("name the process that nhctl run has started, or one that it has started")
	}
	program, err := exec.LookPath("nsenter")
	if err != nil {
		return problem.New(problem.NotFound, "no program nsenter is installed: %w", err).
			WithHint("install util-linux, which has it")
	}
	args := []string{program, "--target", strconv.Itoa(pid), "--net", "--mount"}
	if namespace(pid, "user") != namespace(os.Getpid(), "user") {
		args = append(args, "--user", "--preserve-credentials")
	}
	args = append(append(args, "--", "/bin/sh", "-c", inFolder, dir), argv...)
	return fmt.Errorf("run %s: %w", program, syscall.Exec(program, args, env))
}

// enclosed says whether a helper is above a process.
func enclosed(pid int) bool {
	for range 1000 {
		line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if words := bytes.SplitN(line, []byte{0}, 3); len(words) == 3 && string(words[1]) == Argument {
			return true
		}
		_, parent, ok := stat(pid)
		if !ok || parent <= 1 {
			return false
		}
		pid = parent
	}
	return false
}
