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
		line, _ := bufio.NewReader(far).ReadString('\n')
		requests <- strings.TrimSpace(line)
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
