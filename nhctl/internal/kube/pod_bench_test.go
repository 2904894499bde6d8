package kube

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	portforwardv1 "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/tools/portforward"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// podStream is the pod's end of a port-forward as a connection.
type podStream struct{ httpstream.Stream }

func (podStream) LocalAddr() net.Addr              { return podAddr("pod") }
func (podStream) RemoteAddr() net.Addr             { return podAddr("computer") }
func (podStream) SetDeadline(time.Time) error      { return nil }
func (podStream) SetReadDeadline(time.Time) error  { return nil }
func (podStream) SetWriteDeadline(time.Time) error { return nil }

// forwardingTo is an API server that forwards ports to a function.
func forwardingTo(program func(net.Conn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{portforwardv1.WebsocketsSPDYTunnelingPortForwardV1}}
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		tunnel := portforward.NewTunnelingConnection("server", ws)
		conn, err := spdy.NewServerConnection(tunnel, func(stream httpstream.Stream, replied <-chan struct{}) error {
			if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
				go func() { <-replied; program(podStream{stream}) }()
			}
			return nil
		})
		if err == nil {
			<-conn.CloseChan()
		}
	})
}

// BenchmarkThroughput compares one stream of a carrier with a bare port-forward through the same server.
func BenchmarkThroughput(b *testing.B) {
	const size = 1 << 20
	receive := func(r io.Reader, n int, done chan<- struct{}) {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(r, int64(n)*size), make([]byte, 32<<10))
		close(done)
	}
	send := func(b *testing.B, w io.Writer, done <-chan struct{}) {
		b.SetBytes(size)
		chunk := make([]byte, 32<<10) // what kubectl and forwards read at once
		b.ResetTimer()
		for range b.N * size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		<-done
	}
	b.Run("port-forward", func(b *testing.B) {
		done := make(chan struct{})
		c := serve(b, forwardingTo(func(conn net.Conn) { receive(conn, b.N, done) }))
		conn, err := c.DialPod(b.Context(), PodPort{Pod: "web", Port: 80})
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		send(b, conn, done)
	})
	b.Run("stream", func(b *testing.B) {
		done := make(chan struct{})
		receives := func(_ context.Context, in *wire.Incoming) error {
			stream, err := in.Accept()
			if err == nil {
				receive(stream, b.N, done)
			}
			return err
		}
		server := &wire.Server{
			Token:   func(string) ([]byte, error) { return []byte("secret"), nil },
			Options: wire.Options{Handlers: wire.Handlers{wire.KindForward: receives}},
		}
		c := serve(b, forwardingTo(func(conn net.Conn) { server.ServeConn(context.Background(), conn) }))
		conn, err := c.DialPod(b.Context(), PodPort{Pod: "web", Port: 80})
		if err != nil {
			b.Fatal(err)
		}
		carrier, err := wire.Dial(b.Context(), conn, []byte("secret"), wire.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer carrier.Close()
		stream, err := carrier.Open(b.Context(), wire.KindForward, nil)
		if err != nil {
			b.Fatal(err)
		}
		send(b, stream, done)
	})
}
