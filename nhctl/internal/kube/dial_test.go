package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

const stderr = 2

// sidecarPort is a port that can be reached by a command, too.
var sidecarPort = PodPort{Pod: "web", Port: 80, Container: "sidecar", Command: []string{"sidecar", "dial", "80"}}

// execOnly is an API server that denies port-forward, and exec unless there is a command to run.
func execOnly(command func(stdin io.Reader, say func(channel byte, data []byte))) http.Handler {
	deny := func(w http.ResponseWriter, resource string) {
		respond(w, http.StatusForbidden, status(403, metav1.StatusReasonForbidden,
			`pods "web" is forbidden: User "ada" cannot create resource "pods/`+resource+`"`))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/namespaces/shop/pods/web/portforward", func(w http.ResponseWriter, _ *http.Request) {
		deny(w, "portforward")
	})
	mux.HandleFunc("/api/v1/namespaces/shop/pods/web/exec", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if command == nil {
			deny(w, "exec")
			return
		}
		if strings.Join(q["command"], " ") != "sidecar dial 80" || q.Get("container") != "sidecar" {
			http.Error(w, "another command: "+r.URL.String(), http.StatusBadRequest)
			return
		}
		upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
		if ws, err := upgrader.Upgrade(w, r, nil); err == nil {
			runCommand(ws, command)
		}
	})
	return mux
}

// runCommand runs a command on the channels of a WebSocket. It fails when it has said something on standard error.
func runCommand(ws *websocket.Conn, command func(stdin io.Reader, say func(channel byte, data []byte))) {
	defer ws.Close()
	stdin, in := io.Pipe()
	defer stdin.Close()
	go func() {
		for {
			_, message, err := ws.ReadMessage()
			if err != nil {
				in.CloseWithError(err)
				return
			}
			switch message[0] {
			case 0:
				_, _ = in.Write(message[1:])
			case remotecommand.StreamClose:
				in.Close()
			}
		}
	}()
	end := metav1.Status{Status: metav1.StatusSuccess}
	command(stdin, func(channel byte, data []byte) {
		if channel == stderr {
			end = metav1.Status{Status: metav1.StatusFailure, Message: "exit code 1"}
		}
		_ = ws.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, data...))
	})
	text, _ := json.Marshal(end)
	_ = ws.WriteMessage(websocket.BinaryMessage, append([]byte{failure}, text...))
	_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

func TestDialPodByExec(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	c := serve(t, execOnly(func(stdin io.Reader, say func(byte, []byte)) {
		chunk := make([]byte, 4096)
		for {
			n, err := stdin.Read(chunk)
			if err != nil {
				ended <- err
				return
			}
			say(stdout, chunk[:n])
		}
	}))
	conn, err := c.DialPod(t.Context(), sidecarPort)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("hello"), 100_000)
	go func() { _, _ = conn.Write(want) }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the echo of %d bytes differs: %v", len(want), err)
	}
	if conn.RemoteAddr().String() != "web" {
		t.Error(conn.RemoteAddr())
	}
	conn.Close()
	<-ended
	if _, err := conn.Read(got); err == nil {
		t.Error("a closed connection is read from")
	}
}

func TestDialPodByExecFails(t *testing.T) {
	t.Parallel()
	fails := func(_ io.Reader, say func(byte, []byte)) {
		say(stderr, []byte("sidecar dial: connection refused\n"))
	}
	c := serve(t, execOnly(fails))
	conn, err := c.DialPod(t.Context(), sidecarPort)
	if err == nil { // the command's streams stood before it ended
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "sidecar dial: connection refused") {
		t.Errorf("a command that fails: %v", err)
	}
	denied := serve(t, execOnly(nil))
	_, err = denied.DialPod(t.Context(), sidecarPort)
	if problem.From(err).Code != problem.Forbidden || !strings.Contains(err.Error(), "pods/portforward") {
		t.Errorf("without either permission: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	slow := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/exec") {
			cancel()
			<-release
			return
		}
		execOnly(nil).ServeHTTP(w, r)
	}))
	defer close(release)
	if _, err := slow.DialPod(ctx, sidecarPort); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
