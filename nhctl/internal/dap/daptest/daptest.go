// Package daptest is a client of debug adapters, for tests. It knows the protocol alone, and no adapter.
package daptest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

// Message is any message of the protocol.
type Message struct {
	Seq        int             `json:"seq"`
	Type       string          `json:"type"` // request, response, event
	Command    string          `json:"command,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	RequestSeq int             `json:"request_seq,omitempty"`
	Success    bool            `json:"success,omitempty"`
	Message    string          `json:"message,omitempty"`
	Event      string          `json:"event,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
}

// Client is a client of an adapter. Its methods fail the test where the adapter does not do what they say.
type Client struct {
	t     testing.TB
	limit time.Duration
	to    io.WriteCloser

	mu   sync.Mutex
	news *sync.Cond
	seq  int
	all  []Message // that were not awaited yet
	over error
}

// messageLimit limits a message of an adapter, in bytes.
const messageLimit = 16 << 20

// New returns a client with the streams of an adapter, which it closes when the test ends. The limit is that of every
// wait.
func New(t testing.TB, from io.ReadCloser, to io.WriteCloser, limit time.Duration) *Client {
	c := &Client{t: t, limit: limit, to: to}
	c.news = sync.NewCond(&c.mu)
	var reading sync.WaitGroup
	reading.Go(func() { c.read(from) })
	t.Cleanup(func() {
		to.Close()
		from.Close()
		reading.Wait()
	})
	return c
}

func (c *Client) read(from io.Reader) {
	r := baseprotocol.NewReader(from, messageLimit)
	for {
		data, err := r.Next()
		var m Message
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		c.mu.Lock()
		if err != nil {
			c.over = err
		} else {
			c.all = append(c.all, m)
		}
		c.news.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Write sends anything, which may be no message.
func (c *Client) Write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.to, text); err != nil {
		c.t.Fatal(err)
	}
}

// Close ends the client's stream to the adapter.
func (c *Client) Close() { c.to.Close() }

// Pause has the client read nothing until resume is called.
func (c *Client) Pause() (resume func()) {
	c.mu.Lock()
	return c.mu.Unlock
}

// Kept are the messages that were not awaited.
func (c *Client) Kept() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// Send sends a request, and returns its number. Arguments are a text of JSON, "" for none, or a value.
func (c *Client) Send(command string, arguments any) int {
	c.t.Helper()
	raw, err := marshal(arguments)
	if err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	c.seq++
	data, err := json.Marshal(Message{Seq: c.seq, Type: "request", Command: command, Arguments: raw})
	if err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	c.Write(string(baseprotocol.Frame(data)))
	return c.seq
}

func marshal(arguments any) (json.RawMessage, error) {
	if text, ok := arguments.(string); ok {
		return json.RawMessage(text), nil
	}
	return json.Marshal(arguments)
}

// Await takes the first message with a property; those before it stay.
func (c *Client) Await(what string, is func(Message) bool) Message {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := -1
	Holds(c.news, c.limit, func() bool { at = slices.IndexFunc(c.all, is); return at >= 0 || c.over != nil })
	if at < 0 {
		c.t.Fatalf("no %s within %s: %v; the last messages are:\n%s", what, c.limit, c.over, c.last())
	}
	m := c.all[at]
	c.all = slices.Delete(c.all, at, at+1)
	return m
}

// Holds waits until a condition holds, which is looked at whenever something has changed, or until the limit. The
// caller has the lock of changed.
func Holds(changed *sync.Cond, limit time.Duration, is func() bool) bool {
	late := false
	timer := time.AfterFunc(limit, func() {
		changed.L.Lock()
		defer changed.L.Unlock()
		late = true
		changed.Broadcast()
	})
	defer timer.Stop()
	for !is() {
		if late {
			return false
		}
		changed.Wait()
	}
	return true
}

// last are the last messages that were not awaited, as text, and few of what the program prints.
func (c *Client) last() string {
	const many, printed = 30, 5
	var lines []string
	prints := 0
	for _, m := range slices.Backward(c.all) {
		if m.Event == "output" && strings.Contains(string(m.Body), `"category":"stdout"`) {
			if prints++; prints > printed {
				continue
			}
		}
		lines = append(lines, fmt.Sprintf("%s %s%s %s%s", m.Type, m.Command, m.Event, m.Message, m.Body))
		if len(lines) == many {
			break
		}
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

// Response is the answer to a request, and Answer one that succeeds.
func (c *Client) Response(seq int) Message {
	c.t.Helper()
	return c.Await(fmt.Sprintf("answer to request %d", seq), func(m Message) bool {
		return m.Type == "response" && m.RequestSeq == seq
	})
}

// Answer is the answer to a request, which is to succeed.
func (c *Client) Answer(seq int) Message {
	c.t.Helper()
	m := c.Response(seq)
	if !m.Success {
		c.t.Fatalf("%s: %s %s", m.Command, m.Message, m.Body)
	}
	return m
}

// Ask makes a request that succeeds.
func (c *Client) Ask(command string, arguments any) Message {
	c.t.Helper()
	return c.Answer(c.Send(command, arguments))
}

// Refused makes a request that fails with a text.
func (c *Client) Refused(command string, arguments any, want string) Message {
	c.t.Helper()
	m := c.Response(c.Send(command, arguments))
	if m.Success || !strings.Contains(m.Message, want) {
		c.t.Errorf("%s %v: %v %q, want %q", command, arguments, m.Success, m.Message, want)
	}
	return m
}

// Event is the next event of a name, as the text of its body.
func (c *Client) Event(name string) string {
	c.t.Helper()
	return string(c.Await("event "+name, func(m Message) bool { return m.Event == name }).Body)
}

// Prints waits for output with a text, and returns the body of its event.
func (c *Client) Prints(text string) string {
	c.t.Helper()
	m := c.Await("output "+text, func(m Message) bool {
		var body struct {
			Output string `json:"output"`
		}
		return m.Event == "output" && json.Unmarshal(m.Body, &body) == nil && strings.Contains(body.Output, text)
	})
	return string(m.Body)
}
