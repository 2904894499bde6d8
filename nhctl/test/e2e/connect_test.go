//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// echoes is a Service that sends back what comes, over TCP once the client has ended its data, and over UDP.
const echoes = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 1
      containers:
      - name: echo
        image: ghcr.io/nhctl/dev-go:v0.1.0
        imagePullPolicy: IfNotPresent
        command: [perl, -MIO::Socket::INET, -e]
        args:
        - |
          $SIG{CHLD} = "IGNORE";
          unless (fork) {
            my $u = IO::Socket::INET->new(LocalPort => 7778, Proto => "udp") or die $!;
            while (defined $u->recv(my $d, 65536)) { $u->send($d) }
            exit;
          }
          my $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 128, ReuseAddr => 1) or die $!;
          while (my $c = $s->accept) {
            next if fork;
            while (sysread $c, my $b, 65536) {
              for (my $o = 0; $o < length $b; ) { $o += syswrite $c, $b, length($b) - $o, $o }
            }
            exit;
          }
        readinessProbe: {tcpSocket: {port: 7777}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: "1", memory: 128Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  selector: {app: echo}
  ports:
  - {name: tcp, port: 7, targetPort: 7777}
  - {name: udp, port: 7, targetPort: 7778, protocol: UDP}
`

// socksPort is a tunnel's, on a port of this computer.
type socksPort int

func (p socksPort) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(p))) }

// ask makes a SOCKS5 request, and returns the connection, the reply and the address in it.
func (p socksPort) ask(
	ctx context.Context, command byte, host string, port int,
) (_ *net.TCPConn, reply byte, bound *net.UDPAddr, _ error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address())
	if err != nil {
		return nil, 0, nil, err
	}
	request := append([]byte{5, 1, 0, 5, command, 0, 3, byte(len(host))}, host...)
	if _, err = conn.Write(binary.BigEndian.AppendUint16(request, uint16(port))); err == nil {
		answer := make([]byte, 12)
		if _, err = io.ReadFull(conn, answer); err == nil {
			bound = &net.UDPAddr{IP: answer[6:10], Port: int(binary.BigEndian.Uint16(answer[10:]))}
			return conn.(*net.TCPConn), answer[3], bound, nil
		}
	}
	conn.Close()
	return nil, 0, nil, err
}

// connect connects to a port of a host in the cluster.
func (p socksPort) connect(ctx context.Context, host string, port int) (*net.TCPConn, error) {
	conn, reply, _, err := p.ask(ctx, 1, host, port)
	if err == nil && reply != 0 {
		conn.Close()
		err = fmt.Errorf("%s:%d: reply %d", host, port, reply)
	}
	return conn, err
}

// client is an HTTP client that uses the proxy by a scheme.
func (p socksPort) client(scheme string) *http.Client {
	via := &url.URL{Scheme: scheme, Host: p.address()}
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true},
	}
}

// get asks for a page, and returns its text where the status is the wanted one.
func get(client *http.Client, url string, want int) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s: %s (%s): %s", url, response.Status, response.Header.Get("Proxy-Status"), text)
	}
	return string(text), err
}

// podAddress is the address of a Deployment's only pod.
func (c *cluster) podAddress(t *testing.T, ns, app string) string {
	t.Helper()
	pods, err := c.typed.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d pods of %s, %v", len(pods.Items), app, err)
	}
	return pods.Items[0].Status.PodIP
}

// killGateways deletes the pods of all gateways of a namespace, and says how many there were.
func (c *cluster) killGateways(t *testing.T, ns string) int {
	t.Helper()
	gateways := metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleGateway}
	pods, err := c.typed.CoreV1().Pods(ns).List(t.Context(), gateways)
	if err != nil {
		t.Fatal(err)
	}
	now := int64(0)
	for _, p := range pods.Items {
		if err := c.typed.CoreV1().Pods(ns).Delete(t.Context(), p.Name,
			metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
	}
	return len(pods.Items)
}

// tunnelOf is the developer's one tunnel.
func (d *developer) tunnelOf() rpc.Session {
	d.t.Helper()
	all := query[[]rpc.Session](d, "", "status")
	if len(all) != 1 || all[0].Tunnel == nil {
		d.t.Fatalf("%+v", all)
	}
	return all[0]
}

// Programs of this computer reach what a pod reaches, by SOCKS and by HTTP, as a user with nothing but the Role, under
// Pod Security "restricted". What they can't reach they hear of as a pod would.
func TestConnectSocks(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	shared.create(t, ns, []byte(echoes))
	shared.deploymentReady(t, ns, "echo")
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	dev.must("", "connect", "--socks")
	p := socksPort(dev.tunnelOf().Tunnel.Port)

	t.Run("HTTP", func(t *testing.T) { p.reachesHTTP(t, ns) })
	t.Run("Honest", func(t *testing.T) { p.isHonest(t, ns) })
	t.Run("Many", p.servesMany)
	t.Run("Bulk", p.carriesBulk)
	t.Run("UDP", p.carriesUDP)
	t.Run("Shell", dev.usesProxyInShell)
	t.Run("GatewayKilled", func(t *testing.T) { p.outlivesGateway(t, ns) })
	t.Run("DaemonKilled", func(t *testing.T) {
		_ = syscall.Kill(dev.daemonPID(), syscall.SIGKILL)
		eventually(t, time.Minute, "the next daemon serves the same port", func(context.Context) error {
			if again := dev.tunnelOf(); again.Tunnel.Port != int(p) || again.Tunnel.Reason != "" {
				return fmt.Errorf("%+v", again.Tunnel)
			}
			_, err := get(p.client("socks5h"), "http://catalog/books", http.StatusOK)
			return err
		})
	})
	dev.must("", "disconnect")
	shared.restored(t, ns, before)
	if conn, err := net.Dial("tcp", p.address()); err == nil {
		conn.Close()
		t.Error("the proxy is still there")
	}
}

// reachesHTTP asks a Service by its names and its pod by its address, in both protocols.
func (p socksPort) reachesHTTP(t *testing.T, ns string) {
	hosts := []string{"catalog", "catalog." + ns, "catalog." + ns + ".svc.cluster.local",
		net.JoinHostPort(shared.podAddress(t, ns, "catalog"), "8080")}
	for _, scheme := range []string{"socks5h", "http"} {
		for _, host := range hosts {
			text, err := get(p.client(scheme), "http://"+host+"/books", http.StatusOK)
			if err != nil || !strings.Contains(text, "Welcome to the bookshop") {
				t.Errorf("%s by %s: %q, %v", host, scheme, text, err)
			}
		}
	}
}

// isHonest asks for what is not there.
func (p socksPort) isHonest(t *testing.T, ns string) {
	address := shared.podAddress(t, ns, "catalog")
	for name, tt := range map[string]struct {
		host  string
		reply byte
		says  string
	}{
		"a closed port":           {address, 5, "error=connection_refused"},
		"a name of no one":        {"nowhere." + ns + ".svc.cluster.local", 4, "error=dns_error"},
		"the same, and no search": {"nowhere." + ns + ".svc.cluster.local.", 4, "error=dns_error"},
	} {
		conn, reply, _, err := p.ask(t.Context(), 1, tt.host, 9)
		if err != nil || reply != tt.reply {
			t.Errorf("%s: reply %d, want %d, %v", name, reply, tt.reply, err)
		}
		if conn != nil {
			conn.Close()
		}
		response, err := p.client("http").Get("http://" + net.JoinHostPort(tt.host, "9"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if said := response.Header.Get("Proxy-Status"); response.StatusCode != http.StatusBadGateway ||
			!strings.Contains(said, tt.says) {
			t.Errorf("%s: %s, %s", name, response.Status, said)
		}
	}
}

// servesMany makes a thousand short requests, each on a connection of its own.
func (p socksPort) servesMany(t *testing.T) {
	const requests, atOnce = 1000, 20
	begin := time.Now()
	work := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			client := p.client("socks5h")
			for range work {
				if _, err := get(client, "http://catalog/healthz", http.StatusOK); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range requests {
		work <- i
	}
	close(work)
	workers.Wait()
	t.Logf("%d requests took %s", requests, time.Since(begin).Round(time.Millisecond))
}

// carriesBulk sends 100 MB to a server that sends them back, and ends its data when all are sent.
func (p socksPort) carriesBulk(t *testing.T) {
	const size = 100 << 20
	begin := time.Now()
	conn, err := p.connect(t.Context(), "echo", 7)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent, got := sha256.New(), sha256.New()
	var sending sync.WaitGroup
	sending.Go(func() {
		if _, err := io.CopyN(io.MultiWriter(conn, sent), rand.Reader, size); err != nil {
			t.Error(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	n, err := io.Copy(got, conn)
	sending.Wait()
	if same := string(sent.Sum(nil)) == string(got.Sum(nil)); err != nil || n != size || !same {
		t.Errorf("%d of %d bytes came back, the same: %v, %v", n, size, same, err)
	}
	t.Logf("100 MB both ways took %s", time.Since(begin).Round(time.Millisecond))
}

// carriesUDP sends datagrams to a server that sends them back.
func (p socksPort) carriesUDP(t *testing.T) {
	control, reply, relay, err := p.ask(t.Context(), 3, "0.0.0.0", 0)
	if err != nil || reply != 0 {
		t.Fatalf("reply %d, %v", reply, err)
	}
	defer control.Close()
	client, err := net.DialUDP("udp", nil, relay)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	packet := append([]byte{0, 0, 0, 3, 4}, "echo\x00\x07hello"...)
	buffer := make([]byte, 100)
	eventually(t, 20*time.Second, "a datagram comes back", func(context.Context) error {
		if _, err := client.Write(packet); err != nil {
			return err
		}
		_ = client.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := client.Read(buffer)
		if err == nil && !strings.HasSuffix(string(buffer[:n]), "hello") {
			err = fmt.Errorf("%q", buffer[:n])
		}
		return err
	})
}

// usesProxyInShell has a shell take the variables.
func (d *developer) usesProxyInShell(t *testing.T) {
	script := `eval "$("$0" connect --env)" && echo "$ALL_PROXY $http_proxy $HTTPS_PROXY" && echo "$NO_PROXY"`
	cmd := exec.Command("sh", "-c", script, filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl"))
	cmd.Env, cmd.Dir = d.env, d.home
	out, err := cmd.Output()
	port := strconv.Itoa(d.tunnelOf().Tunnel.Port)
	want := "socks5h://127.0.0.1:" + port + " http://127.0.0.1:" + port + " http://127.0.0.1:" + port
	lines := strings.Split(string(out), "\n")
	if err != nil || lines[0] != want || !strings.HasPrefix(lines[1], "localhost,127.0.0.1,::1") {
		t.Errorf("%q, want %q, %v", out, want, err)
	}
}

// outlivesGateway kills the gateway's pod while a connection is open.
func (p socksPort) outlivesGateway(t *testing.T, ns string) {
	conn, err := p.connect(t.Context(), "echo", 7)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first := make([]byte, 1)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, first); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if n := shared.killGateways(t, ns); n != 1 {
		t.Errorf("there were %d gateways", n)
	}
	if _, err := conn.Read(first); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the open connection: %v", err)
	}
	if after := time.Since(begin); after > 10*time.Second {
		t.Errorf("the open connection was reset after %s", after)
	}
	eventually(t, time.Minute, "new connections work", func(context.Context) error {
		_, err := get(p.client("socks5h"), "http://catalog/books", http.StatusOK)
		return err
	})
	t.Logf("new connections work after %s", time.Since(begin).Round(time.Millisecond))
}

// asBuilt has a developer name no image of the sidecar, as whoever has built nhctl and not read on.
func (d *developer) asBuilt() *developer {
	d.env = slices.DeleteFunc(d.env, func(v string) bool { return strings.HasPrefix(v, "NHCTL_SIDECAR_IMAGE=") })
	return d
}

// An nhctl that was built here, and whose sidecar's image was loaded into the node, needs no flag: neither for a
// gateway nor for a companion nor for a front.
func TestConnectAsBuilt(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns).asBuilt()
	before := shared.mustSnapshot(t, ns)
	for _, args := range [][]string{{"connect", "--socks"}, {"connect", "--socks", "--workload", "catalog"}} {
		dev.must("", args...)
	}
	tunnels := query[[]rpc.Session](dev, "", "status")
	if len(tunnels) != 2 {
		t.Fatalf("%+v", tunnels)
	}
	for _, tunnel := range tunnels {
		p := socksPort(tunnel.Tunnel.Port)
		if text, err := get(p.client("socks5h"), "http://catalog/books", http.StatusOK); err != nil {
			t.Errorf("%q, %v", text, err)
		}
		if tunnel.Image != sidecarImage(t) {
			t.Errorf("the gateway runs %s", tunnel.Image)
		}
	}
	dev.must("", "exchange", "catalog:80:3000")
	dev.must("", "leave", "catalog")
	dev.must("", "disconnect", "--all")
	shared.restored(t, ns, before)
}

// Where no registry has the sidecar's image, the agent comes into any image with a shell through exec. Without either,
// nhctl says what to name.
func TestConnectByExec(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	dev.must("", "connect", "--socks", "--image", "ghcr.io/nhctl/dev-go:v0.1.0")
	p := socksPort(dev.tunnelOf().Tunnel.Port)
	if text, err := get(p.client("socks5h"), "http://catalog/books", http.StatusOK); err != nil {
		t.Errorf("%q, %v", text, err)
	}
	dev.must("", "disconnect", "--all")
	shared.restored(t, ns, before)

	missing := dev.nhctl("", "connect", "--socks", "--sidecar-image", "ghcr.io/nhctl/no-such-image:v0")
	if missing.code != 1 || !strings.Contains(missing.stderr, "can't be pulled") ||
		!strings.Contains(missing.stderr, "--image") {
		t.Errorf("an image that can't be pulled: %s", missing)
	}
	shared.restored(t, ns, before)
}

// The commands of the page about tunnels work in the order in which one reads them, and print what the page shows.
func TestConnectPage(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	for _, c := range commandsOf(t, read(t, filepath.Join(repository, "nhctl", "docs", "connect.md"))) {
		r := dev.nhctl("", c.Args...)
		if r.code != 0 {
			t.Fatalf("nhctl %s: %s", c, r)
		}
		for _, words := range c.Words() {
			if !strings.Contains(r.stdout+r.stderr, words) {
				t.Errorf("the page shows %q as output of nhctl %s: %s", words, c, r)
			}
		}
	}
	shared.restored(t, ns, before)
}
