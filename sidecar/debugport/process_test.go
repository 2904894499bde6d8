package debugport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListening(t *testing.T) {
	t.Parallel()
	const rest = " 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 " +
		"100 0 0 10 0"
	for name, tt := range map[string]struct {
		line, address string
		ok            bool
	}{
		"IPv4":             {"   0: 010D247F:A3F5" + rest, "127.36.13.1:41973", true},
		"a mapped address": {"   1: 0000000000000000FFFF00008D13017F:1F90" + rest, "127.1.19.141:8080", true},
		"any IPv6 address": {"   2: 00000000000000000000000000000000:1F90" + rest, "[::]:8080", true},
		"a connection": {
			"   3: 010D247F:A3F5 0100007F:0016 01 00000000:00000000 00:00000000 00000000 1000 0 4711 1", "", false,
		},
		"the heading": {
			"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", "",
			false,
		},
		"nonsense": {"   0: zz:zz" + rest, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, inode, ok := listening(tt.line)
			if ok != tt.ok {
				t.Fatalf("%v, %v", a, ok)
			}
			if ok && (a.String() != tt.address || inode != "4711") {
				t.Errorf("%v, %s", a, inode)
			}
		})
	}
}

// A listener on an address of the port's is found with its process; other listeners are not.
func TestFind(t *testing.T) {
	t.Parallel()
	h := hostsOfATest(7)
	for _, address := range []string{"127.0.0.1:0", h.tool.String() + ":0",
		netip.AddrFrom4([4]byte{127, 1, 1, 1}).String() + ":0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		for _, found := range find("/proc", h) {
			if found.address.String() == listener.Addr().String() && found.pid == os.Getpid() {
				if diff := cmp.Diff(os.Args, found.argv); diff != "" || found.started == 0 {
					t.Errorf("%+v %s", found, diff)
				}
				return
			}
		}
	}
	t.Error("it is not found")
}

func TestHostsOf(t *testing.T) {
	t.Parallel()
	for want, of := range map[string][2]int{
		"127.36.13.1 127.36.13.2":       {9229, 0},
		"127.36.13.3 127.36.13.4":       {9229, 1},
		"127.19.141.251 127.19.141.252": {5005, 125},
		"127.19.141.1 127.19.141.2":     {5005, 126},
		"127.0.80.7 127.0.80.8":         {80, 255},
	} {
		if h := hostsOf(uint16(of[0]), uint8(of[1])); h.program.String()+" "+h.tool.String() != want {
			t.Errorf("%v: %+v", of, h)
		}
	}
}

// What a run started is known by its environment, whichever run at that port it was.
func TestOfRuns(t *testing.T) {
	t.Parallel()
	port := uint16(rand.Uint32())
	of := hostsOf(port, 3)
	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"A=b", envHost + "=" + hostsOf(port, 4).program.String()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if left := ofRuns("/proc", of); len(left) != 1 || left[0].pid != cmd.Process.Pid {
		t.Errorf("%+v", left)
	}
	if left := ofRuns("/proc", hostsOf(port+1, 4)); len(left) != 0 {
		t.Errorf("of another port: %+v", left)
	}
	(&server{hosts: of}).end()
	if err := cmd.Wait(); err == nil {
		t.Error("it is not ended")
	}
}

// procfs writes a procfs where processes hold one listening socket, by their numbers, command lines and ages.
func procfs(t *testing.T, processes ...target) string {
	t.Helper()
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	put("net/tcp", "   0: 010D247F:A3F5 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 4711 1\n")
	for _, p := range processes {
		dir := strconv.Itoa(p.pid)
		put(dir+"/cmdline", strings.Join(p.argv, "\x00")+"\x00")
		put(dir+"/stat", fmt.Sprintf("%d (a (b) c) S%s %d 0 0", p.pid, strings.Repeat(" 0", 18), p.started))
		fd := dir + "/fd"
		if len(p.argv) == 1 && p.argv[0] == "" { // its first thread has gone
			fd = dir + "/task/1000/fd"
		}
		put(fd+"/0", "")
		if err := os.Symlink("socket:[4711]", filepath.Join(root, fd, "3")); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A socket is its process', whichever of its children holds it too: a JVM's helper does that starts a program, until it
// has closed what it inherited.
func TestFindHolders(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddrPort("127.36.13.1:41973")
	tool := target{address: address, pid: 99, argv: []string{"java", "org.gradle.launcher.GradleMain"}, started: 5}
	helper := target{address: address, pid: 100, argv: []string{"jspawnhelper", "5:6:7"}, started: 5}
	wrapped := target{address: address, pid: 12, argv: []string{"jspawnhelper", "5:6:7"}, started: 9}
	over := target{address: address, pid: 13, argv: []string{""}, started: 9}
	if !launches(over.argv) {
		t.Error("a process that is ending is taken for a program")
	}
	for name, tt := range map[string]struct {
		processes []target
		want      target
	}{
		"of one that is ending":  {[]target{over}, over},
		"alone":                  {[]target{tool}, tool},
		"with a child":           {[]target{tool, helper}, tool},
		"with a lower number":    {[]target{tool, wrapped}, tool},
		"of a hidden process":    {nil, target{address: address}},
		"of a process by itself": {[]target{wrapped}, wrapped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := find(procfs(t, tt.processes...), hostsOf(9229, 0))
			if diff := cmp.Diff([]target{tt.want}, found, cmp.AllowUnexported(target{}),
				cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
