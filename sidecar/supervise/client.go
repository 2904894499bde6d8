package supervise

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// Refusal is what the supervisor said to a call that it did not do; any other error of a call may be the connection's.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Client calls a supervisor.
type Client struct {
	dial func(context.Context) (net.Conn, error)
	http *http.Client
}

// NewClient returns a client that reaches its supervisor by dial.
func NewClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{dial: dial, http: &http.Client{Transport: &http.Transport{
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
	request, err := http.NewRequestWithContext(ctx, method, address+path, content)
	if err != nil {
		return nil, err
	}
	return c.send(request)
}

// address is that of every supervisor: connections are dialed without it.
const address = "http://supervisor"

func (c *Client) send(request *http.Request) (io.ReadCloser, error) {
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
	return nil, Refusal(strings.TrimSpace(string(text)))
}

func (c *Client) status(ctx context.Context, method, name string, body any) (Status, error) {
	content, err := c.do(ctx, method, "/v1/commands/"+name, body)
	if err != nil {
		return Status{}, err
	}
	defer content.Close()
	var s Status
	return s, json.NewDecoder(bound.Reader(content, maxAnswer)).Decode(&s)
}

// Limits of what a client reads: of an answer, and of a line of output as JSON, which may escape each byte of it.
const (
	maxAnswer   = 4 << 20
	maxLogEntry = 6*maxLine + 1<<10
)

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

// Wait returns a command's status once its process has ended.
func (c *Client) Wait(ctx context.Context, name string) (Status, error) {
	return c.status(ctx, http.MethodGet, name+"?wait=true", nil)
}

// Changed tells that sources changed; the last change was at that time, by the pod's clock.
func (c *Client) Changed(ctx context.Context, at time.Time) error {
	body, err := c.do(ctx, http.MethodPost, "/v1/changes", Change{Time: at})
	if err != nil {
		return err
	}
	return body.Close()
}

// Healthy returns nil when the supervisor answers.
func (c *Client) Healthy(ctx context.Context) error {
	body, err := c.do(ctx, http.MethodGet, "/v1/health", nil)
	if err != nil {
		return err
	}
	return body.Close()
}

// LogsOptions choose lines of a command's output.
type LogsOptions struct {
	// Tail limits to the last kept lines; 0 for all.
	Tail int
	// Since leaves out older lines.
	Since time.Time
	// Follow goes on with new lines; Ended stops following when the process has ended.
	Follow, Ended bool
	// Debugs says that who follows debugs the program, and joins it again whenever it is started again.
	Debugs bool
}

// Logs calls emit with each line. It returns nil at the end of what was asked for, and the connection's error,
// io.ErrUnexpectedEOF included, when following ends otherwise than by ctx.
func (c *Client) Logs(ctx context.Context, name string, o LogsOptions, emit func(Line) error) error {
	query := url.Values{
		"tail":   {strconv.Itoa(o.Tail)},
		"follow": {strconv.FormatBool(o.Follow)},
		"ended":  {strconv.FormatBool(o.Ended)},
		"debugs": {strconv.FormatBool(o.Debugs)},
		"since":  {o.Since.Format(time.RFC3339Nano)},
	}
	body, err := c.do(ctx, http.MethodGet, "/v1/commands/"+name+"/logs?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return readLog(body, o.Follow, emit)
}

// readLog calls emit with each line of an answer, until its end.
func readLog(from io.Reader, follow bool, emit func(Line) error) error {
	reader := bufio.NewReaderSize(from, maxLogEntry)
	for {
		text, err := reader.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(text) == 0 && !follow:
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case errors.Is(err, bufio.ErrBufferFull):
			return &bound.Error{Limit: maxLogEntry}
		case err != nil:
			return err
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return err
		}
		if l.Stream == endOfLog {
			return nil
		}
		if err := emit(l); err != nil {
			return err
		}
	}
}
