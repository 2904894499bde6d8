// Package recording is for tests: it records what a client and the daemon say to each other, checks recordings against
// the schemas and the types of this build, and plays the daemon's part of one to a client.
package recording

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
)

// Line is one that the client or the daemon has said.
type Line struct {
	Client *Message `json:"client,omitempty"`
	Daemon *Message `json:"daemon,omitempty"`
}

// Message is a line of JSON-RPC.
type Message struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id,omitempty"`
	Method  string            `json:"method,omitempty"`
	Params  json.RawMessage   `json:"params,omitempty"`
	Result  json.RawMessage   `json:"result,omitempty"`
	Error   *rpc.MessageError `json:"error,omitempty"`
}

//go:embed testdata
var golden embed.FS

// Each runs a test of each recording that is kept, by its name.
func Each(t *testing.T, test func(t *testing.T, lines []Line)) {
	t.Helper()
	all, err := kept()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d recordings: %v", len(all), err)
	}
	for name, lines := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, lines)
		})
	}
}

// kept are the recordings that are kept, by their names.
func kept() (map[string][]Line, error) {
	all := map[string][]Line{}
	names, err := fs.Glob(golden, "testdata/*.jsonl")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := golden.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var lines []Line
		for line := range bytes.Lines(text) {
			var l Line
			if err := json.Unmarshal(line, &l); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			lines = append(lines, l)
		}
		all[strings.TrimSuffix(path.Base(name), ".jsonl")] = lines
	}
	return all, nil
}

// Write writes a recording; words that differ from run to run are replaced.
func Write(file string, lines []Line, replace *strings.Replacer) error {
	var b bytes.Buffer
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b.WriteString(replace.Replace(string(text)) + "\n")
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// Recorder is a socket in front of the daemon's, which keeps what goes over it.
type Recorder struct {
	listener net.Listener
	daemon   string
	serving  sync.WaitGroup

	mu          sync.Mutex
	connections [][]Line
}

// Record listens at a path of its own.
func Record(listen, daemon string) (*Recorder, error) {
	listener, err := net.Listen("unix", listen)
	if err != nil {
		return nil, err
	}
	r := &Recorder{listener: listener, daemon: daemon}
	r.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			number := len(r.connections)
			r.connections = append(r.connections, nil)
			r.mu.Unlock()
			r.serving.Go(func() { r.join(number, conn) })
		}
	})
	return r, nil
}

// Stop returns what went over each connection, after all have ended.
func (r *Recorder) Stop() [][]Line {
	_ = r.listener.Close()
	r.serving.Wait()
	return r.connections
}

func (r *Recorder) join(number int, client net.Conn) {
	defer client.Close()
	daemon, err := net.Dial("unix", r.daemon)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		r.copy(number, client, daemon, func(m *Message) Line { return Line{Daemon: m} })
	})
	r.copy(number, daemon, client, func(m *Message) Line { return Line{Client: m} })
	daemon.Close()
	back.Wait()
}

// copy keeps each line before the other end gets it.
func (r *Recorder) copy(number int, to io.Writer, from io.Reader, said func(*Message) Line) {
	reader := bufio.NewReader(from)
	for {
		text, err := reader.ReadBytes('\n')
		if err != nil {
			return
		}
		m := &Message{}
		if json.Unmarshal(text, m) == nil {
			r.mu.Lock()
			r.connections[number] = append(r.connections[number], said(m))
			r.mu.Unlock()
		}
		if _, err := to.Write(text); err != nil {
			return
		}
	}
}

// Play is the daemon of a recording: it answers a client that says the same.
func Play(conn io.ReadWriter, lines []Line) error {
	reader := bufio.NewReader(conn)
	for i, l := range lines {
		if l.Daemon != nil {
			text, err := json.Marshal(l.Daemon)
			if err == nil {
				_, err = conn.Write(append(text, '\n'))
			}
			if err != nil {
				return err
			}
			continue
		}
		text, err := reader.ReadBytes('\n')
		if err != nil {
			return err
		}
		var said Message
		if err := json.Unmarshal(text, &said); err != nil {
			return err
		}
		if !sameMessage(said, *l.Client) {
			return fmt.Errorf("line %d: the client says %s, and said %s", i+1, text, l.Client.Method)
		}
	}
	return nil
}

func sameMessage(a, b Message) bool {
	same := func(a, b json.RawMessage) bool {
		var x, y any
		_, _ = json.Unmarshal(a, &x), json.Unmarshal(b, &y) // nothing is nil
		return reflect.DeepEqual(x, y)
	}
	return a.Method == b.Method && same(a.ID, b.ID) && same(a.Params, b.Params)
}

// decode reads a value strictly as a type of this build has it.
func decode(text json.RawMessage, as any) error {
	if as == nil || len(text) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(reflect.TypeOf(as).Elem()).Interface())
}

// Methods are those that the calls of a recording have, by their ids.
func Methods(lines []Line) map[string]string {
	methods := map[string]string{}
	for _, l := range lines {
		if l.Client != nil && l.Client.ID != nil {
			methods[string(l.Client.ID)] = l.Client.Method
		}
	}
	return methods
}

// described is a method of this build.
func described(method string) (rpcschema.Method, error) {
	m, there := rpcschema.Methods()[method]
	if !there {
		return m, fmt.Errorf("there is no method %q", method)
	}
	return m, nil
}
