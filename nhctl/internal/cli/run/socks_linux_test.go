package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// stage says that this process is an nhctl run, whose command is its arguments.
const stage = "NHCTL_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(stage) == "" {
		sessiontest.Main(m)
		return
	}
	dir, _ := os.Getwd()
	f := &factory.Factory{
		Streams:    ui.Streams{Out: os.Stdout, Err: os.Stderr},
		Program:    "nhctl",
		Dir:        dir,
		Kubeconfig: os.Getenv("KUBECONFIG"),
		Output:     string(ui.Text),
		Environ:    os.Environ(),
	}
	o := &Options{Argv: os.Args[1:], Dir: dir, Unset: []string{stage}}
	o.Tunnel.SidecarImage, o.Tunnel.Timeout = "sidecar:1", time.Minute
	p := problem.From(bySocks(context.Background(), f, o))
	fmt.Fprintln(os.Stderr, p.Message)
	os.Exit(p.ExitCode())
}

// The command takes nhctl's place: its output and exit code are its own, and it finds the proxy, which serves.
func TestBySocks(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runs := func(argv ...string) (out, said string, code int) {
		cmd := exec.CommandContext(t.Context(), self, argv...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		for name, value := range shell.Caller.Env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(cmd.Env, stage+"=1", "PATH="+os.Getenv("PATH"), "KUBECONFIG="+shell.Caller.Kubeconfig,
			"NO_PROXY=intra.example")
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
	const script = `echo "$ALL_PROXY $http_proxy"; echo "$NO_PROXY" "$0" "$1"; exit 7`
	out, said, code := runs("sh", "-c", script, "a b", "c")
	lines := strings.Split(out, "\n")
	proxy, _, _ := strings.Cut(strings.TrimPrefix(out, "socks5h://"), " ")
	want := []string{"socks5h://" + proxy + " http://" + proxy, "localhost,127.0.0.1,::1,intra.example a b c", ""}
	if diff := cmp.Diff(want, lines); diff != "" || code != 7 {
		t.Errorf("%s\nexit code %d: %s", diff, code, said)
	}
	conn, err := net.Dial("tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, said, code := runs("no-such-command"); code != exitNotFound || !strings.Contains(said, "no-such-command") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// What needs a network of the command's own is refused before anything is done.
func TestSocksRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*Options{
		"another method": {Method: "magic"},
		"more names":     {Method: socks, Also: []string{"db.example"}},
		"fewer networks": {Method: socks, Never: []string{"10.0.0.0/8"}},
		"a port":         {Method: socks, ToPod: []uint{3500}},
		"a route":        {Method: socks, Exchange: []string{"web"}},
	} {
		if p := problem.From(o.check()); p.Code != problem.Usage {
			t.Errorf("%s: %s: %s", name, p.Code, p.Message)
		}
	}
	for _, o := range []*Options{{Method: namespaces, ToPod: []uint{1}}, {Method: socks}} {
		if err := o.check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
