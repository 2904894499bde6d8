package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd/api"
)

// PluginArgument is the first argument of a program that is to be RunPlugin.
const PluginArgument = "run-credential-plugin"

const (
	// pluginLimit limits how long a credential plugin may take: one that waits for its user would wait for ever.
	pluginLimit = 20 * time.Second
	// pluginTimedOut is RunPlugin's exit code where the plugin took longer: that of timeout(1).
	pluginTimedOut = 124
	// mostCredentials is how many bytes a plugin may print.
	mostCredentials = 1 << 20
)

// limited makes client-go run this program, which runs the plugin in the caller's folder, and ends it when it takes too
// long: client-go has no setting for either.
func limited(p *api.ExecConfig, dir, program string) {
	p.Args = append([]string{PluginArgument, dir, program}, p.Args...)
	p.Command = self()
}

// self is this program, even where another one has taken the place of its file.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	file, _ := os.Executable() // where it is unknown, no plugin runs
	return file
}

// RunPlugin is a process between client-go and a credential plugin. Its arguments are the folder, the plugin and the
// plugin's arguments. It returns the plugin's exit code, once the plugin and what it has started have ended.
func RunPlugin(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, pluginLimit)
	defer cancel()
	return runPlugin(ctx, os.Stdout, args)
}

func runPlugin(ctx context.Context, out io.Writer, args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "want a folder and a program")
		return 2
	}
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		cmd.Dir = args[0]
	}
	printed := &bounded{most: mostCredentials}
	cmd.Stdout, cmd.Stderr = printed, os.Stderr
	ownGroup(cmd)
	cmd.WaitDelay = time.Second // for its output, which others may hold open
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return pluginTimedOut
	case printed.over:
		fmt.Fprintf(os.Stderr, "the credential plugin %s prints more than %d bytes\n", args[1], printed.most)
		return 1
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1) // of one that a signal has ended it is negative
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := out.Write(printed.text.Bytes()); err != nil {
		return 1
	}
	return 0
}

// bounded keeps what is written, up to a limit.
type bounded struct {
	text bytes.Buffer
	most int
	over bool // more was written
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.most {
		b.over = true
		return 0, io.ErrShortWrite
	}
	return b.text.Write(p)
}
