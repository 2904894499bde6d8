//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// desk is a computer of a developer's own: namespaces with a network of which only the API server's node can be
// reached, and with a hosts file and a resolv.conf.
type desk struct {
	runs
	netns, node string // network namespaces
	link        string // the device towards the node
	before      string
}

const deskHosts = "127.0.0.1 localhost\n192.0.2.9 nas"

// newDesk makes a developer with a computer of their own, whose number is that of no other.
func newDesk(t *testing.T, number int) *desk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root can make a network that stands for a computer")
	}
	ns := neighbours(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{netns: randomName("nhctl-e2e-")}
	d.network(t, number)
	d.runs = runs{developer: shared.developer(t, ns), ns: ns, self: self}
	for name, text := range map[string]string{"hosts": deskHosts, "resolv.conf": "nameserver 192.0.2.53\n"} {
		if err := os.WriteFile(filepath.Join(d.home, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(d.home, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	const at = `mount --bind "$0/lib" /var/lib && mount --bind "$0/hosts" /etc/hosts &&
mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"`
	d.within = []string{
		"nsenter", "--net=/run/netns/" + d.netns, "unshare", "--mount", "sh", "-c", at, d.home,
	}
	d.before = d.state(t)
	return d
}

// network makes a network with a link to the API server's node.
func (d *desk) network(t *testing.T, number int) {
	t.Helper()
	address := func(n int) string { return fmt.Sprintf("203.0.113.%d", 4*number+n) }
	server := d.server(t)
	for _, f := range glob(t, "/run/netns/*") {
		out, _ := exec.Command("ip", "-n", filepath.Base(f), "-o", "addr", "show", "to", server.String()).Output()
		if len(out) > 0 {
			d.node = filepath.Base(f)
		}
	}
	if d.node == "" {
		t.Fatalf("no network namespace of this computer has the API server's address %s", server)
	}
	suffix := d.netns[len(d.netns)-5:]
	var far string
	d.link, far = "desk"+suffix, "node"+suffix
	t.Cleanup(func() {
		for _, argv := range [][]string{{"-n", d.node, "link", "del", far}, {"netns", "del", d.netns}} {
			if out, err := exec.Command("ip", argv...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v: %s", strings.Join(argv, " "), err, out)
			}
		}
	})
	for _, line := range []string{
		"netns add " + d.netns,
		"-n " + d.netns + " link set lo up",
		"-n " + d.netns + " link add " + d.link + " type veth peer name " + far + " netns " + d.node,
		"-n " + d.netns + " addr add " + address(2) + "/30 dev " + d.link,
		"-n " + d.node + " addr add " + address(1) + "/30 dev " + far,
		// Without it, the kernel adds an address and its route a moment later.
		"-n " + d.netns + " link set " + d.link + " addrgenmode none",
		"-n " + d.netns + " link set " + d.link + " up",
		"-n " + d.node + " link set " + far + " up",
		"-n " + d.netns + " route add " + server.String() + " via " + address(1),
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
}

// server is the API server's address.
func (d *desk) server(t *testing.T) netip.Addr {
	t.Helper()
	c, err := kube.New(kube.Options{Kubeconfig: os.Getenv("NHCTL_TEST_KUBECONFIG")})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.Server())
	if err != nil {
		t.Fatal(err)
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// at runs a command at the desk.
func (d *desk) at(argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all := slices.Concat(d.within, argv)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.Dir, cmd.Env = d.home, d.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return string(out), err
}

// state is what a bad end could change at the desk.
func (d *desk) state(t *testing.T) string {
	t.Helper()
	routes, err := d.at("ip", "route", "show", "table", "all")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("hosts: %q\nresolv.conf: %q\nroutes: %s", read(t, filepath.Join(d.home, "hosts")),
		read(t, filepath.Join(d.home, "resolv.conf")), routes)
}

// restored waits until the desk is as it was before.
func (d *desk) restored(t *testing.T, when string) {
	t.Helper()
	eventually(t, time.Minute, "the computer is as before, "+when, func(context.Context) error {
		if now := d.state(t); now != d.before {
			return fmt.Errorf("now:\n%s\nbefore:\n%s", now, d.before)
		}
		return nil
	})
}

// served is a running nhctl connect.
type served struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	text strings.Builder
}

// connect begins an nhctl connect, and waits for a line of it.
func (d *desk) connect(t *testing.T, ready string, args ...string) *served {
	t.Helper()
	s := &served{cmd: d.command(context.Background(), "", append([]string{"connect"}, args...)...)}
	s.done = make(chan struct{})
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Cancel, s.cmd.WaitDelay = nil, 0
	out, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.done })
	up := make(chan struct{})
	go func() {
		defer close(s.done)
		shown := sync.OnceFunc(func() { close(up) })
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			s.text.WriteString(scanner.Text() + "\n")
			if strings.Contains(scanner.Text(), ready) {
				shown()
			}
		}
		_ = s.cmd.Wait()
	}()
	select {
	case <-up:
	case <-s.done:
		t.Fatalf("nhctl connect %s has ended: %s", strings.Join(args, " "), s.text.String())
	case <-time.After(d.limit):
		t.Fatalf("nhctl connect %s does not come up", strings.Join(args, " "))
	}
	return s
}

// ends waits for its end, and compares the exit code.
func (s *served) ends(t *testing.T, code int) {
	t.Helper()
	select {
	case <-s.done:
		if got := s.cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, s.text.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("nhctl connect does not end")
	}
}

// helper is the process that needs root.
func (s *served) helper(t *testing.T) int {
	t.Helper()
	var pids []byte
	for _, task := range glob(t, fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid)) {
		more, _ := os.ReadFile(task)
		pids = append(append(pids, ' '), more...)
	}
	for _, word := range strings.Fields(string(pids)) {
		line, _ := os.ReadFile("/proc/" + word + "/cmdline")
		if strings.Contains(string(line), "\x00__network") {
			var pid int
			if _, err := fmt.Sscan(word, &pid); err == nil {
				return pid
			}
		}
	}
	t.Fatalf("nhctl connect has no helper among %q", pids)
	return 0
}

// reaches waits until a page of the bookshop comes.
func (d *desk) reaches(t *testing.T, url string) {
	t.Helper()
	eventually(t, time.Minute, url+" answers", func(context.Context) error {
		out, err := d.at("curl", "-sS", "--max-time", "20", url)
		if err == nil && !strings.Contains(out, "Welcome to the bookshop") {
			err = errors.New(out)
		}
		return err
	})
}

// ways are how an nhctl connect may end; each has to leave the computer as it was.
func (d *desk) ways(t *testing.T, ready string, args ...string) {
	t.Helper()
	s := d.connect(t, ready, args...)
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGINT)
	s.ends(t, 0)
	d.restored(t, "after Ctrl-C")

	s = d.connect(t, ready, args...)
	_ = s.cmd.Process.Kill()
	s.ends(t, -1)
	d.restored(t, "after nhctl was killed")

	s = d.connect(t, ready, args...)
	_ = syscall.Kill(s.helper(t), syscall.SIGKILL)
	s.ends(t, 1)
	if d.state(t) == d.before {
		t.Error("the helper was killed, and has left nothing to restore")
	}
	d.must("", "disconnect", "--force")
	d.restored(t, "after the helper was killed, and nhctl disconnect --force")

	s = d.connect(t, ready, args...)
	helper := s.helper(t)
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGSTOP) // so that it can't notice
	_ = syscall.Kill(helper, syscall.SIGKILL)
	_ = s.cmd.Process.Kill()
	s.ends(t, -1)
	s = d.connect(t, ready, args...)
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGTERM)
	s.ends(t, 0)
	d.restored(t, "after both were killed, and the next nhctl connect")

	s = d.connect(t, ready, args...)
	d.must("", "disconnect")
	s.ends(t, 0)
	d.restored(t, "after nhctl disconnect")
}

// Every program of a computer reaches Services and headless pods by names in the hosts file, as they come and go, as a
// user with nothing but the Role. Edits of others stay, and whatever ends nhctl, the file is as before.
func TestConnectHosts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	before := shared.mustSnapshot(t, d.ns)
	const ready = "Services and pods are in /etc/hosts"
	s := d.connect(t, ready, "--hosts", "-n", d.ns)
	for _, name := range []string{"catalog", "catalog." + d.ns, "catalog." + d.ns + ".svc.cluster.local"} {
		d.reaches(t, "http://"+name+"/books")
	}
	for _, address := range []string{"who:80", "peer-0.peers:7001", "peers:7001"} {
		out, err := d.at("env", insideStage+"=open", d.self, address)
		if _, bad := netip.ParseAddr(strings.TrimSpace(out)); err != nil || bad != nil {
			t.Errorf("%s says %q, %v", address, out, err)
		}
	}
	if out, err := d.at("curl", "-sS", "http://nobody"); err == nil || !strings.Contains(err.Error(), "onnect") {
		t.Errorf("a Service without endpoints: %q, %v", out, err)
	}
	hosts := filepath.Join(d.home, "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.8 printer\n"+read(t, hosts)), 0o644); err != nil {
		t.Fatal(err)
	}
	d.scale(t, 0)
	eventually(t, 2*time.Minute, "the pod's name goes", func(context.Context) error {
		if text := read(t, hosts); strings.Contains(text, "peer-0.peers") || !strings.Contains(text, "\tpeers.") &&
			!strings.Contains(text, " peers") {
			return errors.New(text)
		}
		return nil
	})
	d.scale(t, 1)
	eventually(t, 2*time.Minute, "the pod's name comes back", func(context.Context) error {
		if text := read(t, hosts); !strings.Contains(text, "peer-0.peers") {
			return errors.New(text)
		}
		return nil
	})
	if n := shared.killGateways(t, d.ns); n != 1 {
		t.Errorf("%d gateways", n)
	}
	d.reaches(t, "http://catalog/books")
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGINT)
	s.ends(t, 0)
	if text, want := read(t, hosts), "192.0.2.8 printer\n"+deskHosts; text != want {
		t.Errorf("the hosts file is %q, want %q", text, want)
	}
	if err := os.WriteFile(hosts, []byte(deskHosts), 0o644); err != nil {
		t.Fatal(err)
	}
	d.restored(t, "after Ctrl-C")
	d.ways(t, ready, "--hosts", "-n", d.ns)
	shared.restored(t, d.ns, before)
}

// scale sets the replicas of the StatefulSet.
func (d *desk) scale(t *testing.T, replicas int) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	if _, err := shared.typed.AppsV1().StatefulSets(d.ns).Patch(t.Context(), "peer", types.MergePatchType, patch,
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// The cluster's network is under every program of a computer: names, Services, pods, UDP; overlaps are found before
// anything changes. Whatever ends nhctl, routes, resolver and hosts file are as before.
func TestConnectComputer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	before := shared.mustSnapshot(t, d.ns)
	const ready = "this computer is in the cluster's network by nhctl"

	refused := d.nhctl("", "connect")
	if refused.code == 0 || !strings.Contains(refused.stderr, "--resolv-conf") {
		t.Errorf("without a resolver that takes orders: %s", refused)
	}
	pod := netip.MustParseAddr(shared.podAddress(t, d.ns, "catalog"))
	wide, err := pod.Prefix(16)
	if err != nil {
		t.Fatal(err)
	}
	bytes := wide.Addr().As4()
	bytes[2] = 250
	mine := netip.PrefixFrom(netip.AddrFrom4(bytes), 24).String()
	if _, err := d.at("ip", "route", "add", mine, "dev", d.link); err != nil {
		t.Fatal(err)
	}
	refused = d.nhctl("", "connect", "--resolv-conf")
	if refused.code == 0 || !strings.Contains(refused.stderr, mine) ||
		!strings.Contains(refused.stderr, "--never-proxy "+mine) {
		t.Errorf("a network of both: %s", refused)
	}
	if out := d.nhctl("", "doctor", "network"); !strings.Contains(out.stdout, mine) {
		t.Errorf("doctor network: %s", out)
	}
	if out := d.state(t); strings.Contains(out, "nhctl") {
		t.Errorf("refused, and yet: %s", out)
	}
	if _, err := d.at("ip", "route", "del", mine, "dev", d.link); err != nil {
		t.Fatal(err)
	}
	d.restored(t, "after the refusals")

	s := d.connect(t, ready, "--resolv-conf")
	for _, host := range []string{
		"catalog", "catalog." + d.ns, "catalog." + d.ns + ".svc.cluster.local", pod.String() + ":8080",
	} {
		d.reaches(t, "http://"+host+"/books")
	}
	if out, err := d.at("getent", "hosts", "peer-0.peers"); err != nil || !strings.Contains(out, "peer-0.peers") {
		t.Errorf("getent: %q, %v", out, err)
	}
	if out, err := d.at("curl", "-sS", "http://catalog:82"); err == nil || !strings.Contains(err.Error(), "onnect") {
		t.Errorf("a port that the Service does not have: %q, %v", out, err)
	}
	for _, stage := range []string{"udp", "many"} {
		if out, err := d.at("env", insideStage+"="+stage, d.self); err != nil {
			t.Errorf("%s: %v", stage, err)
		} else {
			t.Log(out)
		}
	}
	if out, err := d.at("ip", "route", "get", d.server(t).String()); err != nil || !strings.Contains(out, d.link) {
		t.Errorf("the way to the API server: %q, %v", out, err)
	}
	if n := shared.killGateways(t, d.ns); n != 1 {
		t.Errorf("%d gateways", n)
	}
	d.reaches(t, "http://catalog/books")
	_ = syscall.Kill(d.daemonPID(), syscall.SIGKILL)
	d.reaches(t, "http://catalog/books")
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGINT)
	s.ends(t, 0)
	d.restored(t, "after Ctrl-C")
	d.ways(t, ready, "--resolv-conf")
	shared.restored(t, d.ns, before)
}
