package script

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// limit limits each wait, far above what it takes.
const limit = time.Minute

// editor is a client of `nhctl ide` as a process.
type editor struct {
	t   *testing.T
	in  io.WriteCloser
	out *textproto.Reader
	cmd *exec.Cmd
}

// startEditor starts `nhctl ide` in a home folder of its own.
func startEditor(t *testing.T) *editor {
	t.Helper()
	home, err := os.MkdirTemp("", "nhctl-ide-") // the path of a socket has few characters
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(home, "kubeconfig")
	const text = `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}],
  users: [{name: u, user: {}}], contexts: [{name: dev, context: {cluster: c, user: u}}], current-context: dev}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home, "XDG_RUNTIME_DIR=", "KUBECONFIG="+kubeconfig)
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	cmd := exec.CommandContext(ctx, "nhctl", "ide")
	cmd.Env, cmd.Dir, cmd.Stderr = env, home, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cancel()
		_ = cmd.Wait()
		if err := errors.Join(stopDaemon(home, env), os.RemoveAll(home)); err != nil {
			t.Error(err)
		}
	})
	return &editor{t: t, in: in, out: textproto.NewReader(bufio.NewReader(out)), cmd: cmd}
}

func (e *editor) say(text string) {
	e.t.Helper()
	if _, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(text), text); err != nil {
		e.t.Fatal(err)
	}
}

// hear reads the next message into a value.
func (e *editor) hear(into any) {
	e.t.Helper()
	header, err := e.out.ReadMIMEHeader()
	if err != nil {
		e.t.Fatal(err)
	}
	length, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		e.t.Fatal(err)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(e.out.R, text); err != nil {
		e.t.Fatal(err)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		e.t.Fatalf("%s: %v", text, err)
	}
}

// A real nhctl speaks with an editor, keeps its subscription while the daemon is stopped, and ends with its input.
func TestIDE(t *testing.T) {
	t.Parallel()
	e := startEditor(t)
	e.say(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	var hello struct {
		Result struct {
			Daemon  *struct{ Version string }
			Problem *struct{ Message string }
		}
	}
	e.hear(&hello)
	if hello.Result.Daemon == nil || hello.Result.Problem != nil {
		t.Fatalf("it knows no daemon: %+v", hello.Result.Problem)
	}
	e.say(`{"jsonrpc":"2.0","id":2,"method":"subscribe","params":{"topic":"clusters"}}`)
	snapshot := func() {
		t.Helper()
		var update struct {
			Method string
			Params struct {
				Call     string
				Snapshot bool
				Clusters map[string]any
			}
		}
		e.hear(&update)
		if p := update.Params; update.Method != "update" || p.Call != "2" || !p.Snapshot || p.Clusters["dev"] == nil {
			t.Fatalf("%+v", update)
		}
	}
	snapshot()
	stop := exec.Command("nhctl", "daemon", "stop")
	stop.Env = e.cmd.Env
	if out, err := stop.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	snapshot() // of the next daemon, which it has started
	e.in.Close()
	if rest, err := io.ReadAll(e.out.R); err != nil {
		t.Errorf("%s, %v", rest, err)
	}
	if err := e.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
