package tunnelsession_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
	"github.com/nhctl/nhctl/nhctl/internal/tunnelsession"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// unpublished is the image of this build's sidecar.
const unpublished = "sidecar:unpublished"

func TestMain(m *testing.M) {
	buildinfo.SidecarReference = unpublished // as `make build` stamps it
	sessiontest.Main(m)
}

const ns = sessiontest.Namespace

// connect brings up the tunnel of a shell.
func connect(s *sessiontest.Shell, changes ...func(*rpc.Connect)) (rpc.Session, error) {
	p := rpc.Connect{Caller: s.Caller, SidecarImage: "sidecar:1"}
	for _, change := range changes {
		change(&p)
	}
	var session rpc.Session
	err := s.Call(rpc.MethodConnect, p, &session)
	return session, err
}

func mustConnect(t *testing.T, s *sessiontest.Shell, changes ...func(*rpc.Connect)) rpc.Session {
	t.Helper()
	session, err := connect(s, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func disconnect(s *sessiontest.Shell, changes ...func(*rpc.Disconnect)) (rpc.Ended, error) {
	p := rpc.Disconnect{Caller: s.Caller}
	for _, change := range changes {
		change(&p)
	}
	var ended rpc.Ended
	err := s.Call(rpc.MethodDisconnect, p, &ended)
	return ended, err
}

// overview is all that a computer has.
func overview(t *testing.T, s *sessiontest.Shell) []rpc.Session {
	t.Helper()
	var all []rpc.Session
	if err := s.Call(rpc.MethodOverview, rpc.Overview{Caller: s.Caller}, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// echo is a server that sends back what comes, once the client has ended its data.
func echo(t *testing.T) *net.TCPAddr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr)
}

// through connects to an address by a tunnel's proxy.
func through(tunnel rpc.Session, to *net.TCPAddr) (net.Conn, error) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(tunnel.Tunnel.Port)))
	if err != nil {
		return nil, err
	}
	request := append([]byte{5, 1, 0, 5, 1, 0, 1}, to.IP.To4()...)
	if _, err = conn.Write(binary.BigEndian.AppendUint16(request, uint16(to.Port))); err == nil {
		answer := make([]byte, 12)
		if _, err = io.ReadFull(conn, answer); err == nil && answer[3] != 0 {
			err = fmt.Errorf("reply %d", answer[3])
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// works sends something through a tunnel and back.
func works(tunnel rpc.Session, to *net.TCPAddr) error {
	conn, err := through(tunnel, to)
	if err != nil {
		return err
	}
	defer conn.Close()
	want := []byte("hello")
	_, _ = conn.Write(want)
	_ = conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("the echo is %q", got)
	}
	return err
}

// A tunnel comes up, is found again, tells how it is, and leaves nothing.
func TestTunnel(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	tunnel := mustConnect(t, shell)
	if err := works(tunnel, server); err != nil {
		t.Fatal(err)
	}
	if again := mustConnect(t, shell); !again.Reattached || again.ID != tunnel.ID {
		t.Errorf("a second connect: %+v", again)
	}
	other := func(p *rpc.Connect) { p.Port = tunnel.Tunnel.Port + 1 }
	if _, err := connect(shell, other); problem.From(err).Code != problem.Refused {
		t.Errorf("another port: %v", err)
	}
	all := overview(t, shell)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	got := all[0].Tunnel
	if all[0].Kind != rpc.KindTunnel || all[0].Pod == "" || got.RoundTrip <= 0 || got.Reason != "" || got.Opened != 1 ||
		got.Sent != 5 || got.Received != 5 {
		t.Errorf("%+v %+v", all[0], got)
	}
	// Dev mode's lists have nothing of it.
	var everywhere []rpc.Session
	err := shell.Call(rpc.MethodList, rpc.List{Caller: shell.Caller, AllClusters: true}, &everywhere)
	if list := shell.List(); len(list) != 0 || len(everywhere) != 0 || err != nil {
		t.Errorf("dev list: %+v, %+v, %v", list, everywhere, err)
	}
	// The token is in no object but the Secret that only the gateway reads.
	for _, j := range kubetest.List[batchv1.Job](cluster.Cluster, ns) {
		text, err := json.Marshal(j)
		secret := kubetest.Get[corev1.Secret](cluster.Cluster, ns, j.Name)
		if err != nil || len(secret.Data[contract.SecretToken]) != 64 ||
			bytes.Contains(text, secret.Data[contract.SecretToken]) {
			t.Errorf("%v: %s", err, text)
		}
	}
	ended, err := disconnect(shell)
	if err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != tunnel.ID {
		t.Errorf("%+v, %v", ended, err)
	}
	cluster.Restored(before)
	if _, err := through(tunnel, server); err == nil {
		t.Error("the proxy is still there")
	}
	if _, err := disconnect(shell); problem.From(err).Code != problem.NoSession {
		t.Errorf("a second disconnect: %v", err)
	}
	if all := overview(t, shell); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if left, err := os.ReadDir(ada.Dirs.Sessions()); len(left) != 0 || err != nil {
		t.Errorf("%v is left on the computer, %v", left, err)
	}
}

// frozen is a connection through which nothing comes while its network is cut, as when every packet is dropped.
type frozen struct {
	net.Conn
	cut <-chan struct{}
	end chan struct{}
	one sync.Once
}

func (f *frozen) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	select {
	case <-f.cut:
		<-f.end
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (f *frozen) Write(b []byte) (int, error) {
	select {
	case <-f.cut:
		return len(b), nil
	default:
		return f.Conn.Write(b)
	}
}

func (f *frozen) Close() error { f.one.Do(func() { close(f.end) }); return f.Conn.Close() }

// When the network swallows everything, open connections are reset, and new ones work as soon as it lets them.
func TestSilentNetwork(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	cut := make(chan struct{})
	dial := cluster.Dial
	cluster.Dial = func(ctx context.Context, pod *corev1.Pod, port int) (net.Conn, error) {
		conn, err := dial(ctx, pod, port)
		select {
		case <-cut: // what comes after the cut goes another way
			return conn, err
		default:
		}
		if err == nil {
			conn = &frozen{Conn: conn, cut: cut, end: make(chan struct{})}
		}
		return conn, err
	}
	tunnel := mustConnect(t, shell)
	open, err := through(tunnel, server)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	close(cut)
	if _, err := open.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the open connection: %v", err)
	}
	sessiontest.Until(t, "new connections work", func() error { return works(tunnel, server) })
	if all := overview(t, shell); len(all) != 1 || all[0].Tunnel.Reason != "" {
		t.Errorf("%+v", all)
	}
	if _, err := disconnect(shell); err != nil {
		t.Error(err)
	}
}

// When the gateway's pod is lost, open connections are reset, and another gateway serves new ones.
func TestGatewayLost(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	tunnel := mustConnect(t, shell)
	open, err := through(tunnel, server)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	job := kubetest.List[batchv1.Job](cluster.Cluster, ns)[0]
	// The Job's controller may be slow, or have counted the pod: whatever comes first is taken.
	kubetest.Delete[batchv1.Job](cluster.Cluster, ns, job.Name)
	if _, err := io.ReadAll(open); err == nil {
		t.Error("a connection of the lost gateway has ended as if it were complete")
	}
	sessiontest.Until(t, "new connections work", func() error { return works(tunnel, server) })
	jobs := kubetest.List[batchv1.Job](cluster.Cluster, ns)
	if len(jobs) != 1 || jobs[0].UID == job.UID {
		t.Errorf("%d Jobs", len(jobs))
	}
	// The Lease went with the lost one, and is back, with the new one as its owner.
	sessiontest.Until(t, "the Lease is there", func() error {
		leases := kubetest.List[coordinationv1.Lease](cluster.Cluster, ns)
		if len(leases) != 1 || len(leases[0].OwnerReferences) != 1 ||
			leases[0].OwnerReferences[0].UID != jobs[0].UID {
			return fmt.Errorf("%+v", leases)
		}
		return nil
	})
	if _, err := disconnect(shell); err != nil {
		t.Fatal(err)
	}
	cluster.Restored(before)
}

// The next daemon takes a tunnel up, on the same port.
func TestDaemonReplaced(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell, server := ada.Shell(cluster, "ada", ""), echo(t)
	before := cluster.Snapshot(ns)
	tunnel := mustConnect(t, shell, func(p *rpc.Connect) { p.Port = tunneltest.FreePort(t) })
	job := kubetest.List[batchv1.Job](cluster.Cluster, ns)[0]
	ada.StopDaemon()
	ada.StartDaemon()
	all := overview(t, shell)
	if len(all) != 1 || all[0].ID != tunnel.ID || all[0].Tunnel.Port != tunnel.Tunnel.Port {
		t.Fatalf("%+v", all)
	}
	sessiontest.Until(t, "connections work", func() error { return works(tunnel, server) })
	if jobs := kubetest.List[batchv1.Job](cluster.Cluster, ns); len(jobs) != 1 || jobs[0].UID != job.UID {
		t.Errorf("another gateway was made: %+v", jobs)
	}
	if _, err := disconnect(shell, func(p *rpc.Disconnect) { p.All = true }); err != nil {
		t.Fatal(err)
	}
	cluster.Restored(before)
}

// A computer that has lost its memory of a tunnel ends it all the same, or begins again.
func TestForgottenTunnel(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	before := cluster.Snapshot(ns)
	forget := func(tunnel rpc.Session) {
		ada.StopDaemon()
		if err := os.RemoveAll(ada.Dirs.Session(tunnel.ID)); err != nil {
			t.Fatal(err)
		}
		ada.StartDaemon()
	}
	first := mustConnect(t, shell)
	forget(first)
	second := mustConnect(t, shell)
	if second.ID == first.ID || second.Reattached {
		t.Errorf("%+v", second)
	}
	if jobs := kubetest.List[batchv1.Job](cluster.Cluster, ns); len(jobs) != 1 {
		t.Errorf("%d gateways", len(jobs))
	}
	forget(second)
	if ended, err := disconnect(shell); err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != second.ID {
		t.Errorf("%+v, %v", ended, err)
	}
	cluster.Restored(before)
}

// Colleagues have a gateway each, and neither touches the other's.
func TestTwoDevelopers(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada, bob := sessiontest.NewComputer(t, "ada"), sessiontest.NewComputer(t, "bob")
	adas, bobs, server := ada.Shell(cluster, "ada", ""), bob.Shell(cluster, "bob", ""), echo(t)
	before := cluster.Snapshot(ns)
	hers := mustConnect(t, adas)
	his := mustConnect(t, bobs)
	if hers.Tunnel.Port == his.Tunnel.Port || hers.ID == his.ID {
		t.Errorf("%+v and %+v", hers, his)
	}
	if _, err := disconnect(adas); err != nil {
		t.Fatal(err)
	}
	if err := works(his, server); err != nil {
		t.Errorf("Bob's tunnel after the end of Ada's: %v", err)
	}
	if _, err := disconnect(bobs); err != nil {
		t.Fatal(err)
	}
	cluster.Restored(before)
}

// A start that fails leaves nothing, and says what to do.
func TestStartFails(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	before := cluster.Snapshot(ns)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tt := range map[string]struct {
		change     func(*rpc.Connect)
		code       problem.Code
		text, hint string
	}{
		"two images": {
			func(p *rpc.Connect) { p.Image = "busybox" }, problem.Usage, "not both", "leave out",
		},
		"an odd image": {
			func(p *rpc.Connect) { p.SidecarImage = "a\nb" }, problem.Unreadable, "image", "",
		},
		"a taken port": {
			func(p *rpc.Connect) { p.Port = taken.Addr().(*net.TCPAddr).Port }, problem.PortTaken, "is taken", "free",
		},
		"no port": {
			func(p *rpc.Connect) { p.Port = 70000 }, problem.Usage, "port 70000", "",
		},
	} {
		_, err := connect(shell, tt.change)
		p := problem.From(err)
		if p.Code != tt.code || !strings.Contains(p.Message, tt.text) || !strings.Contains(p.Hint, tt.hint) {
			t.Errorf("%s: %s: %s (%s)", name, p.Code, p.Message, p.Hint)
		}
	}
	cluster.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
		if q.Resource == "pods" && o.GetLabels()[contract.LabelRole] == contract.RoleGateway {
			return errors.New("exceeded quota: pods")
		}
		return nil
	})
	_, err = connect(shell)
	if p := problem.From(err); p.Code != problem.Refused || !strings.Contains(p.Message, "exceeded quota") ||
		!strings.Contains(p.Hint, "another namespace") {
		t.Errorf("no room for the pod: %s: %s (%s)", p.Code, p.Message, p.Hint)
	}
	cluster.Restored(before)
	if left, err := os.ReadDir(ada.Dirs.Sessions()); len(left) != 0 || err != nil {
		t.Errorf("%v is left on the computer, %v", left, err)
	}
}

// Without the rights on Jobs, the user learns which Role they need.
func TestForbidden(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	before := cluster.Snapshot(ns)
	cluster.Forbid("ada", "create", "jobs")
	_, err := connect(shell)
	if p := problem.From(err); p.Code != problem.Forbidden || !strings.Contains(p.Hint, "nhctl doctor --role") {
		t.Errorf("%s: %s (%s)", p.Code, p.Message, p.Hint)
	}
	cluster.Restored(before)
}

// A daemon that was killed in the middle of a start leaves what the next one removes.
func TestStartCutShort(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	before := cluster.Snapshot(ns)
	tunnel := mustConnect(t, shell)
	ada.StopDaemon()
	file := filepath.Join(ada.Dirs.Session(tunnel.ID), "session.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.Replace(string(text), `"up": true`, `"up": false`, 1)
	if cut == string(text) {
		t.Fatalf("%s does not say that the tunnel is up", text)
	}
	if err := os.WriteFile(file, []byte(cut), 0o600); err != nil {
		t.Fatal(err)
	}
	ada.StartDaemon()
	_ = overview(t, shell) // the next call has the next daemon look for it
	sessiontest.Until(t, "the next daemon removes it", func() error {
		if left, err := os.ReadDir(ada.Dirs.Sessions()); len(left) != 0 || err != nil {
			return fmt.Errorf("%v is left, %v", left, err)
		}
		return nil
	})
	cluster.Restored(before)
}

// A tunnel that another nhctl has taken ends here, and its developer is told.
func TestTakenTunnel(t *testing.T) {
	t.Parallel()
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	shell := ada.Shell(cluster, "ada", "")
	tunnel := mustConnect(t, shell)
	l := kubetest.List[coordinationv1.Lease](cluster.Cluster, ns)[0]
	found, err := record.TunnelFromLease(&l)
	if err != nil {
		t.Fatal(err)
	}
	found.Session = "ffffffff"
	other, err := found.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Edit(cluster.Cluster, ns, l.Name, func(l *coordinationv1.Lease) {
		l.Labels, l.Annotations = other.Labels, other.Annotations
	})
	sessiontest.Until(t, "the tunnel ends", func() error {
		if all := overview(t, shell); len(all) != 0 {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
	_ = shell.List()
	if !ada.Heard("the tunnel into namespace shop has ended: another nhctl of yours") {
		t.Error("its developer was not told")
	}
	_, err = disconnect(shell, func(p *rpc.Disconnect) { p.Session = tunnel.ID })
	if problem.From(err).Code != problem.NoSession {
		t.Errorf("its end: %v", err)
	}
}

// The protocol's schema describes every method of tunnels.
func TestEveryMethodIsDescribed(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	kind := tunnelsession.New(userdirs.Dirs{}, logger, registry.New(userdirs.Dirs{}, logger))
	for _, method := range slices.Collect(maps.Keys(kind.Methods())) {
		if rpcschema.Methods()[method].Result == nil {
			t.Errorf("%s has no described result", method)
		}
	}
}
