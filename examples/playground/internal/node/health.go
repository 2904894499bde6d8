package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// checkLimit is how long a part may take to show that it works.
const checkLimit = 3 * time.Second

// check says whether a part does its work, which a process that lives may not: a paused one, or one that has lost its
// cluster.
func check(ctx context.Context, p *Plan, part string) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	switch part {
	case "etcd":
		return get(ctx, p, "http://127.0.0.1:2379/health")
	case "kube-apiserver":
		return get(ctx, p, p.Server()+"/readyz")
	case "containerd":
		_, err := run(ctx, p.binary("ctr"), "--address", p.socket(), "version")
		return err
	case "kube-controller-manager":
		return get(ctx, p, "https://127.0.0.1:10257/healthz")
	case "kube-scheduler":
		return get(ctx, p, "https://127.0.0.1:10259/healthz")
	case "kubelet":
		return get(ctx, p, "http://127.0.0.1:10248/healthz")
	case "kube-proxy":
		return get(ctx, p, "http://127.0.0.1:10256/healthz")
	case "coredns":
		return resolve(ctx, p, "kubernetes.default.svc.cluster.local.")
	case "volumes":
		return get(ctx, p, "http://"+volumesHealth+"/healthz")
	}
	return fmt.Errorf("no part is called %q", part)
}

// state says in a word or two how a part is, and whether it works.
func state(ctx context.Context, p *Plan, part string) (string, error) {
	pr, err := loadProcess(p, part)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "stopped", fmt.Errorf("%s is stopped: %w", part, errDied)
	case err != nil:
		return "unknown", err
	case !pr.alive():
		return "died", fmt.Errorf("%s: %w", part, errDied)
	}
	if err := check(ctx, p, part); err != nil {
		return "fails: " + firstLine(err.Error()), fmt.Errorf("%s runs and does not work: %w", part, err)
	}
	return "works", nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// states looks at all parts at once, and returns their states and failures in the parts' order.
func states(ctx context.Context, p *Plan) (words [len(parts)]string, failures [len(parts)]error) {
	var looking errgroup.Group
	for i, part := range parts {
		looking.Go(func() error {
			words[i], failures[i] = state(ctx, p, part)
			return nil
		})
	}
	_ = looking.Wait()
	return words, failures
}

// healthy says whether every part works, and the node takes pods.
func healthy(ctx context.Context, p *Plan) error {
	_, failures := states(ctx, p)
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	ready, err := kubectl(ctx, p, "", "get", "node", "playground", "-o",
		`jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
	if err != nil {
		return err
	}
	if ready != "True" {
		return errors.New("the node is not Ready yet")
	}
	_, err = kubectl(ctx, p, "", "-n", "default", "get", "serviceaccount", "default")
	return err
}

// get asks a URL inside the node, and returns an error unless the answer is 200.
func get(ctx context.Context, p *Plan, url string) error {
	transport := &http.Transport{
		DialContext:       p.dial,
		DisableKeepAlives: true,
		// most parts sign their own certificates; nothing is sent
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 2000))
		return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// resolve asks the cluster's DNS for a name.
func resolve(ctx context.Context, p *Plan, name string) error {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(p.NodeIP().String(), "53"))
	}}
	_, err := resolver.LookupHost(ctx, name)
	return err
}

// dial connects to an address as it is inside the node, where the parts listen on the loopback device.
func (p *Plan) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // for ever: the thread has changed its namespace, and ends with this goroutine
		conn, err := dialInside(ctx, "/run/netns/"+p.Netns(), network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func dialInside(ctx context.Context, namespace, network, address string) (net.Conn, error) {
	f, err := os.Open(namespace)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter %s: %w", namespace, err)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
