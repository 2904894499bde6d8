package delve

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// answering is a client of a delve that gives one answer, and the request that it had.
func answering(t *testing.T, answer string) (c *Client, asked <-chan string) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	requests := make(chan string, 1)
	go func() {
		from := bufio.NewReader(far)
		line, _ := from.ReadString('\n')
		requests <- strings.TrimSpace(line)
		go func() { _, _ = io.Copy(io.Discard, from) }()
		_, _ = io.WriteString(far, answer)
		far.Close()
	}()
	return New(near), requests
}

func TestStarted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer string
		want   bool
		err    string
	}{
		{`{"id":1,"result":{"State":{"Running":true,"exited":false}},"error":null}`, true, ""},
		{`{"id":1,"result":{"State":{"Running":false,"exited":true}},"error":null}`, true, ""},
		{`{"id":1,"result":{"State":{"Running":false,"exited":false}},"error":null}`, false, ""},
		{`{"id":1,"result":{},"error":null}`, false, "nothing of its program"},
		{`{"id":1,"result":null,"error":"no"}`, false, "refuses"},
		{`{"id":7,"result":{"State":{"Running":true}},"error":null}`, false, "another question"},
		{`HTTP/1.1 400 Bad Request`, false, "read delve's answer"},
		{``, false, "read delve's answer"},
		{`{"id":1,"result":"` + strings.Repeat("x", answerBytes) + `"`, false, "read delve's answer"},
	} {
		c, asked := answering(t, tt.answer)
		got, err := c.Started()
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.80s: got %v, %v; want %v, %q", tt.answer, got, err, tt.want, tt.err)
		}
		const want = `{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}`
		if r := <-asked; r != want {
			t.Errorf("it asks %s, not %s", r, want)
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	const version = `{"id":1,"result":{},"error":null}`
	for _, tt := range []struct{ answers, err string }{
		{version + `{"id":2,"result":{"IsMulticlient":true},"error":null}`, ""},
		{version + `{"id":2,"result":{"IsMulticlient":false},"error":null}`, "one client only"},
		{version + `{"id":2,"result":null,"error":"no"}`, "refuses"},
		{`{"id":1,"result":null,"error":"no"}`, "refuses"},
		{version, "read delve's answer"},
		{strings.Repeat(version, answerBytes/len(version)+1), "read delve's answer"},
		{`HTTP/1.1 400 Bad Request`, "read delve's answer"},
		{``, "read delve's answer"},
	} {
		c, asked := answering(t, tt.answers)
		err := c.Ready()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.80s: got %v; want %q", tt.answers, err, tt.err)
		}
		const want = `{"method":"RPCServer.SetApiVersion","params":[{"APIVersion":2}],"id":1}`
		if r := <-asked; r != want {
			t.Errorf("it asks %s, not %s", r, want)
		}
	}
}

func TestContinue(t *testing.T) {
	t.Parallel()
	c, asked := answering(t, "")
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	const want = `{"method":"RPCServer.Command","params":[{"name":"continue"}],"id":1}`
	if r := <-asked; r != want {
		t.Errorf("it asks %s, not %s", r, want)
	}
}
