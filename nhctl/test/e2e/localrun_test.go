//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// insideStage is the variable by which a scenario has this very program as the command of nhctl run: one of Go that is
// linked statically.
const insideStage = "NHCTL_E2E_INSIDE"

// insideCommands are what this program does as such a command.
func insideCommands() map[string]func() error {
	return map[string]func() error{
		"names": insideNames,
		"reach": insideReach,
		"bulk":  insideBulk,
		"udp":   insideUDP,
		"many":  insideMany,
		"serve": insideServe,
		"open":  insideOpen,
	}
}

// places are Services and a server that says who has connected: TCP 7001 says the peer's address; TCP 7002 answers with
// the number of bytes that came, once the client has ended its data, and then resets the connection.
const places = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: peer}
spec:
  serviceName: peers
  selector: {matchLabels: {app: peer}}
  template:
    metadata: {labels: {app: peer}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 1
      containers:
      - name: peer
        image: ghcr.io/nhctl/dev-go:v0.1.0
        imagePullPolicy: IfNotPresent
        command: [perl, -MIO::Socket::INET, -MSocket, -e]
        args:
        - |
          $SIG{CHLD} = "IGNORE";
          unless (fork) {
            my $s = IO::Socket::INET->new(LocalPort => 7002, Listen => 128, ReuseAddr => 1) or die $!;
            while (my $c = $s->accept) {
              my $n = 0;
              while (my $m = sysread $c, my $b, 65536) { $n += $m }
              print $c "$n bytes\n"; $c->flush; sleep 1;
              setsockopt $c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0);
              close $c;
            }
          }
          my $s = IO::Socket::INET->new(LocalPort => 7001, Listen => 128, ReuseAddr => 1) or die $!;
          while (my $c = $s->accept) { print $c $c->peerhost, "\n"; close $c }
        readinessProbe: {tcpSocket: {port: 7001}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: "1", memory: 128Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec:
  clusterIP: None
  selector: {app: peer}
  ports: [{name: who, port: 7001}, {name: count, port: 7002}]
---
apiVersion: v1
kind: Service
metadata: {name: who}
spec:
  selector: {app: peer}
  ports: [{name: who, port: 80, targetPort: 7001}, {name: count, port: 81, targetPort: 7002}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  selector: {app: nobody}
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: who.NAMESPACE.svc.cluster.local}
`

// runs is a developer's computer from which commands run in a namespace.
type runs struct {
	*developer
	ns, self string
}

// inside runs this program as a command in the cluster's network.
func (r runs) inside(t *testing.T, stage string, args ...string) string {
	t.Helper()
	return r.out(t, append([]string{"env", insideStage + "=" + stage, r.self}, args...)...)
}

// out runs a command in the cluster's network that has to succeed, and returns what it prints.
func (r runs) out(t *testing.T, argv ...string) string {
	t.Helper()
	got := r.nhctl("", append([]string{"run", "--"}, argv...)...)
	if got.code != 0 {
		t.Fatalf("nhctl run -- %s: %s", strings.Join(argv, " "), got)
	}
	return got.stdout
}

// neighbours is a namespace with the shop, programs that say what they hear, and places of all kinds to reach.
func neighbours(t *testing.T) (ns string) {
	t.Helper()
	ns = shop(t)
	shared.create(t, ns, []byte(echoes))
	shared.create(t, ns, []byte(strings.ReplaceAll(places, "NAMESPACE", ns)))
	shared.deploymentReady(t, ns, "echo")
	eventually(t, 2*time.Minute, "the StatefulSet is ready", func(ctx context.Context) error {
		set, err := shared.typed.AppsV1().StatefulSets(ns).Get(ctx, "peer", metav1.GetOptions{})
		if err == nil && set.Status.ReadyReplicas != 1 {
			err = errors.New("it is not ready")
		}
		return err
	})
	return ns
}

// A command of this computer reaches what a pod reaches, by the same names, as a user with nothing but the Role, under
// Pod Security "restricted". It stays the user's own command.
func TestLocalRun(t *testing.T) {
	t.Parallel()
	ns := neighbours(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := runs{developer: shared.developer(t, ns), ns: ns, self: self}
	before, files := shared.mustSnapshot(t, ns), computerFiles(t)
	first := r.nhctl("", "run", "--", "true")
	if first.code != 0 {
		t.Fatalf("the first run: %s", first)
	}
	t.Run("Programs", r.programs)
	t.Run("Names", r.names)
	t.Run("Honest", r.honest)
	t.Run("ByGateway", r.byGateway)
	t.Run("Bulk", func(t *testing.T) { t.Log(r.inside(t, "bulk")) })
	t.Run("Many", func(t *testing.T) { t.Log(r.inside(t, "many")) })
	t.Run("UDP", func(t *testing.T) { r.inside(t, "udp") })
	t.Run("OwnCommand", r.ownCommand)
	t.Run("Signals", r.signals)
	t.Run("Ports", r.ports)
	t.Run("Endpoints", r.endpoints)
	t.Run("DaemonKilled", r.daemonKilled)
	t.Run("RunKilled", r.runKilled)
	r.must("", "disconnect")
	shared.restored(t, ns, before)
	if after := computerFiles(t); after != files {
		t.Errorf("this computer's files have changed:\n%s\nbefore:\n%s", after, files)
	}
}

// localConfig has a service run on this computer; the command tells what it finds, and then serves.
const localConfig = `
name: catalog
containers:
- name: catalog
local:
  command: >-
    pwd > seen && printenv GREETING >> seen && test ! -e /var/run/secrets/kubernetes.io &&
    exec "$$SELF" PORT 'answer of this computer'
  dir: app
  container: catalog
  files: false
  env:
  - {name: GREETING, value: hello}
  traffic: exchange
  service: catalog
  ports: ["PORT:80"]
profiles:
  meshed: {local: {traffic: mesh, conditions: {header: x-user=ada}}}
`

// A config says how a service runs on this computer, and nhctl run alone does that, once the user trusts it.
func TestConfigLocal(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e.env = append(e.env, "SELF="+self, insideStage+"=serve")
	src := filepath.Join(e.home, "src", "local")
	free, stop := localServer(t, "")
	stop()
	_, port, _ := net.SplitHostPort(free)
	write(t, filepath.Join(src, ".dev", "config.yaml"), strings.ReplaceAll(localConfig, "PORT", port))
	write(t, filepath.Join(src, "app", "empty"), "")
	t.Run("Untrusted", func(t *testing.T) {
		if r := e.nhctl(src, "run"); r.code == 0 || !strings.Contains(r.stderr, "runs a command on this computer") {
			t.Errorf("%s", r)
		}
	})
	e.must(src, "config", "trust", "--yes")
	run := func(args ...string) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan result, 1)
		go func() { ended <- e.runContext(ctx, src, append([]string{"run"}, args...)...) }()
		return func() {
			cancel()
			t.Logf("nhctl run: %s", <-ended)
		}
	}
	stop = run()
	t.Run("local.traffic", func(t *testing.T) { e.comes(t, "answer of this computer", "") })
	seen := strings.Split(read(t, filepath.Join(src, "app", "seen")), "\n")
	t.Run("local.command", func(t *testing.T) {
		if len(seen) != 3 { // and an empty line
			t.Errorf("%q", seen)
		}
	})
	t.Run("local.dir", func(t *testing.T) {
		if !strings.HasSuffix(seen[0], "/src/local/app") {
			t.Errorf("%q", seen)
		}
	})
	t.Run("local.env", func(t *testing.T) {
		if seen[1] != "hello" {
			t.Errorf("%q", seen)
		}
	})
	t.Run("local.files", func(t *testing.T) {
		const secrets = "/var/run/secrets/kubernetes.io"
		if r := e.nhctl(src, "run", "catalog", "--no-routes", "--", "ls", secrets); r.code == 0 {
			t.Errorf("%s", r)
		}
	})
	t.Run("local.container", func(t *testing.T) {
		for _, s := range query[[]rpc.Session](e.developer, "", "status") {
			if s.Tunnel != nil && s.Workload != "" && s.Container != "catalog" {
				t.Errorf("%+v", s)
			}
		}
	})
	for _, s := range query[[]rpc.Session](e.developer, "", "status") {
		if s.Route == nil {
			continue
		}
		t.Run("local.service", func(t *testing.T) {
			if s.Route.Service != "catalog" {
				t.Errorf("%+v", s.Route)
			}
		})
		t.Run("local.ports", func(t *testing.T) {
			if all := s.Route.Ports; len(all) != 1 || all[0].Port != 80 || all[0].Local != "127.0.0.1:"+port {
				t.Errorf("%+v", all)
			}
		})
	}
	e.must(src, "config", "trust", "--profile", "meshed", "--yes")
	stop() // by SIGKILL: the exchange ends with it
	e.comes(t, original, "")
	stop = run("catalog", "--profile", "meshed")
	t.Run("local.conditions", func(t *testing.T) {
		e.comes(t, "answer of this computer", "", "x-user", "ada")
		e.comes(t, original, "", "x-user", "eve")
	})
	stop()
	e.comes(t, original, "", "x-user", "ada")
	if r := e.nhctl(src, "run", "catalog", "--no-routes", "--", "sh", "-c", "pwd; exit 7"); r.code != 7 ||
		!strings.HasSuffix(strings.TrimSpace(r.stdout), "/src/local/app") {
		t.Errorf("another command: %s", r)
	}
	e.must("", "disconnect", "--workload", "deployment/catalog")
	e.restored(t, before)
	e.must("", "disconnect")
}

// Without namespaces, a command that knows a proxy reaches the cluster by that, and its exit code is its own. Nothing
// of this computer changes.
func TestLocalRunBySocks(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	before, files := shared.mustSnapshot(t, ns), computerFiles(t)
	got := dev.nhctl("", "run", "--method", "socks", "--", "sh", "-c", "curl -sS http://catalog/books && exit 7")
	if got.code != 7 || !strings.Contains(got.stdout, "Welcome to the bookshop") {
		t.Errorf("plain: %s", got)
	}
	got = dev.nhctl("", "run", "--method", "socks", "--workload", "catalog", "--", "env")
	if got.code != 0 || !strings.Contains(got.stdout, "KUBERNETES_SERVICE_HOST=") ||
		!strings.Contains(got.stdout, "ALL_PROXY=socks5h://127.0.0.1:") {
		t.Errorf("as a workload: %s", got)
	}
	dev.must("", "disconnect", "--all")
	shared.restored(t, ns, before)
	if after := computerFiles(t); after != files {
		t.Errorf("this computer's files have changed:\n%s\nbefore:\n%s", after, files)
	}
}

// A user whom the computer gives no more than any other runs commands likewise. The device is one for everyone, as udev
// makes it; this computer may lack udev.
func TestLocalRunUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Fatal("only root can become another user; TestLocalRun has shown it for this one")
	}
	ns := shop(t)
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	const user = "12345"
	kubeconfig := filepath.Join(dev.home, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(read(t, dev.kubeconfig)), 0o600); err != nil {
		t.Fatal(err)
	}
	dev.env = append(dev.env, "KUBECONFIG="+kubeconfig)
	if out, err := exec.Command("chown", "-R", user+":"+user, dev.home).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const as = `mount -t tmpfs -o mode=755 tmpfs /mnt && mknod /mnt/tun c 10 200 && chmod 666 /mnt/tun &&
mount --bind /mnt/tun /dev/net/tun && cp "$1" /mnt/nhctl && chmod 755 /mnt/nhctl && shift &&
exec setpriv --reuid ` + user + ` --regid ` + user + ` --clear-groups --bounding-set=-all /mnt/nhctl "$@"`
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), dev.limit)
		defer cancel()
		cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "sh", "-c", as, "sh",
			filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl")}, args...)...)
		cmd.Dir, cmd.Env = dev.home, dev.env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	got, err := run("run", "--", "sh", "-c", "id -u; grep CapEff /proc/self/status; curl -sS http://catalog/books")
	if err != nil || !strings.Contains(got, user+"\n") || !strings.Contains(got, "0000000000000000") ||
		!strings.Contains(got, "Welcome to the bookshop") {
		t.Errorf("%v: %s", err, got)
	}
	const token = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	if got, err := run("run", "--workload", "catalog", "--", "cat", token); err != nil || !strings.HasSuffix(got, ns) {
		t.Errorf("as a workload: %v: %s", err, got)
	}
	if got, err := run("disconnect"); err != nil {
		t.Errorf("%v: %s", err, got)
	}
	if got, err := run("daemon", "stop"); err != nil {
		t.Errorf("%v: %s", err, got)
	}
	shared.restored(t, ns, before)
}

// computerFiles are what a bad end could change on this computer.
func computerFiles(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/proc/net/route"} {
		data, err := os.ReadFile(name)
		if err != nil && name != "/etc/nsswitch.conf" {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", name, data)
	}
	return b.String()
}

// programs are those of other languages, each with a resolver of its own.
func (r runs) programs(t *testing.T) {
	const page = "Welcome to the bookshop"
	python := `import urllib.request; print(urllib.request.urlopen("http://catalog/books").read().decode())`
	node := `require("http").get("http://catalog/books", r => r.on("data", d => process.stdout.write(d)))`
	for name, argv := range map[string][]string{
		"curl":             {"curl", "-sS", "http://catalog/books"},
		"curl to a pod":    {"curl", "-sS", "http://" + shared.podAddress(t, r.ns, "catalog") + ":8080/books"},
		"curl, whole name": {"curl", "-sS", "http://catalog." + r.ns + ".svc.cluster.local/books"},
		"python":           {"python3", "-c", python},
		"node":             {"node", "-e", node},
	} {
		if got := r.out(t, argv...); !strings.Contains(got, page) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// glibc's own way to names: nsswitch.conf, and no daemon of the computer's
	if got := r.out(t, "getent", "hosts", "catalog."+r.ns); !strings.Contains(got, "catalog."+r.ns) {
		t.Errorf("getent: %q", got)
	}
}

// names are all forms that DNS in the cluster knows.
func (r runs) names(t *testing.T) {
	service, err := shared.typed.CoreV1().Services(r.ns).Get(t.Context(), "who", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ip, pod := service.Spec.ClusterIP, shared.podAddress(t, r.ns, "peer")
	base := r.ns + ".svc.cluster.local."
	want := strings.Join([]string{
		"who: " + ip, "who." + r.ns + ": " + ip, "who." + base + ": " + ip,
		"peers: " + pod, "peer-0.peers: " + pod, "alias: " + ip,
		strings.ReplaceAll(pod, ".", "-") + "." + r.ns + ".pod.cluster.local.: " + pod,
		"kubernetes.default: some",
		"nothing: no such host", "nothing." + base + ": no such host",
		"SRV who: who." + base + ":80", "SRV peers: peer-0.peers." + base + ":7001",
		"PTR " + ip + ": who." + base, "PTR " + pod + ": peer-0.peers." + base, "",
	}, "\n")
	if got := r.inside(t, "names", r.ns, ip, pod); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func insideNames() error {
	ns, ip, pod := os.Args[1], os.Args[2], os.Args[3]
	base := ns + ".svc.cluster.local."
	for _, name := range []string{
		"who", "who." + ns, "who." + base, "peers", "peer-0.peers", "alias",
		strings.ReplaceAll(pod, ".", "-") + "." + ns + ".pod.cluster.local.", "kubernetes.default", "nothing",
		"nothing." + base,
	} {
		all, err := net.LookupHost(name)
		var failed *net.DNSError
		switch {
		case errors.As(err, &failed) && failed.IsNotFound:
			fmt.Println(name + ": no such host")
		case err != nil:
			return err
		case name == "kubernetes.default":
			fmt.Println(name + ": some")
		default:
			fmt.Println(name + ": " + strings.Join(all, " "))
		}
	}
	for _, service := range []string{"who", "peers"} {
		_, all, err := net.LookupSRV("who", "tcp", service+"."+base)
		if err != nil {
			return err
		}
		fmt.Printf("SRV %s: %s:%d\n", service, all[0].Target, all[0].Port)
	}
	for _, address := range []string{ip, pod} {
		all, err := net.LookupAddr(address)
		if err != nil {
			return err
		}
		fmt.Printf("PTR %s: %s\n", address, strings.Join(all, " "))
	}
	return nil
}

// honest is what programs hear of what they can't reach.
func (r runs) honest(t *testing.T) {
	pod := shared.podAddress(t, r.ns, "peer")
	want := strings.Join([]string{
		"who:82 connection refused", "nobody:80 connection refused", pod + ":9 connection refused",
		"100000 bytes", "connection reset by peer", "",
	}, "\n")
	if got := r.inside(t, "reach", pod); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func insideReach() error {
	for _, address := range []string{"who:82", "nobody:80", os.Args[1] + ":9"} {
		conn, err := net.DialTimeout("tcp", address, 20*time.Second)
		var errno syscall.Errno
		if !errors.As(err, &errno) {
			return fmt.Errorf("%s: %v, %w", address, conn, err)
		}
		fmt.Println(address, errno)
	}
	conn, err := net.Dial("tcp", "who:81")
	if err != nil {
		return err
	}
	if _, err := conn.Write(make([]byte, 100_000)); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	reader := bufio.NewReader(conn)
	line, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Print(line)
	_, err = reader.ReadByte()
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("the end is %w", err)
	}
	fmt.Println(errno)
	return nil
}

// byGateway shows that connections come from the gateway's pod, and not from this computer, which may be the node.
func (r runs) byGateway(t *testing.T) {
	pods, err := shared.typed.CoreV1().Pods(r.ns).List(t.Context(), metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleGateway,
	})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d gateways, %v", len(pods.Items), err)
	}
	want := pods.Items[0].Status.PodIP + "\n"
	for _, address := range []string{"who:80", "peer-0.peers:7001"} {
		if got := r.inside(t, "open", address); got != want {
			t.Errorf("%s is reached from %q, want %q", address, got, want)
		}
	}
}

// insideOpen prints what a server says.
func insideOpen() error {
	conn, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.Copy(os.Stdout, conn)
	return err
}

// insideBulk sends 100 MB to a server that sends them back, and ends its data when all are sent.
func insideBulk() error {
	const size = 100 << 20
	begin := time.Now()
	conn, err := net.Dial("tcp", "echo:7")
	if err != nil {
		return err
	}
	defer conn.Close()
	sent, got := sha256.New(), sha256.New()
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() {
		if _, failed = io.CopyN(io.MultiWriter(conn, sent), rand.Reader, size); failed == nil {
			failed = conn.(*net.TCPConn).CloseWrite()
		}
	})
	n, err := io.Copy(got, conn)
	sending.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if n != size || !slices.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d of %d bytes came back, or others", n, size)
	}
	fmt.Printf("100 MB both ways took %s\n", time.Since(begin).Round(time.Millisecond))
	return nil
}

// insideMany makes a thousand short requests, each on a connection of its own.
func insideMany() error {
	const requests, atOnce = 1000, 20
	begin := time.Now()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	work := make(chan int)
	failed := make(chan error, requests)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for range work {
				if _, err := get(client, "http://catalog/healthz", http.StatusOK); err != nil {
					failed <- err
				}
			}
		})
	}
	for i := range requests {
		work <- i
	}
	close(work)
	workers.Wait()
	close(failed)
	for err := range failed {
		return err
	}
	fmt.Printf("%d requests took %s\n", requests, time.Since(begin).Round(time.Millisecond))
	return nil
}

// insideUDP sends a datagram to a server that sends it back.
func insideUDP() error {
	conn, err := net.Dial("udp", "echo:7")
	if err != nil {
		return err
	}
	defer conn.Close()
	buffer := make([]byte, 100)
	for range 10 { // datagrams may be lost
		if _, err = conn.Write([]byte("hello")); err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		var n int
		if n, err = conn.Read(buffer); err == nil {
			if string(buffer[:n]) != "hello" {
				return fmt.Errorf("%q came back", buffer[:n])
			}
			return nil
		}
	}
	return err
}

// ownCommand shows that exit code, user, folder, environment, input and umask are the command's own.
func (r runs) ownCommand(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), r.limit)
	defer cancel()
	script := `read line; echo "$line $(id -u) $PWD $HOME $(umask)"; exit 7`
	cmd := r.command(ctx, "", "run", "--", "sh", "-c", script)
	cmd.Stdin = strings.NewReader("input\n")
	out, err := cmd.Output()
	want := fmt.Sprintf("input %d %s %s 0022\n", os.Getuid(), r.home, r.home)
	if string(out) != want || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%q, want %q; exit code %d, %v", out, want, cmd.ProcessState.ExitCode(), err)
	}
	for name, test := range map[string]struct {
		argv []string
		code int
	}{
		"no such command": {[]string{"nhctl-no-such-command"}, 127},
		"no program":      {[]string{"/etc/passwd"}, 126},
		"no command":      {nil, 2},
	} {
		if got := r.nhctl("", append([]string{"run", "--"}, test.argv...)...); got.code != test.code {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// signals end the command, and nhctl with it.
func (r runs) signals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		cmd, lines := r.begin(t, "sh", "-c", "echo ready; exec sleep 1000")
		if line := <-lines; line != "ready" {
			t.Fatal(line)
		}
		_ = cmd.Process.Signal(s)
		_ = cmd.Wait()
		if got := cmd.ProcessState.Sys().(syscall.WaitStatus); !got.Signaled() || got.Signal() != s {
			t.Errorf("%s: %v", s, cmd.ProcessState)
		}
	}
}

// begin begins a command in a process group of its own, and returns its lines as they come.
func (r runs) begin(t *testing.T, argv ...string) (*exec.Cmd, <-chan string) {
	t.Helper()
	cmd := r.command(context.Background(), "", append([]string{"run", "--"}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel, cmd.WaitDelay = nil, 0
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return cmd, lines
}

// ports are shared both ways, also when two commands have the same.
func (r runs) ports(t *testing.T) {
	theirs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "the computer's")
	})}
	go func() { _ = server.Serve(theirs) }()
	defer server.Close()
	eventually(t, time.Minute, "the computer's port is there inside", func(context.Context) error {
		got := r.nhctl("", "run", "--", "curl", "-sS", "--retry", "5", "--retry-connrefused",
			"http://"+theirs.Addr().String())
		if got.stdout != "the computer's\n" {
			return errors.New(got.String())
		}
		return nil
	})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	for _, name := range []string{"one", "two"} {
		_, lines := r.begin(t, "env", insideStage+"=serve", r.self, port, name)
		if line := <-lines; line != "serves" {
			t.Fatal(line)
		}
		if name == "one" {
			eventually(t, time.Minute, "the command's port is offered", func(context.Context) error {
				text, err := get(http.DefaultClient, "http://127.0.0.1:"+port, http.StatusOK)
				if err == nil && text != "one" {
					err = fmt.Errorf("%q", text)
				}
				return err
			})
		}
	}
}

// insideServe serves a name on a port.
func insideServe() error {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		return err
	}
	fmt.Println("serves")
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Args[2])
	}))
}

// endpoints come and go while a command runs: refused without, served with.
func (r runs) endpoints(t *testing.T) {
	_, lines := r.begin(t, "sh", "-c", `while :; do curl -sS -o /dev/null http://echo:7 --max-time 1 2>/dev/null; `+
		`echo $?; sleep 0.2; done`)
	const refused = "7"
	await := func(what string, is bool) {
		t.Helper()
		last := time.After(2 * time.Minute)
		for {
			select {
			case line := <-lines:
				if (line == refused) == is {
					return
				}
			case <-last:
				t.Fatalf("it never came about that connections are %s", what)
			}
		}
	}
	await("accepted", false)
	scale := func(replicas int) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
		if _, err := shared.typed.AppsV1().Deployments(r.ns).Patch(t.Context(), "echo", types.MergePatchType, patch,
			metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	scale(0)
	await("refused", true)
	scale(1)
	await("accepted again", false)
}

// daemonKilled shows that a lost daemon costs a command its connections, and not its network.
func (r runs) daemonKilled(t *testing.T) {
	_, lines := r.begin(t, "sh", "-c", `while :; do curl -sS -o /dev/null --max-time 20 http://catalog/books; `+
		`echo $?; sleep 0.2; done`)
	if line := <-lines; line != "0" {
		t.Fatalf("exit code %s", line)
	}
	_ = syscall.Kill(r.daemonPID(), syscall.SIGKILL)
	for range 2 { // one may have been under way
		<-lines
	}
	last := time.After(time.Minute)
	for {
		select {
		case line := <-lines:
			if line == "0" {
				return
			}
		case <-last:
			t.Fatal("the command never reached the cluster again")
		}
	}
}

// runKilled kills nhctl and its helper: nothing of the command stays.
func (r runs) runKilled(t *testing.T) {
	for _, victim := range []string{"nhctl", "helper"} {
		cmd, lines := r.begin(t, "sh", "-c", "setsid sleep 1001 & echo $$ $!; exec sleep 1002")
		var pids []int
		for _, word := range strings.Fields(<-lines) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
		helper := helperOf(t, cmd.Process.Pid)
		pids = append(pids, helper)
		switch victim {
		case "nhctl":
			_ = cmd.Process.Kill()
		case "helper":
			_ = syscall.Kill(helper, syscall.SIGKILL)
		}
		_ = cmd.Wait()
		if victim == "helper" && cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("without its helper, nhctl ends with %v", cmd.ProcessState)
		}
		eventually(t, time.Minute, "all processes have ended", func(context.Context) error {
			for _, pid := range pids {
				if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil &&
					!strings.Contains(string(data), ") Z ") {
					return fmt.Errorf("%s is still there", data)
				}
			}
			return nil
		})
	}
}

// helperOf finds the helper of a run.
func helperOf(t *testing.T, run int) int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		line, _ := os.ReadFile(name)
		words := strings.SplitN(string(line), "\x00", 3)
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if len(words) == 3 && words[1] == enclosure.Argument && len(fields) > 1 && fields[1] == strconv.Itoa(run) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return pid
		}
	}
	t.Fatalf("process %d has no helper", run)
	return 0
}
