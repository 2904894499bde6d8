package supervise

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"

	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/resume"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// A console is a program whose streams lead to a caller: a terminal's shell, or a command. Its connection begins as an
// HTTP request that is upgraded, and goes on as the messages below. A caller whose connection broke comes back to the
// same program.

// Attach asks for a console.
type Attach struct {
	// ID is that of a console that is there. Newest means the last terminal that lives. With neither, a program is
	// started.
	ID     string `json:"id,omitempty"`
	Newest bool   `json:"newest,omitempty"`
	// Caller is who asks, by a name of their own. Resume says that they had this console before, and Received messages
	// of it.
	Caller   string `json:"caller"`
	Resume   bool   `json:"resume,omitempty"`
	Received uint64 `json:"received,omitempty"`
	// Argv is the program to start; empty means a shell: Shell, or the first that the image has.
	Argv  []string          `json:"argv,omitempty"`
	Shell string            `json:"shell,omitempty"`
	Env   map[string]string `json:"env,omitempty"`
	Dir   string            `json:"dir,omitempty"`
	// Size is that of the caller's terminal; the program has a terminal, too. Without it, the program has pipes.
	Size *Size `json:"size,omitempty"`
	// Keep says that the program goes on without anyone, as a terminal's shell does. Others are hung up a while after
	// their caller left.
	Keep bool `json:"keep,omitempty"`
}

// Size is a terminal's, in characters.
type Size struct {
	Columns uint16 `json:"columns"`
	Rows    uint16 `json:"rows"`
}

// Attached says which console it is, and where the conversation goes on.
type Attached struct {
	ID string `json:"id"`
	resume.Position
}

// The kinds of a console's messages.
const (
	KindInput  byte = iota + 1 // to the program
	KindEOF                    // the input has ended
	KindSize                   // a Size
	KindSignal                 // a name, such as INT
	KindOutput
	KindError // standard error, where the program has no terminal
	KindExit  // an Exit; the last message
)

// Exit is how a console's program ended.
type Exit struct {
	// Code is the exit code, or 128 and the number of the signal that ended it, as shells have it.
	Code int `json:"code"`
	// Reason says why, where it was not the program's own doing.
	Reason string `json:"reason,omitempty"`
}

// ConsoleWindow is how many bytes may be on their way to a program or from it.
const ConsoleWindow = 256 << 10

// ErrTaken says that another caller has the console now. ErrNoConsole says that there is none (any more).
var (
	ErrTaken     = errors.New("another terminal took over")
	ErrNoConsole = errors.New("there is no such terminal or command any more")
)

// consoleProtocol is what a console's connection is upgraded to, and attachedHeader has the Attached then.
const (
	consoleProtocol = "nhctl-console"
	attachedHeader  = "Nhctl-Attached"
)

// Attach makes a connection of its own to a console. ctx limits the asking alone.
func (c *Client) Attach(ctx context.Context, a Attach) (net.Conn, Attached, error) {
	var answer Attached
	body, err := json.Marshal(a)
	if err != nil {
		return nil, answer, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://supervisor/v1/consoles", bytes.NewReader(body))
	if err != nil {
		return nil, answer, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", consoleProtocol)
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, answer, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	head := &head{Reader: conn, left: maxHead}
	reader := bufio.NewReader(head)
	err = ask(request, conn, reader, &answer)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, answer, err
	}
	head.left = math.MaxInt64 // what comes next are messages, which have limits of their own
	return wire.Peeked{Conn: conn, Reader: reader}, answer, nil
}

// maxHead is how much is read of the answer to an upgrade, in bytes.
const maxHead = 64 << 10

// head is a reader of so much, and no more.
type head struct {
	io.Reader
	left int64
}

func (h *head) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, &bound.Error{Limit: maxHead}
	}
	n, err := h.Reader.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}

func ask(request *http.Request, conn io.Writer, reader *bufio.Reader, answer *Attached) error {
	if err := request.Write(conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return err
	}
	switch response.StatusCode {
	case http.StatusSwitchingProtocols:
		return json.Unmarshal([]byte(response.Header.Get(attachedHeader)), answer)
	case http.StatusConflict:
		return ErrTaken
	case http.StatusNotFound:
		return ErrNoConsole
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	return Refusal(strings.TrimSpace(string(text)))
}

// HangUp ends a console's program, as closing its terminal does. One that has ended already is fine.
func (c *Client) HangUp(ctx context.Context, id string) error {
	body, err := c.do(ctx, http.MethodDelete, "/v1/consoles/"+id, nil)
	if err != nil {
		return err
	}
	return body.Close()
}
