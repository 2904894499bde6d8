package node

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// UsedRanges returns the ranges that the computer's routes lead to. A playground of a container that shares the
// computer's network has no plan here.
func UsedRanges(ctx context.Context) ([]netip.Prefix, error) {
	routes, err := run(ctx, "ip", "-4", "route", "show", "table", "all")
	if err != nil {
		return nil, err
	}
	return parseRoutes(routes), nil
}

// parseRoutes returns the destinations of what `ip route` prints, other than those of everything.
func parseRoutes(routes string) []netip.Prefix {
	var used []netip.Prefix
	for _, line := range strings.Split(routes, "\n") {
		for _, word := range strings.Fields(line)[:min(2, len(strings.Fields(line)))] { // some have their type first
			if !strings.Contains(word, "/") {
				word += "/32"
			}
			if destination, err := netip.ParsePrefix(word); err == nil && destination.Bits() > 0 {
				used = append(used, destination.Masked())
				break
			}
		}
	}
	return used
}

// createNetwork makes the node's network namespace and joins it to the computer by a veth pair. Pod and Service ranges
// are unreachable from the computer: nothing for them ever leaves it.
func createNetwork(ctx context.Context, p *Plan) error {
	host, node := p.veth()
	ns := p.Netns()
	commands := [][]string{
		{"ip", "netns", "add", ns},
		{"ip", "link", "add", host, "type", "veth", "peer", "name", node, "netns", ns},
		{"ip", "addr", "add", fmt.Sprintf("%s/%d", p.HostIP(), p.Link.Bits()), "dev", host},
		{"ip", "link", "set", host, "up"},
		{"ip", "-n", ns, "addr", "add", fmt.Sprintf("%s/%d", p.NodeIP(), p.Link.Bits()), "dev", node},
		{"ip", "-n", ns, "link", "set", node, "up"},
		{"ip", "-n", ns, "link", "set", "lo", "up"},
		{"ip", "route", "add", "unreachable", p.Pods.String()},
		{"ip", "route", "add", "unreachable", p.Services.String()},
		{"nsenter", "--net=/run/netns/" + ns, "sysctl", "-qw", "net.ipv4.ip_forward=1"},
	}
	for _, argv := range commands {
		if _, err := run(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// removeNetwork takes back what createNetwork made, as far as it is there.
func removeNetwork(ctx context.Context, p *Plan) error {
	host, _ := p.veth()
	var undo [][]string
	if _, err := os.Stat("/sys/class/net/" + host); err == nil {
		undo = append(undo, []string{"ip", "link", "del", host})
	}
	if _, err := os.Stat("/run/netns/" + p.Netns()); err == nil {
		undo = append(undo, []string{"ip", "netns", "del", p.Netns()})
	}
	routes, err := run(ctx, "ip", "route", "show", "type", "unreachable")
	if err != nil {
		return err
	}
	for _, r := range []string{p.Pods.String(), p.Services.String()} {
		if strings.Contains(routes, "unreachable "+r) {
			undo = append(undo, []string{"ip", "route", "del", "unreachable", r})
		}
	}
	for _, argv := range undo {
		if _, err := run(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// createCgroup makes the cgroup below which the kubelet keeps its pods, in every hierarchy of version 1, or in version
// 2's one.
func createCgroup(p *Plan) error {
	for _, root := range cgroupRoots() {
		if err := os.MkdirAll(filepath.Join(root, p.Cgroup()), 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		// Version 2: hand the controllers down.
		if data, err := os.ReadFile(filepath.Join(root, "cgroup.controllers")); err == nil {
			for _, c := range strings.Fields(string(data)) {
				_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+c), 0o644)
			}
		}
	}
	return nil
}

func cgroupRoots() []string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return []string{"/sys/fs/cgroup"}
	}
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	for i := range roots {
		roots[i] = filepath.Dir(roots[i])
	}
	return roots
}

// removeCgroup removes the cgroup and those below it, deepest first.
func removeCgroup(p *Plan) error {
	for _, root := range cgroupRoots() {
		var dirs []string
		_ = filepath.WalkDir(filepath.Join(root, p.Cgroup()), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := os.Remove(dirs[i]); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("remove cgroup: %w", err)
			}
		}
	}
	return nil
}
