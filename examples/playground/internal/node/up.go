package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Parts are the processes of a node, in the order in which they start.
var parts = [...]string{"etcd", "kube-apiserver", "containerd", "kube-controller-manager", "kube-scheduler", "kubelet",
	"kube-proxy", "coredns", "volumes"}

// Parts returns the names of a node's processes.
func Parts() []string { return parts[:] }

// argv returns the command line of a part.
func argv(p *Plan, part string) []string {
	kube, config := p.binary("kube"), func(part string) string { return p.path("kubeconfig", part) }
	switch part {
	case "etcd":
		return []string{kube, "etcd", "--data-dir=" + p.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380"}
	case "kube-apiserver":
		pki := func(name string) string { return p.path("pki", name) }
		return []string{kube, part, "--etcd-servers=http://127.0.0.1:2379", "--authorization-mode=Node,RBAC",
			"--bind-address=" + p.NodeIP().String(), "--advertise-address=" + p.NodeIP().String(),
			"--client-ca-file=" + pki("ca.crt"), "--tls-cert-file=" + pki("apiserver.crt"),
			"--tls-private-key-file=" + pki("apiserver.key"),
			"--kubelet-client-certificate=" + pki("kubelet-client.crt"),
			"--kubelet-client-key=" + pki("kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP", "--service-cluster-ip-range=" + p.Services.String(),
			"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + pki("sa.key"),
			"--service-account-signing-key-file=" + pki("sa.key"), "--allow-privileged=true", "--profiling=false",
			"--v=0"}
	case "containerd":
		return []string{p.binary("containerd"), "--config", p.path("etc", "containerd.toml"), "--log-level", "warn"}
	case "kube-controller-manager":
		return []string{kube, part, "--kubeconfig=" + config(part), "--leader-elect=false",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + p.path("pki", "sa.key"),
			"--root-ca-file=" + p.path("pki", "ca.crt"),
			"--bind-address=127.0.0.1", "--v=0"}
	case "kube-scheduler":
		return []string{kube, part, "--kubeconfig=" + config(part), "--leader-elect=false", "--bind-address=127.0.0.1",
			"--v=0"}
	case "kubelet":
		return []string{kube, part, "--kubeconfig=" + config(part), "--config=" + p.path("etc", "kubelet.yaml"),
			"--root-dir=" + p.path("kubelet"), "--cert-dir=" + p.path("pki", "kubelet"),
			"--hostname-override=playground", "--node-ip=" + p.NodeIP().String(), "--v=0"}
	case "kube-proxy":
		return []string{kube, part, "--config=" + p.path("etc", "kube-proxy.yaml"), "--hostname-override=playground",
			"--v=0"}
	case "coredns":
		return []string{kube, part, "-conf", p.path("etc", "Corefile"), "-quiet"}
	case "volumes":
		return []string{kube, part, "--kubeconfig=" + config(part), "--dir=" + p.path("volumes"),
			"--provisioner=" + volumesName, "--listen=" + volumesHealth}
	}
	return nil
}

// Up starts a playground, over leftovers if there are any, and returns when its node is Ready and its DNS answers.
func Up(ctx context.Context, p *Plan, out io.Writer) error {
	begin := time.Now()
	if err := healthy(ctx, p); err == nil {
		fmt.Fprintf(out, "playground %s is up already\n", p.Name)
		return nil
	}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"clear leftovers", func(ctx context.Context) error { return clear(ctx, p) }},
		{"write keys and configuration",
			func(context.Context) error { return errors.Join(writePKI(p), writeConfigs(p), makeFolders(p)) }},
		{"make the network",
			func(ctx context.Context) error { return errors.Join(createNetwork(ctx, p), createCgroup(p)) }},
		{"start etcd, API server and containerd", func(ctx context.Context) error { return startControlPlane(ctx, p) }},
		{"start controllers, scheduler, kubelet, proxy and DNS",
			func(ctx context.Context) error { return startNode(ctx, p) }},
		{"wait for the node and DNS", func(ctx context.Context) error {
			return wait(ctx, "node Ready", time.Minute, func(ctx context.Context) error { return healthy(ctx, p) })
		}},
	}
	for _, s := range steps {
		start := time.Now()
		fmt.Fprintf(out, "  %-55s", s.name)
		if err := s.do(ctx); err != nil {
			fmt.Fprintln(out, "failed")
			return fmt.Errorf("%s: %w%s", s.name, err, deadParts(p))
		}
		fmt.Fprintf(out, "%5.1f s\n", time.Since(start).Seconds())
	}
	fmt.Fprintf(out, "playground %s is up in %.1f s; its pods have no network outside of it\n", p.Name,
		time.Since(begin).Seconds())
	return nil
}

func makeFolders(p *Plan) error {
	for _, dir := range []string{"log", "run", "kubelet", "containerd"} {
		if err := os.MkdirAll(p.path(dir), 0o700); err != nil {
			return err
		}
	}
	return os.MkdirAll("/run/"+p.Netns(), 0o700)
}

func startControlPlane(ctx context.Context, p *Plan) error {
	for _, part := range []string{"etcd", "containerd", "kube-apiserver"} {
		if err := startPart(p, part, argv(p, part)...); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return wait(ctx, "API server ready", time.Minute, func(ctx context.Context) error {
			_, err := kubectl(ctx, p, "", "get", "--raw=/readyz")
			return err
		})
	})
	group.Go(func() error {
		err := wait(ctx, "containerd ready", time.Minute, func(ctx context.Context) error {
			_, err := run(ctx, p.binary("ctr"), "--address", p.socket(), "version")
			return err
		})
		if err != nil {
			return err
		}
		return loadPause(ctx, p)
	})
	return group.Wait()
}

func startNode(ctx context.Context, p *Plan) error {
	for _, part := range parts {
		if err := startPart(p, part, argv(p, part)...); err != nil {
			return err
		}
	}
	return wait(ctx, "apply DNS Service and StorageClass", time.Minute, func(ctx context.Context) error {
		_, err := kubectl(ctx, p, "", "apply", "-f", p.path("etc", "base.yaml"))
		return err
	})
}

// kubectl runs kubectl as the administrator.
func kubectl(ctx context.Context, p *Plan, stdin string, args ...string) (string, error) {
	cmd := kubectlCommand(ctx, p, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(),
			fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// deadParts shows the last lines of the log of each part that died.
func deadParts(p *Plan) string {
	text := ""
	all, _ := processes(p)
	for _, pr := range all {
		if !pr.alive() {
			text += fmt.Sprintf("\n%s has ended; the end of %s:\n%s", pr.Part, logPath(p, pr.Part),
				tail(logPath(p, pr.Part), 2000))
		}
	}
	return text
}

func tail(path string, bytes int64) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, int64(len(data))-bytes):])
}
