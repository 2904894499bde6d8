package tunnelsession_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// A process of the computer reaches the gateway by the daemon, also after another daemon has taken the tunnel up.
func TestCarry(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	carry := func(ctx context.Context, token []byte) (net.Conn, error) {
		return client.Carry(ctx, ada.Dirs, rpc.Carry{Caller: shell.Caller, Token: token})
	}
	if _, err := carry(t.Context(), make([]byte, 32)); problem.From(err).Code != problem.NoSession {
		t.Errorf("without a tunnel: %v", err)
	}
	mustConnect(t, shell)
	if _, err := carry(t.Context(), nil); problem.From(err).Code != problem.Usage {
		t.Errorf("without a token: %v", err)
	}
	link := gatewaylink.New(carry, slog.New(slog.DiscardHandler))
	defer link.Close()
	works := func() {
		t.Helper()
		conn, err := link.DialTCP(t.Context(), server.AddrPort(), []byte("hel"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "lo")
		_ = wire.CloseWrite(conn)
		if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	works()
	ada.StopDaemon()
	ada.StartDaemon()
	works()
	if _, err := disconnect(shell); err != nil {
		t.Fatal(err)
	}
	if _, err := carry(t.Context(), make([]byte, 32)); problem.From(err).Code != problem.NoSession {
		t.Errorf("after the tunnel: %v", err)
	}
}

// A link leads to the gateway of the workload that it names: its environment is that workload's.
func TestCarryToCompanion(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	kubetest.Edit(cluster.Cluster, ns, "web", func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "COLOR", Value: "blue"}}
	})
	mustConnect(t, shell)
	mustConnect(t, shell, as("web"))
	for workload, want := range map[string][]string{"": {}, "web": {"COLOR=blue"}} {
		link := gatewaylink.New(func(ctx context.Context, token []byte) (net.Conn, error) {
			return client.Carry(ctx, ada.Dirs, rpc.Carry{Caller: shell.Caller, Workload: workload, Token: token})
		}, slog.New(slog.DiscardHandler))
		got, err := link.Environment(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("workload %q: %v %s", workload, err, diff)
		}
		link.Close()
	}
	ended(t, shell)
}
