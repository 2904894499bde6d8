// Package delve asks a headless delve, Go's debugger, about its program and lets that go on: by its JSON-RPC, without
// delve's own packages. See https://pkg.go.dev/github.com/go-delve/delve/service/rpc2.
package delve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// answerBytes limits one answer of delve's: code in the pod may listen in its place.
const answerBytes = 1 << 20

// Client is a client of one delve, for one goroutine.
type Client struct {
	conn net.Conn
	to   *json.Encoder
	from *json.Decoder
	last int // the number of the last request
}

// New returns a client on a connection. The program stays as it is when that is closed, where delve takes several
// clients.
func New(conn net.Conn) *Client {
	limited := bound.Answers(conn, answerBytes)
	return &Client{conn: conn, to: json.NewEncoder(limited), from: json.NewDecoder(limited)}
}

// request is one of JSON-RPC 1.0.
type request struct {
	Method string `json:"method"`
	Params [1]any `json:"params"`
	ID     int    `json:"id"`
}

func (c *Client) send(method string, parameter any) error {
	c.last++
	if err := c.to.Encode(request{Method: method, Params: [1]any{parameter}, ID: c.last}); err != nil {
		return fmt.Errorf("ask delve: %w", err)
	}
	return nil
}

// Ready fails unless delve answers, and takes several clients. It takes one round trip.
func (c *Client) Ready() error {
	if err := c.send("RPCServer.SetApiVersion", struct{ APIVersion int }{2}); err != nil {
		return err
	}
	if err := c.send("RPCServer.IsMulticlient", struct{}{}); err != nil {
		return err
	}
	for {
		var answer struct {
			ID     int                          `json:"id"`
			Error  any                          `json:"error"`
			Result struct{ IsMulticlient bool } `json:"result"`
		}
		switch err := c.from.Decode(&answer); {
		case err != nil:
			return fmt.Errorf("read delve's answer: %w", err)
		case answer.Error != nil:
			return fmt.Errorf("delve refuses to tell of itself: %v", answer.Error)
		case answer.ID != c.last:
			continue // it answers in the order of the questions
		case !answer.Result.IsMulticlient:
			return errors.New("delve takes one client only: start it with --accept-multiclient")
		}
		return nil
	}
}

// Started says whether the program runs or has run to its end, and not whether it stands, before its first line or
// elsewhere. It does not wait for one that runs.
func (c *Client) Started() (bool, error) {
	if err := c.send("RPCServer.State", struct{ NonBlocking bool }{true}); err != nil {
		return false, err
	}
	var answer struct {
		ID     int `json:"id"`
		Error  any `json:"error"`
		Result struct {
			State *struct {
				Running bool
				Exited  bool `json:"exited"`
			}
		} `json:"result"`
	}
	switch err := c.from.Decode(&answer); {
	case err != nil:
		return false, fmt.Errorf("read delve's answer: %w", err)
	case answer.ID != c.last:
		return false, errors.New("delve answers another question")
	case answer.Error != nil:
		return false, fmt.Errorf("delve refuses to tell of its program: %v", answer.Error)
	case answer.Result.State == nil:
		return false, errors.New("delve says nothing of its program")
	}
	return answer.Result.State.Running || answer.Result.State.Exited, nil
}

// Continue lets the program go on, and closes the connection: delve would answer when the program stops next.
func (c *Client) Continue() error {
	err := c.send("RPCServer.Command", struct {
		Name string `json:"name"`
	}{"continue"})
	return errors.Join(err, c.conn.Close())
}
