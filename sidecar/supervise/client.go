package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Client calls a supervisor.
type Client struct{ http *http.Client }

// NewClient returns a client that reaches its supervisor by dial.
func NewClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true, // a stream costs nothing, and a kept one would outlive its carrier
	}}}
}

func (c *Client) do(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, content)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 300 {
		return response.Body, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode == http.StatusConflict {
		return nil, ErrRunning
	}
	return nil, errors.New(strings.TrimSpace(string(text)))
}

func (c *Client) status(ctx context.Context, method, name string, body any) (Status, error) {
	content, err := c.do(ctx, method, "/v1/commands/"+name, body)
	if err != nil {
		return Status{}, err
	}
	defer content.Close()
	var s Status
	return s, json.NewDecoder(content).Decode(&s)
}

// Start starts a command, in place of what runs unless the spec refuses that.
func (c *Client) Start(ctx context.Context, name string, spec Spec) (Status, error) {
	return c.status(ctx, http.MethodPut, name, spec)
}

// Stop stops a command with its whole process group, and returns when it has ended.
func (c *Client) Stop(ctx context.Context, name string) (Status, error) {
	return c.status(ctx, http.MethodDelete, name, nil)
}

// Status tells where a command stands.
func (c *Client) Status(ctx context.Context, name string) (Status, error) {
	return c.status(ctx, http.MethodGet, name, nil)
}

// Healthy returns nil when the supervisor answers.
func (c *Client) Healthy(ctx context.Context) error {
	body, err := c.do(ctx, http.MethodGet, "/v1/health", nil)
	if err != nil {
		return err
	}
	return body.Close()
}

// Logs calls emit with each kept line, the last `tail` of them (0 for all), and with follow also with those to come. It returns
// nil at the end of those kept, and the connection's error, io.ErrUnexpectedEOF included, when following ends otherwise than by ctx.
func (c *Client) Logs(ctx context.Context, name string, tail int, follow bool, emit func(Line) error) error {
	body, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v1/commands/%s/logs?tail=%d&follow=%t", name, tail, follow), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	for {
		var l Line
		err := decoder.Decode(&l)
		if errors.Is(err, io.EOF) {
			if follow && ctx.Err() == nil {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := emit(l); err != nil {
			return err
		}
	}
}
