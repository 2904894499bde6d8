package debugport

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/procstat"
)

// hosts are the loopback addresses where the debuggers of a command's processes listen: those of programs, and of tools
// that are the program when there is no other. An address that no one else uses tells a debugger from all else that
// listens, and from those of the command that ran before, whose processes may take a while to end.
type hosts struct{ program, tool netip.Addr }

// hostsOf chooses the addresses of a run: odd ones for programs, and the even ones behind them.
func hostsOf(port uint16, run uint8) hosts {
	const loopback, runs = 127, 126
	h, l, n := byte(port>>8), byte(port), 2*(run%runs)+1
	return hosts{netip.AddrFrom4([4]byte{loopback, h, l, n}), netip.AddrFrom4([4]byte{loopback, h, l, n + 1})}
}

// target is a debugger that listens.
type target struct {
	address netip.AddrPort
	// pid is the process that listens, or 0; argv its command line, and started its age as the kernel counts it.
	pid     int
	argv    []string
	started uint64
}

// ending is how long a process takes to close its sockets when it ends, on a busy computer.
const ending = 20 * time.Millisecond

// find lists the debuggers that listen, by a mounted procfs, in the order of their processes. A socket that no process
// holds belongs to one that hides its files, or that is ending; the latter is no debugger.
func find(proc string, h hosts) []target {
	found, unheld := look(proc, h)
	if len(unheld) > 0 {
		time.Sleep(ending)
		var still map[string]netip.AddrPort
		found, still = look(proc, h)
		for socket, address := range still {
			if _, before := unheld[socket]; before {
				found[socket] = target{address: address}
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b target) int { return cmp.Compare(a.pid, b.pid) })
}

// look lists the debuggers by their sockets, and the sockets that no process holds.
func look(proc string, h hosts) (found map[string]target, unheld map[string]netip.AddrPort) {
	unheld = sockets(proc, h)
	if len(unheld) == 0 {
		return map[string]target{}, nil
	}
	found = holders(proc, unheld)
	maps.DeleteFunc(unheld, func(socket string, _ netip.AddrPort) bool { _, held := found[socket]; return held })
	return found, unheld
}

// sockets are those that listen on our addresses.
func sockets(proc string, h hosts) map[string]netip.AddrPort {
	all := map[string]netip.AddrPort{}
	for _, name := range []string{"net/tcp", "net/tcp6"} { // a JVM has mapped addresses
		file, err := os.Open(filepath.Join(proc, name))
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if a, inode, ok := listening(lines.Text()); ok && (a.Addr() == h.program || a.Addr() == h.tool) {
				all["socket:["+inode+"]"] = a
			}
		}
		file.Close()
	}
	return all
}

// holders are the processes that sockets belong to: the oldest that hold them. Their children hold them too, until they
// have closed what they inherited.
func holders(proc string, sockets map[string]netip.AddrPort) map[string]target {
	found := map[string]target{}
	dirs, _ := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	for _, dir := range dirs {
		for _, socket := range held(dir) {
			address, ok := sockets[socket]
			if !ok {
				continue
			}
			t := describe(dir, address)
			if other, known := found[socket]; !known || older(t, other) {
				found[socket] = t
			}
		}
	}
	return found
}

func older(a, b target) bool {
	return cmp.Or(cmp.Compare(a.started, b.started), cmp.Compare(a.pid, b.pid)) < 0
}

// listening reads a line of the kernel's table of TCP sockets.
func listening(line string) (a netip.AddrPort, inode string, ok bool) {
	const local, state, inodeAt, listen = 1, 3, 9, "0A"
	fields := strings.Fields(line)
	if len(fields) <= inodeAt || fields[state] != listen {
		return a, "", false
	}
	address, port, _ := strings.Cut(fields[local], ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return a, "", false
	}
	data, err := hex.DecodeString(address)
	if err != nil {
		return a, "", false
	}
	for word := data; len(word) >= 4; word = word[4:] { // each word is in the machine's order
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	ip, ok := netip.AddrFromSlice(data)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), fields[inodeAt], ok
}

// held are the sockets that a process holds. While it ends, its first thread may have gone before the others.
func held(dir string) []string {
	all := links(filepath.Join(dir, "fd"))
	if len(all) > 0 {
		return all
	}
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "[0-9]*", "fd"))
	for _, fd := range threads {
		if all = links(fd); len(all) > 0 {
			break
		}
	}
	return all
}

// links are the sockets among the open files of a directory.
func links(fd string) []string {
	entries, err := os.ReadDir(fd)
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(fd, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			all = append(all, to)
		}
	}
	return all
}

func describe(dir string, a netip.AddrPort) target {
	t := target{address: a, pid: pidOf(dir)}
	if line, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil {
		for _, word := range bytes.Split(bytes.TrimRight(line, "\x00"), []byte{0}) {
			t.argv = append(t.argv, string(word))
		}
	}
	if stat, err := os.ReadFile(filepath.Join(dir, "stat")); err == nil {
		t.started, _ = procstat.Started(stat)
	}
	return t
}

// ofRuns lists the processes that a run at a debugger's port started and that live still, by their environment:
// reloaders and build daemons put them into sessions of their own, and debuggers leave their programs behind when they
// are killed.
func ofRuns(proc string, h hosts) []target {
	port := h.program.AsSlice()
	mark := fmt.Appendf(nil, "\x00%s=%d.%d.%d.", envHost, port[0], port[1], port[2])
	var all []target
	dirs, _ := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	for _, dir := range dirs {
		if env, err := os.ReadFile(filepath.Join(dir, "environ")); err == nil &&
			bytes.Contains(append([]byte{0}, env...), mark) {
			all = append(all, describe(dir, netip.AddrPort{}))
		}
	}
	return all
}

// pidOf is the process of a folder of procfs, or 0.
func pidOf(dir string) int {
	pid, _ := strconv.Atoi(filepath.Base(dir))
	return pid
}
