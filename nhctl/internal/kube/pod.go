package kube

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
)

// fallback says when an API server is too old for WebSockets.
func fallback(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// forwardPort connects to a port by port-forward.
func (c *Client) forwardPort(ctx context.Context, p PodPort) (net.Conn, error) {
	if c.network != nil {
		conn, err := c.network.DialPod(ctx, c.config.BearerToken, c.Namespace, p.Pod, p.Port)
		return conn, c.Explain(err)
	}
	pods := c.API.CoreV1().RESTClient().Post().Resource("pods").Namespace(c.Namespace)
	url := pods.Name(p.Pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	websocket, err := portforward.NewSPDYOverWebsocketDialer(url, c.config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(websocket,
		spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), fallback)
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		conn, err := openPort(dialer, p.Pod, p.Port)
		done <- dialed{conn, err}
	}()
	select {
	case d := <-done:
		return d.conn, c.Explain(d.err)
	case <-ctx.Done():
		go func() {
			if d := <-done; d.conn != nil {
				d.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func openPort(dialer httpstream.Dialer, pod string, port int) (net.Conn, error) {
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, fmt.Errorf("port-forward to pod %s: %w", pod, err)
	}
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failure, err := connection.CreateStream(headers)
	if err != nil {
		connection.Close()
		return nil, fmt.Errorf("port-forward to pod %s: %w", pod, err)
	}
	failure.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		connection.Close()
		return nil, fmt.Errorf("port-forward to pod %s: %w", pod, err)
	}
	p := &podConn{Stream: data, connection: connection, pod: pod}
	go p.watch(failure)
	return p, nil
}

// podConn is a port-forward stream as a net.Conn.
type podConn struct {
	httpstream.Stream
	connection httpstream.Connection
	pod        string
	mu         sync.Mutex
	failed     error
}

// watch keeps what the kubelet says on the error stream.
func (p *podConn) watch(failure io.Reader) {
	text, _ := io.ReadAll(io.LimitReader(failure, 4096))
	if len(text) > 0 {
		p.mu.Lock()
		p.failed = fmt.Errorf("port-forward to pod %s: %s", p.pod, strings.TrimSpace(string(text)))
		p.mu.Unlock()
		p.connection.Close()
	}
}

func (p *podConn) Read(b []byte) (int, error) {
	n, err := p.Stream.Read(b)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.failed != nil {
			err = p.failed
		}
	}
	return n, err
}

func (p *podConn) Close() error {
	_ = p.Stream.Close()
	return p.connection.Close()
}

type podAddr string

func (podAddr) Network() string  { return "pod" }
func (a podAddr) String() string { return string(a) }

func (p *podConn) LocalAddr() net.Addr              { return podAddr("computer") }
func (p *podConn) RemoteAddr() net.Addr             { return podAddr(p.pod) }
func (p *podConn) SetDeadline(time.Time) error      { return nil }
func (p *podConn) SetReadDeadline(time.Time) error  { return nil }
func (p *podConn) SetWriteDeadline(time.Time) error { return nil }

// ExecOptions say what to run in a pod.
type ExecOptions struct {
	Pod, Container string
	Command        []string
	Stdin          io.Reader // nil for none
	Stdout         io.Writer
	Stderr         io.Writer // nil for none
}

// In returns a function that runs commands in a container of a pod.
func (c *Client) In(pod, container string) func(context.Context, io.Reader, io.Writer, ...string) error {
	return func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
		return c.Exec(ctx, ExecOptions{Pod: pod, Container: container, Command: argv, Stdin: stdin, Stdout: stdout})
	}
}

// Exec runs a command in a container and returns when it has ended.
func (c *Client) Exec(ctx context.Context, o ExecOptions) error {
	if c.network != nil {
		return c.Explain(c.network.ExecPod(ctx, c.config.BearerToken, c.Namespace, o))
	}
	request := c.API.CoreV1().RESTClient().Post().Resource("pods").Namespace(c.Namespace).Name(o.Pod).SubResource(
		"exec")
	request.VersionedParams(&corev1.PodExecOptions{
		Container: o.Container,
		Command:   o.Command,
		Stdin:     o.Stdin != nil,
		Stdout:    true,
		Stderr:    o.Stderr != nil,
	}, scheme.ParameterCodec)
	websocket, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, request.URL().String())
	if err != nil {
		return err
	}
	old, err := remotecommand.NewSPDYExecutor(c.config, http.MethodPost, request.URL())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, old, fallback)
	if err != nil {
		return err
	}
	return c.Explain(executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin:  o.Stdin,
		Stdout: o.Stdout,
		Stderr: o.Stderr,
	}))
}
