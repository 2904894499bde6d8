package connect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/netlink"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup/netsetuptest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == netsetup.Argument {
		os.Exit(netsetup.RunHelper())
	}
	sessiontest.Main(m)
}

// insideEnv says that a test is in namespaces that stand for a computer already.
const insideEnv = "NHCTL_TEST_INSIDE"

// podAddress is that of a pod. This computer has it, so that the gateway, which runs in this process, reaches it.
const podAddress = "10.244.0.7"

// inside runs a test again in namespaces that stand for a computer, and says whether this is that run.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), insideEnv+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("%v: %s", err, out)
		}
		return false
	}
	if err := netsetuptest.Computer(func(context.Context, string) error { return nil })(); err != nil {
		t.Fatal(err)
	}
	link, err := netlink.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	lo, err := netlink.Index("lo")
	if err == nil {
		err = link.Up(lo, 0)
	}
	if err == nil {
		err = link.Address(lo, netip.MustParseAddr(podAddress))
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// pod is a server in a pod, which says hello. Returns its port.
func pod(t *testing.T) int32 {
	t.Helper()
	l, err := net.Listen("tcp", podAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "hello")
			conn.Close()
		}
	}()
	return int32(l.Addr().(*net.TCPAddr).Port)
}

// services are a headless Service and one with an address, which have the pod.
func services(port int32) []*corev1.Service {
	ports := []corev1.ServicePort{{Name: "sql", Port: port, Protocol: corev1.ProtocolTCP}}
	all := []*corev1.Service{{}, {}}
	for i, name := range []string{"db", "api"} {
		all[i].Name, all[i].Namespace, all[i].Spec.Ports = name, sessiontest.Namespace, ports
	}
	all[0].Spec.ClusterIP, all[1].Spec.ClusterIP = corev1.ClusterIPNone, "10.96.0.10"
	return all
}

func slice(service string, port int32) *discoveryv1.EndpointSlice {
	name, protocol, hostname, ready := "sql", corev1.ProtocolTCP, service+"-0", true
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: sessiontest.Namespace,
			Name:      service + "-1",
			Labels:    map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses:  []string{podAddress},
			Hostname:   &hostname,
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		}},
	}
}

// printed is what a command prints, while it does.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}
func (p *printed) String() string { p.mu.Lock(); defer p.mu.Unlock(); return p.text.String() }

// terminal is a developer's, who runs nhctl connect.
type terminal struct {
	*sessiontest.Shell
	f       *factory.Factory
	printed *printed
	port    int32
}

func open(t *testing.T) *terminal {
	t.Helper()
	port := pod(t)
	cluster, ada := sessiontest.New(t), sessiontest.NewComputer(t, "ada")
	for _, s := range services(port) {
		cluster.Add(s, slice(s.Name, port))
	}
	x := &terminal{Shell: ada.Shell(cluster, "ada", ""), printed: &printed{}, port: port}
	x.f = &factory.Factory{
		Streams:    ui.Streams{Out: x.printed, Err: x.printed},
		Program:    "nhctl",
		Dir:        x.Folder,
		Kubeconfig: x.Caller.Kubeconfig,
		Output:     string(ui.Text),
	}
	for name, value := range x.Caller.Env {
		x.f.Environ = append(x.f.Environ, name+"="+value)
	}
	return x
}

// begin runs nhctl connect until it says that it serves.
func (x *terminal) begin(t *testing.T, o *Options) (stop context.CancelFunc, done <-chan error) {
	t.Helper()
	o.Domain, o.Tunnel.SidecarImage, o.Tunnel.Timeout = localrun.Domain, "sidecar:1", time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before := len(x.printed.String())
	go func() { ended <- run(ctx, x.f, o) }()
	sessiontest.Until(t, "nhctl connect serves", func() error {
		select {
		case err := <-ended:
			t.Fatalf("%v: %s", err, x.printed.String())
		default:
		}
		if text := x.printed.String()[before:]; !strings.Contains(text, "until Ctrl-C") {
			return fmt.Errorf("it prints %q", text)
		}
		return nil
	})
	return cancel, ended
}

// lookUp is the address that another program finds for a name: Go's own resolver keeps what it has read for a while.
func lookUp(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "getent", "ahostsv4", name).Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) == 0 {
		t.Fatalf("getent %s: %q, %v", name, out, err)
	}
	return words[0]
}

// over waits for the end of an nhctl connect, after which the computer is as before.
func over(t *testing.T, done <-chan error) {
	t.Helper()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := netsetuptest.Until(t.Context(), netsetuptest.Unchanged); err != nil {
		t.Error(err)
	}
}

// The way of nhctl connect --hosts, with a real daemon, gateway and helper.
func TestHosts(t *testing.T) {
	t.Parallel()
	if !inside(t) {
		return
	}
	x := open(t)
	stop, done := x.begin(t, &Options{Hosts: true})
	for _, name := range []string{"db-0.db", "db", "db.shop.svc.cluster.local"} {
		at := lookUp(t, name)
		conn, err := net.Dial("tcp", net.JoinHostPort(at, fmt.Sprint(x.port)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if string(got) != "hello" || err != nil || !netip.MustParseAddr(at).IsLoopback() {
			t.Errorf("%s at %s: %q, %v", name, at, got, err)
		}
		conn.Close()
	}
	stop()
	over(t, done)

	_, done = x.begin(t, &Options{Hosts: true, Selector: "no=such"})
	var ended rpc.Ended
	if err := x.Call(rpc.MethodDisconnect, rpc.Disconnect{Caller: x.Caller}, &ended); err != nil {
		t.Fatal(err)
	}
	over(t, done)
}

// The way of nhctl connect for the whole computer. The gateway is on the same computer, so only what needs none is
// tried: names and routes.
func TestWholeComputer(t *testing.T) {
	t.Parallel()
	if !inside(t) {
		return
	}
	x := open(t)
	refused := problem.From(run(t.Context(), x.f, &Options{Domain: localrun.Domain}))
	if refused.Code != problem.Refused || !strings.Contains(refused.Hint, "--resolv-conf") {
		t.Errorf("%s: %s (%s)", refused.Code, refused.Message, refused.Hint)
	}
	stop, done := x.begin(t, &Options{ResolvConf: true, Also: []string{"172.30.0.0/16"}})
	for name, want := range map[string]string{
		"api": "10.96.0.10", "api.shop": "10.96.0.10", "db-0.db.shop.svc.cluster.local": podAddress,
	} {
		if got := lookUp(t, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	routes, err := os.ReadFile("/proc/self/net/route")
	for _, network := range []string{"0000600A", "0700F40A", "00001EAC"} { // 10.96/16, the pod, 172.30/16
		if err != nil || !strings.Contains(string(routes), "nhctl0\t"+network) {
			t.Errorf("no route to %s: %s", network, routes)
		}
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("10.96.0.10", "9"))
	if err == nil {
		conn.Close()
		t.Error("a port that the Service does not have takes a connection")
	}
	stop()
	over(t, done)

	_, done = x.begin(t, &Options{ResolvConf: true})
	var ended rpc.Ended
	if err := x.Call(rpc.MethodDisconnect, rpc.Disconnect{Caller: x.Caller}, &ended); err != nil {
		t.Fatal(err)
	}
	over(t, done)
}
