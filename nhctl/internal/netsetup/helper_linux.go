package netsetup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/controlsocket"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/netlink"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

// resolvConf is the file that says who resolves names.
const resolvConf = "/etc/resolv.conf"

// resolvedLimit limits what systemd-resolved is asked.
const resolvedLimit = 10 * time.Second

// helper serves its starter.
type helper struct {
	conn    *controlsocket.Conn
	journal *journal.Journal // once a file has changed
	name    string           // the device's
	device  int
	routes  []netip.Prefix
	lines   []hostsfile.Line // that have come so far
}

// RunHelper is the helper. Its socket is its standard input, since sudo closes all other descriptors.
func RunHelper() int {
	conn, err := ownSocket()
	if err == nil {
		err = trust(conn)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "this command is nhctl's own:", err)
		return problem.ExitUsage
	}
	// A terminal's signals are meant for the starter, whose end is the helper's.
	signal.Ignore(unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGTERM)
	go func() {
		<-ended
		conn.Close()
	}()
	_ = os.Chdir("/")
	unix.Umask(0o022)
	_ = os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin") // whoever has started it has no say in what root runs
	h := &helper{conn: conn}
	err = h.serve()
	if err = errors.Join(err, h.restore()); err != nil {
		fmt.Fprintln(os.Stderr, "nhctl connect:", err)
		return problem.ExitFailure
	}
	return problem.ExitOK
}

// ownSocket takes the socket from standard input, which is empty then.
func ownSocket() (*controlsocket.Conn, error) {
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Dup3(null, 0, 0)
		unix.Close(null)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return controlsocket.New(fd)
}

// trust says why the socket's other end is not who has started this helper.
func trust(conn *controlsocket.Conn) error {
	peer, err := conn.Peer()
	if err != nil {
		return err
	}
	want := os.Getuid()
	if text := os.Getenv("SUDO_UID"); text != "" && os.Getuid() == 0 {
		if want, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("SUDO_UID: %w", err)
		}
	}
	if int(peer.Uid) != want && peer.Uid != 0 {
		return fmt.Errorf("its socket is of user %d, and user %d has started it", peer.Uid, want)
	}
	return nil
}

// serve takes orders until the starter ends, or wants the end.
func (h *helper) serve() error {
	for {
		var o order
		fd, err := h.conn.Receive(&o)
		if fd >= 0 {
			unix.Close(fd)
		}
		if err != nil {
			return nil
		}
		a, device, err := h.obey(o)
		if err != nil {
			a.Problem = problem.From(err)
		}
		sent := h.conn.Send(a, device)
		if device > 0 {
			unix.Close(device)
		}
		if o.Op == opEnd || sent != nil {
			return nil
		}
	}
}

func (h *helper) obey(o order) (a answer, device int, err error) {
	if err := o.check(); err != nil {
		return a, -1, problem.New(problem.Internal, "an order that makes no sense: %w", err)
	}
	switch o.Op {
	case opBegin:
		a.Left, err = journal.Repair(journal.RootDir)
	case opDevice:
		a.Name, device, err = h.makeDevice(*o.Device)
		return a, device, err
	case opRoutes:
		err = h.setRoutes(o.Routes)
	case opHosts:
		h.lines = append(h.lines, o.Hosts...)
		if !o.More {
			err = h.publish(h.lines)
			h.lines = nil
		}
	case opResolver:
		err = h.setResolver(*o.Resolver)
	case opEnd:
		err = h.restore()
	}
	return a, -1, err
}

// makeDevice makes the device. It lives as long as its descriptor, which the starter gets.
func (h *helper) makeDevice(d Device) (name string, fd int, err error) {
	if h.name != "" {
		return "", -1, problem.New(problem.Internal, "there is a device already")
	}
	if fd, err = netlink.OpenTUN(); err != nil {
		return "", -1, problem.New(problem.Refused, "open /dev/net/tun: %w", err).
			WithHint("`nhctl doctor network` says what is missing")
	}
	if name, err = netlink.MakeTUN(fd, DeviceName+"%d"); err == nil {
		h.name = name
		err = h.configure(d)
	}
	if err != nil {
		unix.Close(fd)
		return "", -1, fmt.Errorf("make a TUN device: %w", err)
	}
	return name, fd, nil
}

func (h *helper) configure(d Device) (err error) {
	if h.device, err = netlink.Index(h.name); err != nil {
		return err
	}
	link, err := netlink.Open()
	if err != nil {
		return err
	}
	defer link.Close()
	if err := link.Up(h.device, d.MTU); err != nil {
		return err
	}
	for _, a := range d.Addresses {
		if err := link.Address(h.device, a); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	return nil
}

// setRoutes makes the device the way to some networks, and to no others. New ways come before old ones go.
func (h *helper) setRoutes(all []netip.Prefix) error {
	if h.name == "" {
		return problem.New(problem.Internal, "there is no device for routes")
	}
	link, err := netlink.Open()
	if err != nil {
		return err
	}
	defer link.Close()
	for _, p := range all {
		if slices.Contains(h.routes, p) {
			continue
		}
		switch err := link.Route(h.device, p); {
		case errors.Is(err, unix.EEXIST):
			return problem.New(problem.Refused, "this computer has a route to %s already", p).
				WithHint("end the nhctl connect or the VPN that has it, or leave it to that: --never-proxy %s", p)
		case err != nil:
			return fmt.Errorf("route to %s: %w", p, err)
		}
		h.routes = append(h.routes, p)
	}
	for _, p := range slices.Clone(h.routes) {
		if slices.Contains(all, p) {
			continue
		}
		if err := link.RemoveRoute(h.device, p); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove the route to %s: %w", p, err)
		}
		h.routes = slices.DeleteFunc(h.routes, func(r netip.Prefix) bool { return r == p })
	}
	return nil
}

// edit changes a file, and has it written down first.
func (h *helper) edit(path string, edit func(text, id string) string) (err error) {
	if h.journal == nil {
		if h.journal, err = journal.Open(journal.RootDir); err != nil {
			return err
		}
	}
	return h.journal.Edit(path, edit)
}

func (h *helper) publish(lines []hostsfile.Line) error {
	hostname, _ := os.Hostname()
	return h.edit(hostsfile.Path(), func(text, id string) string { return hostsfile.Put(text, id, lines, hostname) })
}

// setResolver has the server answer. systemd-resolved keeps it with the device, and forgets it when that goes.
func (h *helper) setResolver(r Resolver) error {
	if r.File {
		lines := []string{
			"nameserver " + r.Server.String(),
			"search " + strings.Join(r.Search, " "),
			"options ndots:5",
		}
		return h.edit(resolvConf, func(text, id string) string { return sharedfile.Replace(text, id, lines) })
	}
	if h.name == "" {
		return problem.New(problem.Internal, "there is no device for names")
	}
	domains := slices.Clone(r.Search)
	for _, name := range r.Names {
		domains = append(domains, "~"+name)
	}
	for _, args := range [][]string{
		{"dns", h.name, r.Server.String()},
		append([]string{"domain", h.name}, domains...),
		{"default-route", h.name, "no"},
	} {
		if err := resolvectl(args...); err != nil {
			return err
		}
	}
	return nil
}

func resolvectl(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), resolvedLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "resolvectl", args...)
	cmd.Env = []string{}
	if out, err := cmd.CombinedOutput(); err != nil {
		return problem.New(problem.Refused, "resolvectl %s: %w: %s", args[0], err, strings.TrimSpace(string(out))).
			WithHint("where systemd-resolved does not work: nhctl connect --resolv-conf")
	}
	return nil
}

// restore undoes the changes of files; the device takes all else along.
func (h *helper) restore() error {
	if h.journal == nil {
		return nil
	}
	err := h.journal.Close()
	h.journal = nil
	return err
}
