package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// secret is the token of the session, as the Secret's file and as carriers have it.
const tokenText, secret = "736563726574\n", "secret"

// twin is an endpoint on loopback whose files are under root, and one carrier to it.
type twin struct {
	root    string
	address string
	carrier *wire.Carrier
}

// folderOf gives each test a folder of its own, since engines of one process are told apart by it.
func folderOf(t *testing.T) contract.Folder {
	return contract.Folder{ID: t.Name(), Container: "web", MountPath: "/src"}
}

func newTwin(t *testing.T) twin {
	t.Helper()
	root, err := os.MkdirTemp("", "nhctl-") // socket paths are short, and a test's own folder may not be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	folder := folderOf(t)
	for _, dir := range []string{
		contract.RunDir,
		contract.TokenDir + "/" + contract.Tokens,
		contract.WorkDir + "/" + folder.DataSubPath(),
		contract.WorkDir + "/" + folder.IndexSubPath(),
	} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, tokenFile(root, "s1"), tokenText)
	listener := listen(t, "tcp", "127.0.0.1:0")
	config := contract.Sidecar{Session: "s1", Folders: []contract.Folder{folder}, Containers: []string{"web"}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(config, root, slog.New(slog.DiscardHandler)).ServeOn(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	tw := twin{root: root, address: listener.Addr().String()}
	if tw.carrier, err = tw.dial(t, "s1", secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tw.carrier.Close() })
	return tw
}

// tokenFile is where an endpoint finds a session's token.
func tokenFile(root, session string) string {
	return filepath.Join(root, contract.TokenDir, contract.Tokens, session)
}

func (tw twin) dial(t *testing.T, session, token string) (*wire.Carrier, error) {
	t.Helper()
	conn, err := net.Dial("tcp", tw.address)
	if err != nil {
		t.Fatal(err)
	}
	hello := wire.Hello{Session: session, Purpose: wire.PurposeInteractive}
	return wire.Dial(t.Context(), conn, []byte(token), wire.Options{Hello: hello})
}

// call makes one control call and returns the status and the body.
func (tw twin) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return tw.carrier.Open(ctx, wire.KindControl, nil)
		}}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://sidecar"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// echo sends back what comes, until the listener is closed.
func echo(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}()
	}
}

func TestStreamsReachThePod(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	program := listen(t, "tcp", "127.0.0.1:0")
	go echo(program)
	supervisor := listen(t, "unix", tw.root+contract.SupervisorSocket("web"))
	go echo(supervisor)
	for name, open := range map[string]func() (net.Conn, error){
		"forwarded port": func() (net.Conn, error) {
			return tw.carrier.Open(t.Context(), wire.KindForward,
				wire.ForwardParams{Port: program.Addr().(*net.TCPAddr).Port})
		},
		"supervisor": func() (net.Conn, error) {
			return tw.carrier.Open(t.Context(), wire.KindSupervisor, wire.SupervisorParams{Container: "web"})
		},
	} {
		stream, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := bytes.Repeat([]byte(name), 100_000)
		go func() { _, _ = stream.Write(want) }()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(stream, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the echo of %d bytes differs: %v", name, len(want), err)
		}
		stream.Close()
	}
}

func TestRefusedStreams(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	free := listen(t, "tcp", "127.0.0.1:0")
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	settings, err := json.Marshal(filesync.Settings{Type: filesync.Send})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		kind   wire.Kind
		params any
		want   string
	}{
		"another container": {wire.KindSupervisor, wire.SupervisorParams{Container: "helper"},
			"container helper is not in dev mode"},
		"a path for a container": {wire.KindSupervisor, wire.SupervisorParams{Container: "../run/web"},
			"is not in dev mode"},
		"supervisor is not up": {wire.KindSupervisor, wire.SupervisorParams{Container: "web"}, "web.sock"},
		"nothing listens":      {wire.KindForward, wire.ForwardParams{Port: port}, "refused"},
		"no such port":         {wire.KindForward, wire.ForwardParams{Port: 70000}, "no such port"},
		"another folder": {wire.KindSync, wire.SyncParams{Folder: "other", Settings: settings},
			`this twin has no folder "other"`},
		"no settings document": {wire.KindSync,
			wire.SyncParams{Folder: folderOf(t).ID, Settings: json.RawMessage(`"everything"`)}, "settings"},
		"settings of nothing": {wire.KindSync,
			wire.SyncParams{Folder: folderOf(t).ID, Settings: json.RawMessage("null")}, `sync type ""`},
		"settings left out": {wire.KindSync, map[string]string{"folder": folderOf(t).ID}, "settings"},
		"unknown way": {wire.KindSync, wire.SyncParams{Folder: folderOf(t).ID,
			Settings: json.RawMessage(`{"type":"both"}`)}, `sync type "both" is none of send`},
		"unknown kind": {"telepathy", nil, "knows no telepathy streams"},
	} {
		if _, err := tw.carrier.Open(t.Context(), tt.kind, tt.params); !errors.Is(err, wire.ErrRefused) ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a refusal with %q", name, err, tt.want)
		}
	}
}

func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	if c, err := tw.dial(t, "s1", "guess"); err == nil {
		_ = c.Close()
		t.Error("a wrong token is let in")
	}
	if c, err := tw.dial(t, "s2", secret); !errors.Is(err, wire.ErrToken) {
		t.Errorf("another session is let in, or told apart: %v, %v", c, err)
	}
	// The file is read at each handshake.
	write(t, tokenFile(tw.root, "s1"), "6775657373")
	c, err := tw.dial(t, "s1", "guess")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	for _, session := range []string{"", ".", "..", "../ready", "s1/", "/etc/hostname"} {
		if c, err := tw.dial(t, session, "guess"); !errors.Is(err, wire.ErrToken) {
			t.Errorf("session %q is let in: %v, %v", session, c, err)
		}
	}
}

// An endpoint serves every session whose token it has, each by its own, and one that came after it was started.
func TestSeveralSessions(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	write(t, tokenFile(tw.root, "s2"), "6775657373")
	if c, err := tw.dial(t, "s2", secret); !errors.Is(err, wire.ErrToken) {
		t.Errorf("a session is let in by the token of another: %v, %v", c, err)
	}
	second, err := tw.dial(t, "s2", "guess")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, c := range []*wire.Carrier{tw.carrier, second} {
		stream, err := c.Open(t.Context(), wire.KindControl, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Close()
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	gate := func(when string, want bool) {
		t.Helper()
		if open, err := Gate(tw.root); err != nil || open != want {
			t.Errorf("%s: open is %v, %v; want %v", when, open, err, want)
		}
	}
	gate("before anybody said anything", false)
	write(t, tw.root+contract.TokenDir+"/"+contract.GateFile, "true\n")
	gate("in a pod born after the original was parked", true)
	if err := SetGate(tw.root, false); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- AwaitGate(t.Context(), tw.root) }()
	if err := SetGate(tw.root, true); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("a gate that opens while it is waited for: %v", err)
	}
	for _, open := range []bool{false, true} {
		body, err := json.Marshal(control.Ready{Ready: open})
		if err != nil {
			t.Fatal(err)
		}
		if code, text := tw.call(t, http.MethodPut, control.PathReady, string(body)); code != http.StatusOK ||
			text != string(body) {
			t.Errorf("set the gate to %v: %d %s", open, code, text)
		}
		gate("what the sidecar was told last counts", open)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := AwaitGate(ctx, tw.root); (err == nil) != open {
			t.Errorf("wait for a gate that stays %v: %v", open, err)
		}
	}
	opened := func(at time.Time) {
		t.Helper()
		if err := os.Chtimes(tw.root+gateFile, at, at); err != nil {
			t.Fatal(err)
		}
	}
	opened(time.Now().Add(time.Minute)) // stays new on a machine that is slow
	if err := HoldGate(t.Context(), tw.root); err != nil {
		t.Errorf("a gate that was opened just now is held: %v", err)
	}
	opened(time.Now().Add(-time.Minute))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := HoldGate(over, tw.root); err != nil {
		t.Errorf("hold a gate that stays open: %v", err)
	}
	for held := false; !held; { // until it was held before it closed
		limited, cancel := context.WithTimeout(t.Context(), 10*gateLook)
		go func() { waited <- HoldGate(limited, tw.root) }()
		if err := SetGate(tw.root, false); err != nil {
			t.Fatal(err)
		}
		err := <-waited
		held = err != nil && limited.Err() == nil
		cancel()
		if err := SetGate(tw.root, true); err != nil {
			t.Fatal(err)
		}
		opened(time.Now().Add(-time.Minute))
	}
	if code, _ := tw.call(t, http.MethodPut, control.PathReady, "open, sesame"); code != http.StatusBadRequest {
		t.Errorf("nonsense is answered with %d", code)
	}
	gate("nonsense changes nothing", true)
}

func TestSync(t *testing.T) {
	t.Parallel()
	tw := newTwin(t)
	folder := folderOf(t)
	if code, text := tw.call(t, http.MethodGet, control.PathSync(folder.ID), ""); code != http.StatusNotFound {
		t.Errorf("before the first stream: %d %s", code, text)
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "main.go"), "package main\n")
	settings := filesync.Settings{Type: filesync.SendReceive}
	engine, err := filesync.New(filesync.Config{
		FolderID: folder.ID,
		Root:     root,
		StateDir: filepath.Join(dir, "state"),
		Side:     filesync.Local,
		Settings: settings,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- engine.Serve(ctx) }()
	defer func() { cancel(); <-served }()

	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(tw.root, contract.WorkDir, folder.DataSubPath())
	for round, name := range []string{"main.go", "later.go"} { // the second stream finds the engine of the first
		write(t, filepath.Join(root, name), "package main\n")
		stream, err := tw.carrier.Open(t.Context(), wire.KindSync,
			wire.SyncParams{Folder: folder.ID, Settings: raw, Instance: engine.Instance()})
		if err != nil {
			t.Fatal(err)
		}
		there, err := remote{t, tw, folder.ID}.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		attached := make(chan error, 1)
		go func() { attached <- engine.Attach(ctx, stream, there.Instance) }()
		const limit = 5 * time.Minute // far more than it takes, also on a busy machine
		limited, stop := context.WithTimeout(t.Context(), limit)
		if err := engine.Wait(limited, remote{t, tw, folder.ID}); err != nil {
			t.Fatal(err)
		}
		stop()
		got, err := os.ReadFile(filepath.Join(in, name))
		if diff := cmp.Diff("package main\n", string(got)); diff != "" || err != nil {
			t.Errorf("stream %d: %s: %v\n%s", round, name, err, diff)
		}
		stream.Close()
		<-attached
	}
}

// remote asks the endpoint how a folder is, as the daemon does.
type remote struct {
	t      *testing.T
	twin   twin
	folder string
}

func (r remote) Scan(context.Context) error {
	if code, text := r.twin.call(r.t, http.MethodPost, control.PathScan(r.folder), ""); code != http.StatusOK {
		return errors.New(text)
	}
	return nil
}

func (r remote) Status(context.Context) (s filesync.Status, err error) {
	code, text := r.twin.call(r.t, http.MethodGet, control.PathSync(r.folder), "")
	if code != http.StatusOK {
		return s, errors.New(text)
	}
	return s, json.Unmarshal([]byte(text), &s)
}
