package kubetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// echoing is a cluster with a pod: its port 80 sends back what comes, and it has a program that copies standard input,
// and one that fails.
func echoing(t *testing.T) *kubetest.Cluster {
	t.Helper()
	c := kubetest.New([]string{"shop"})
	c.Add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}})
	c.Dial = func(_ context.Context, pod *corev1.Pod, port int) (net.Conn, error) {
		if port != 80 {
			return nil, fmt.Errorf("nothing listens on port %d of %s", port, pod.Name)
		}
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(there, there); there.Close() }()
		return here, nil
	}
	c.Exec = func(_ context.Context, _ *corev1.Pod, o kube.ExecOptions) error {
		if o.Command[0] != "cat" {
			_, _ = io.WriteString(o.Stderr, "no such luck\n")
			return errors.New("it has failed")
		}
		_, err := io.Copy(o.Stdout, o.Stdin)
		return err
	}
	return c
}

// A port of a pod, and a program in it, are reached by sockets.
func TestStreamsBySocket(t *testing.T) {
	t.Parallel()
	c := echoing(t)
	client := served(t, c)
	conn, err := client.DialPod(t.Context(), kube.PodPort{Pod: "web", Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("hello"), 50_000)
	go func() { _, _ = conn.Write(want) }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the echo of %d bytes differs: %v", len(want), err)
	}
	conn.Close()
	dead, err := client.DialPod(t.Context(), kube.PodPort{Pod: "web", Port: 81})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dead.Read(got); err == nil || !strings.Contains(err.Error(), "nothing listens on port 81 of web") {
		t.Errorf("a port where nothing listens: %v", err)
	}
	dead.Close()

	var stdout, stderr bytes.Buffer
	o := kube.ExecOptions{Pod: "web", Command: []string{"cat"}, Stdin: bytes.NewReader(want), Stdout: &stdout}
	if err := client.Exec(t.Context(), o); err != nil || !bytes.Equal(stdout.Bytes(), want) {
		t.Errorf("cat: %d bytes of %d, %v", stdout.Len(), len(want), err)
	}
	o = kube.ExecOptions{Pod: "web", Command: []string{"false"}, Stdout: &stdout, Stderr: &stderr}
	if err := client.Exec(t.Context(), o); err == nil || !strings.Contains(err.Error(), "it has failed") ||
		stderr.String() != "no such luck\n" {
		t.Errorf("a program that fails: %v, %q", err, stderr.String())
	}
}

// Who may not reach into pods does not, and a pod has to be there.
func TestRefusedStreamsBySocket(t *testing.T) {
	t.Parallel()
	c := echoing(t)
	client := served(t, c)
	reach := func(pod string) (forward, exec error) {
		_, forward = client.DialPod(t.Context(), kube.PodPort{Pod: pod, Port: 80})
		o := kube.ExecOptions{Pod: pod, Command: []string{"cat"}, Stdout: io.Discard}
		return forward, client.Exec(t.Context(), o)
	}
	forward, exec := reach("gone")
	for _, err := range []error{forward, exec} {
		if err == nil || !strings.Contains(err.Error(), `pods "gone" not found`) {
			t.Errorf("a pod that is not there: %v", err)
		}
	}
	c.Forbid("ada", "create", "pods/portforward")
	c.Forbid("ada", "create", "pods/exec")
	forward, exec = reach("web")
	for _, err := range []error{forward, exec} {
		if problem.From(err).Code != problem.Forbidden {
			t.Errorf("without the permission: %v", err)
		}
	}
}
