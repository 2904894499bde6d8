package kubetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	portforwardv1 "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/portforward"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// What a client reaches of a pod by sockets, over WebSockets as API servers of today have it. Clients without sockets
// come by DialPod and ExecPod.

// forwardPorts joins the streams of a port-forward to ports of a pod, until the client has gone.
func (c *Cluster) forwardPorts(w http.ResponseWriter, r *http.Request, q Request) {
	pod, err := c.pod(r.Context(), q.User, q.Namespace, q.Name, q.Subresource)
	if err != nil {
		respond(w, nil, err)
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{portforwardv1.WebsocketsSPDYTunnelingPortForwardV1}}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	ctx, cancel := context.WithCancel(r.Context())
	f := &forwarding{cluster: c, pod: pod, failures: make(chan httpstream.Stream, 1)}
	defer f.joined.Wait()
	defer cancel()
	join := func(stream httpstream.Stream, replied <-chan struct{}) error { return f.take(ctx, stream, replied) }
	connection, err := spdy.NewServerConnection(portforward.NewTunnelingConnection("server", ws), join)
	if err != nil {
		return
	}
	select {
	case <-connection.CloseChan():
	case <-ctx.Done():
		connection.Close()
	}
}

// forwarding is one port-forward: a stream for errors, then one for data.
type forwarding struct {
	cluster  *Cluster
	pod      *corev1.Pod
	failures chan httpstream.Stream
	joined   sync.WaitGroup
}

func (f *forwarding) take(ctx context.Context, stream httpstream.Stream, replied <-chan struct{}) error {
	if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
		select {
		case f.failures <- stream:
			return nil
		default:
			return errors.New("a second stream for errors")
		}
	}
	port, err := strconv.Atoi(stream.Headers().Get(corev1.PortHeader))
	if err != nil {
		return err
	}
	f.joined.Go(func() {
		select {
		case <-replied:
		case <-ctx.Done():
			return
		}
		if err := f.join(ctx, stream, port); err != nil {
			failure := <-f.failures // its stream came first
			_, _ = io.WriteString(failure, err.Error())
			failure.Close() // the client closes the other one
		}
	})
	return nil
}

// join copies both ways until either end has gone.
func (f *forwarding) join(ctx context.Context, stream httpstream.Stream, port int) error {
	conn, err := f.cluster.dial(ctx, f.pod, port)
	if err != nil {
		return err
	}
	var copying sync.WaitGroup
	defer copying.Wait()
	end := func() { conn.Close(); _ = stream.Reset() }
	defer end()
	defer context.AfterFunc(ctx, end)()
	copying.Go(func() { defer end(); _, _ = io.Copy(conn, stream) })
	_, _ = io.Copy(stream, conn)
	return nil
}

func (c *Cluster) dial(ctx context.Context, pod *corev1.Pod, port int) (net.Conn, error) {
	if c.Dial == nil {
		return nil, fmt.Errorf("port-forward to pod %s: nothing listens on port %d", pod.Name, port)
	}
	return c.Dial(ctx, pod, port)
}

// The channels of a command's streams: each message's first byte.
const (
	channelStdin = iota
	channelStdout
	channelStderr
	channelStatus
	channelClose = 255
)

// channel writes to one of a command's streams.
type channel struct {
	ws     *websocket.Conn
	lock   *sync.Mutex
	number byte
}

func (c channel) Write(b []byte) (int, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if err := c.ws.WriteMessage(websocket.BinaryMessage, append([]byte{c.number}, b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// execute runs a command in a pod, whose streams lead to the client.
func (c *Cluster) execute(w http.ResponseWriter, r *http.Request, q Request) {
	pod, err := c.pod(r.Context(), q.User, q.Namespace, q.Name, q.Subresource)
	if err != nil {
		respond(w, nil, err)
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	ctx, cancel := context.WithCancel(r.Context())
	stdin, in := io.Pipe()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer ws.Close()
	defer stdin.Close()
	reading.Go(func() { defer cancel(); receive(ws, in) })
	lock := &sync.Mutex{}
	o := kube.ExecOptions{
		Pod:       q.Name,
		Container: q.query.Get("container"),
		Command:   q.query["command"],
		Stdin:     stdin,
		Stdout:    channel{ws, lock, channelStdout},
		Stderr:    channel{ws, lock, channelStderr},
	}
	status := metav1.Status{Status: metav1.StatusSuccess}
	if err := c.exec(ctx, pod, o); err != nil {
		status = metav1.Status{Status: metav1.StatusFailure, Message: err.Error()}
	}
	_ = json.NewEncoder(channel{ws, lock, channelStatus}).Encode(status)
	end := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	lock.Lock()
	defer lock.Unlock()
	_ = ws.WriteMessage(websocket.CloseMessage, end)
}

// receive takes what the client sends to standard input, until it has gone.
func receive(ws *websocket.Conn, in *io.PipeWriter) {
	defer in.Close()
	for {
		_, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		switch {
		case len(message) > 1 && message[0] == channelStdin:
			_, _ = in.Write(message[1:]) // the command may read no more
		case len(message) > 1 && message[0] == channelClose && message[1] == channelStdin:
			in.Close()
		}
	}
}

func (c *Cluster) exec(ctx context.Context, pod *corev1.Pod, o kube.ExecOptions) error {
	if c.Exec == nil {
		return fmt.Errorf("exec in pod %s: no such program: %v", o.Pod, o.Command)
	}
	return c.Exec(ctx, pod, o)
}
