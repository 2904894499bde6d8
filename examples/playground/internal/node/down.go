package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Down removes a playground and every trace of it: containers, processes, mounts, cgroups, network, folders.
func Down(ctx context.Context, p *Plan) error {
	if err := clear(ctx, p); err != nil {
		return err
	}
	dir := filepath.Dir(p.Kubeconfig)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(dir)) // .playground, when this was the last one in it
	return os.RemoveAll(p.path())
}

// clear removes everything but the plan itself.
func clear(ctx context.Context, p *Plan) error {
	// The kubelet first, so that it does not start again what is being stopped.
	order := []string{"kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "volumes",
		"kube-apiserver", "etcd", "containerd"}
	for _, part := range order {
		if err := stopPart(ctx, p, part); err != nil {
			return err
		}
	}
	if err := killContainers(ctx, p); err != nil {
		return err
	}
	if err := errors.Join(unmountBelow(p.path()), unmountBelow("/run/"+p.Netns())); err != nil {
		return err
	}
	if err := errors.Join(removeNetwork(ctx, p), removeCgroup(p)); err != nil {
		return err
	}
	for _, file := range strays(p, "/") {
		if err := os.RemoveAll(file); err != nil {
			return err
		}
	}
	for _, dir := range []string{"etc", "pki", "kubeconfig", "etcd", "cni", "kubelet", "containerd", "run", "log",
		"volumes", "cache"} {
		if err := os.RemoveAll(p.path(dir)); err != nil {
			return err
		}
	}
	return os.RemoveAll("/run/" + p.Netns())
}

// killContainers ends what containerd's shims hold: every process below the playground's cgroup, then the shims, which
// name the playground's socket on their command line.
func killContainers(ctx context.Context, p *Plan) error {
	return wait(ctx, "end of containers", 20*time.Second, func(context.Context) error {
		pids := append(cgroupProcesses(p), shims(p)...)
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return fmt.Errorf("%d processes live on", len(pids))
	})
}

func cgroupProcesses(p *Plan) []int {
	var pids []int
	for _, root := range cgroupRoots() {
		_ = filepath.WalkDir(filepath.Join(root, p.Cgroup()), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Name() == "cgroup.procs" {
				data, _ := os.ReadFile(path)
				for _, line := range strings.Fields(string(data)) {
					if pid, err := strconv.Atoi(line); err == nil {
						pids = append(pids, pid)
					}
				}
			}
			return nil
		})
	}
	return pids
}

func shims(p *Plan) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		argv := strings.Split(string(data), "\x00")
		if filepath.Base(argv[0]) == "containerd-shim-runc-v2" && slices.Contains(argv, p.socket()) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// unmountBelow unmounts everything below a folder, the last mounted first.
func unmountBelow(dir string) error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, strings.ReplaceAll(fields[4], `\040`, " "))
		}
	}
	for i := len(points) - 1; i >= 0; i-- {
		if err := syscall.Unmount(points[i], syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) &&
			!errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("unmount %s: %w", points[i], err)
		}
	}
	return nil
}

// kubectlCommand is kubectl as the administrator.
func kubectlCommand(ctx context.Context, p *Plan, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.binary("kube"), append([]string{"kubectl"}, args...)...)
	// kubectl's cache knows clusters by their addresses, which the next playground may have.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+p.Kubeconfig, "KUBECACHEDIR="+p.path("cache"))
	return cmd
}
