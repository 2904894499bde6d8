//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-delve/delve/service/rpc2"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// The fields about commands, one by one, in one dev container: the config is read again by each command.
func TestConfigCommands(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "commands")
	write(t, filepath.Join(src, "go.mod"), "module commands\n")
	write(t, filepath.Join(src, "main.go"),
		"package main\n\nimport \"time\"\n\nfunc main() {\n\tfor {\n\t\ttime.Sleep(time.Second)\n\t}\n}\n")
	configure(t, src, "catalog", "dev-go", "command: {run: 'true'}")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	defer dev.must(src, "dev", "end")
	logged := func(t *testing.T, command, want string) {
		t.Helper()
		eventually(t, 10*time.Second, fmt.Sprintf("%q is in the log of %s", want, command),
			func(context.Context) error {
				if out := dev.must(src, "dev", "logs", command); !strings.Contains(out, want) {
					return fmt.Errorf("%s", out)
				}
				return nil
			})
	}
	// changed saves a file, and waits until that started a command again.
	changed := func(t *testing.T, command, file, want string) {
		t.Helper()
		write(t, filepath.Join(src, file), "changed")
		eventually(t, 30*time.Second, want+" after a change", func(context.Context) error {
			if c := dev.ran(src, command); c.Reloads != 1 || ui.CommandLine(c.Argv) != want {
				return fmt.Errorf("%+v", c)
			}
			return nil
		})
	}

	t.Run("dev.command.build", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", "command: {build: [echo, built, for, $$HOSTNAME]}")
		if out := dev.must(src, "dev", "build"); !strings.Contains(out, "built for catalog-nhctl-") {
			t.Errorf("dev build: %s", out)
		}
	})
	t.Run("dev.command.run", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", "command: {build: echo first, run: 'echo then && sleep 5000'}")
		if r := dev.nhctl(src, "dev", "run"); r.code != 0 || !strings.HasPrefix(r.stdout,
			"first\nrunning: echo then && sleep 5000") || !strings.Contains(r.stderr, "build: echo first\n") {
			t.Errorf("dev run: %s", r)
		}
		logged(t, "run", "then")
	})
	t.Run("dev.shell", func(t *testing.T) {
		for _, shell := range []string{"bash", "dash"} {
			configure(t, src, "catalog", "dev-go", "shell: "+shell+"\ncommand: {run: echo the shell is $$0}")
			dev.must(src, "dev", "run")
			logged(t, "run", "the shell is "+shell)
		}
	})
	t.Run("dev.command.debug", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", `
command:
  debug:
  - go build -gcflags 'all=-N -l' -o /tmp/own . &&
  - exec dlv exec /tmp/own --headless --listen=127.0.0.1:9009 --api-version=2 --accept-multiclient
debug: {language: go, remoteDebugPort: 9009}`)
		d := outcome[event.DebugData](dev, src, "dev", "debug")
		if !strings.Contains(ui.CommandLine(d.Command.Argv), "dlv exec /tmp/own") {
			t.Errorf("%+v", d)
		}
		t.Run("dev.debug.remoteDebugPort", func(t *testing.T) {
			client := rpc2.NewClientFromConn(dialDebugger(t, d))
			if state, err := client.GetStateNonBlocking(); err != nil || state.Running || d.RemotePort != 9009 ||
				d.Port != 9009 {
				t.Errorf("%+v, %+v, %v", d, state, err)
			}
			if err := client.Disconnect(false); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("dev.debug.language", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", "command: {run: go run . -v}\ndebug: {language: go}")
		d := outcome[event.DebugData](dev, src, "dev", "debug")
		if line := ui.CommandLine(d.Command.Argv); !strings.HasPrefix(line,
			"dlv exec --headless --listen=127.0.0.1:2345") || !strings.HasSuffix(line, " /tmp/nhctl-debug -- -v") {
			t.Errorf("the preset: %s", line)
		}
	})
	t.Run("dev.hotReload", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", "hotReload: true\ncommand: {build: echo built again, run: sleep 5001}")
		dev.must(src, "dev", "run")
		changed(t, "run", "one", "sleep 5001")
		if out := dev.must(src, "dev", "logs", "build"); strings.Count(out, "\nbuilt again\n") != 2 {
			t.Errorf("builds: %s", out)
		}
	})
	t.Run("dev.onBuildFailure", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go",
			"hotReload: true\nonBuildFailure: stop\ncommand: {build: '! test -e broken', run: sleep 5005}")
		dev.must(src, "dev", "run")
		write(t, filepath.Join(src, "broken"), "")
		logged(t, "run", "hot reload: the build failed (exited with code 1), the old program is stopped")
		if c := dev.ran(src, "run"); c.State != "exited" {
			t.Errorf("after a failed hot reload: %+v", c)
		}
		if err := os.Remove(filepath.Join(src, "broken")); err != nil {
			t.Fatal(err)
		}
		changed(t, "run", "mended", "sleep 5005")
		configure(t, src, "catalog", "dev-go", "onBuildFailure: stop\ncommand: {build: 'false', run: sleep 5005}")
		if r := dev.nhctl(src, "dev", "run"); r.code != 1 ||
			!strings.Contains(r.stderr, "the program that ran before is stopped") {
			t.Errorf("dev run: %s", r)
		}
		if c := dev.ran(src, "run"); c.State != "exited" {
			t.Errorf("after a failed build: %+v", c)
		}
	})
	t.Run("dev.command.hotReloadRun", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go",
			"hotReload: true\ncommand: {build: echo built, run: sleep 5002, hotReloadRun: sleep 5003}")
		dev.must(src, "dev", "run")
		changed(t, "run", "two", "sleep 5003")
	})
	t.Run("dev.command.hotReloadDebug", func(t *testing.T) {
		configure(t, src, "catalog", "dev-go", `
hotReload: true
command:
  debug: exec dlv debug --headless --listen=127.0.0.1:9010 --api-version=2 --accept-multiclient --output=/tmp/own2 .
  hotReloadDebug: exec sleep 5004
debug: {remoteDebugPort: 9010}`)
		dev.must(src, "dev", "debug")
		changed(t, "debug", "three", "exec sleep 5004")
	})
}
