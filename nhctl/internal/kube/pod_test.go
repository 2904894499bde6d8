package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	portforwardv1 "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/portforward"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// streams is the pod's end of one port-forward: what comes on port 80 is sent back, and there is no other port.
func streams(stream httpstream.Stream, replied <-chan struct{}) error {
	go func() {
		<-replied
		defer stream.Close()
		if port := stream.Headers().Get(
			corev1.PortHeader); stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
			_, _ = io.Copy(stream, stream)
		} else if port != "80" {
			_, _ = io.WriteString(stream, "nothing listens on port "+port+"\n")
		}
	}()
	return nil
}

// forwarding is an API server that forwards ports, over WebSockets if it is young enough.
func forwarding(young bool) http.Handler {
	serve := func(connection httpstream.Connection, err error) {
		if err == nil {
			<-connection.CloseChan()
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/namespaces/shop/pods/web/portforward", func(w http.ResponseWriter, r *http.Request) {
		if !young {
			http.Error(w, "you must use SPDY", http.StatusBadRequest)
			return
		}
		upgrader := websocket.Upgrader{Subprotocols: []string{portforwardv1.WebsocketsSPDYTunnelingPortForwardV1}}
		if ws, err := upgrader.Upgrade(w, r, nil); err == nil {
			serve(spdy.NewServerConnection(portforward.NewTunnelingConnection("server", ws), streams))
		}
	})
	mux.HandleFunc("POST /api/v1/namespaces/shop/pods/web/portforward", func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
			return
		}
		if connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, streams); connection != nil {
			serve(connection, nil)
		}
	})
	return mux
}

func TestDialPod(t *testing.T) {
	t.Parallel()
	for name, young := range map[string]bool{"WebSocket": true, "SPDY alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, forwarding(young))
			conn, err := c.DialPod(t.Context(), PodPort{Pod: "web", Port: 80})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			want := bytes.Repeat([]byte("hello"), 100_000)
			var writing sync.WaitGroup
			writing.Go(func() { _, _ = conn.Write(want) })
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the echo of %d bytes differs: %v", len(want), err)
			}
			writing.Wait()
			if diff := cmp.Diff([]string{"computer", "web"},
				[]string{conn.LocalAddr().String(), conn.RemoteAddr().String()}); diff != "" {
				t.Error(diff)
			}
			dead, err := c.DialPod(t.Context(), PodPort{Pod: "web", Port: 81})
			if err != nil {
				t.Fatal(err)
			}
			defer dead.Close()
			if _, err := dead.Read(got); err == nil ||
				err.Error() != "port-forward to pod web: nothing listens on port 81" {
				t.Errorf("a port where nothing listens: %v", err)
			}
		})
	}
}

func TestDialPodFails(t *testing.T) {
	t.Parallel()
	denied := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusForbidden, status(403, metav1.StatusReasonForbidden,
			`pods "web" is forbidden: User "ada" cannot create resource "pods/portforward"`))
	}))
	conn, err := denied.DialPod(t.Context(), PodPort{Pod: "web", Port: 80})
	if problem.From(err).Code != problem.Forbidden {
		t.Errorf("without the right: %v, %v", conn, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	slow := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-release }))
	defer close(release)
	if conn, err := slow.DialPod(ctx, PodPort{Pod: "web", Port: 80}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, %v", conn, err)
	}
}

// The channels of a command's streams, each message's first byte.
const (
	stdout  = 1
	failure = 3
)

// running is an API server whose only command says its arguments, and ends with a status.
func running(end metav1.Status) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/namespaces/shop/pods/web/exec", func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		say := func(channel byte, text string) {
			_ = ws.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, text...))
		}
		q := r.URL.Query()
		say(stdout, strings.Join(q["command"], " ")+" in "+q.Get("container")+"\n")
		text, _ := json.Marshal(end)
		say(failure, string(text))
		_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	})
	return mux
}

func TestExec(t *testing.T) {
	t.Parallel()
	exit3 := metav1.Status{Status: metav1.StatusFailure, Reason: remotecommand.NonZeroExitCodeReason,
		Details: &metav1.StatusDetails{
			Causes: []metav1.StatusCause{{Type: remotecommand.ExitCodeCauseType, Message: "3"}},
		}}
	for name, tt := range map[string]struct {
		end  metav1.Status
		fail bool
	}{
		"ends well":   {metav1.Status{Status: metav1.StatusSuccess}, false},
		"ends with 3": {exit3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, running(tt.end))
			var out bytes.Buffer
			err := c.Exec(t.Context(), ExecOptions{
				Pod:       "web",
				Container: "app",
				Command:   []string{"go", "run", "."},
				Stdout:    &out,
			})
			if (err != nil) != tt.fail || out.String() != "go run . in app\n" {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
}
