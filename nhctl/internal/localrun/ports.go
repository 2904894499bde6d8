package localrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/loopback"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
)

// inside is the command's side of loopback.
func inside(e *enclosure.Enclosure) loopback.Side {
	dir := filepath.Join("/proc", strconv.Itoa(e.PID()), "net")
	return loopback.Side{
		Sockets: func() ([]loopback.Socket, error) { return loopback.Listening(dir) },
		Listen:  e.Listen,
		Dial:    e.Dial,
	}
}

// outside is this computer's side.
func outside() loopback.Side {
	return loopback.Side{
		Sockets: func() ([]loopback.Socket, error) { return loopback.Listening("/proc/self/net") },
		Listen: func(ctx context.Context, a netip.AddrPort) (net.Listener, error) {
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.String())
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, taken(int(a.Port()), err)
			}
			return l, err
		},
		Dial: func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
		},
	}
}

// taken names who has a port.
func taken(port int, cause error) error {
	by := ""
	if owner := tunnel.PortOwner(port); owner != "" {
		by = " by " + owner
	}
	return problem.New(problem.PortTaken, "port %d of this computer is taken%s: %w", port, by, cause)
}

// foreign tells the sockets that other runs have opened for their commands. They don't appear inside: two services may
// have the same port, as in pods of their own.
type foreign struct {
	own   int             // this run's helper
	known map[uint64]bool // by inode
	// theirs are the sockets of other runs, as they were at a time.
	theirs map[uint64]bool
	read   time.Time
}

func newForeign(helper int) *foreign { return &foreign{own: helper, known: map[uint64]bool{}} }

// socket says whether a socket is one of another run. Each is looked at once.
func (f *foreign) socket(s loopback.Socket) bool {
	is, known := f.known[s.Inode]
	if known {
		return is
	}
	const (
		most  = 10_000                 // sockets come and go
		fresh = 100 * time.Millisecond // one look at the kernel's tables takes less
	)
	if len(f.known) > most {
		clear(f.known)
	}
	if time.Since(f.read) > fresh {
		f.theirs = map[uint64]bool{}
		for _, pid := range runs(f.own) {
			addSockets(f.theirs, pid)
		}
		f.read = time.Now()
	}
	f.known[s.Inode] = f.theirs[s.Inode]
	return f.theirs[s.Inode]
}

// runs lists the processes that have a helper: they are other runs.
func runs(own int) []int {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var all []int
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || pid == own {
			continue
		}
		line, _ := os.ReadFile(name)
		words := bytes.SplitN(line, []byte{0}, 3)
		if len(words) < 3 || string(words[1]) != enclosure.Argument {
			continue
		}
		if parent := parentOf(pid); parent > 1 {
			all = append(all, parent)
		}
	}
	return all
}

func parentOf(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// addSockets adds the inodes of a process's sockets.
func addSockets(to map[uint64]bool, pid int) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		target, err := os.Readlink(link)
		var inode uint64
		if err == nil {
			_, err = fmt.Sscanf(target, "socket:[%d]", &inode)
		}
		if err == nil {
			to[inode] = true
		}
	}
}
