package adapter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
)

// mapping gives clients of another computer their own paths: LLDB's adapter takes a sourceMap only for folders that it
// sees itself. So the client's is taken out of its attach or launch request, and applied to what both say. It also says
// which process a client means that attaches: by the name alone, LLDB's adapter waits for ever where several have it.
type mapping struct {
	pid   int // 0 where it is not known
	mu    sync.Mutex
	pairs [][2]string // the path here, and the client's
}

// longest limits a message: a client can't make the adapter keep more.
const longest = 64 << 20

// relay passes messages on, changed, until the reader ends.
func relay(w io.Writer, r io.Reader, change func(map[string]any) bool) error {
	lines := textproto.NewReader(bufio.NewReader(r))
	for {
		header, err := lines.ReadMIMEHeader()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		size, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil || size < 0 || size > longest {
			return fmt.Errorf("a message of %q bytes", header.Get("Content-Length"))
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(lines.R, text); err != nil {
			return err
		}
		var message map[string]any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&message) == nil && change(message) {
			if text, err = json.Marshal(message); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(w, "Content-Length: %d\r\n\r\n%s", len(text), text); err != nil {
			return err
		}
	}
}

// fromClient changes a client's message.
func (m *mapping) fromClient(message map[string]any) bool {
	arguments, _ := message["arguments"].(map[string]any)
	list, given := arguments["sourceMap"].([]any)
	named := m.pid != 0 && message["command"] == "attach" && arguments["pid"] == nil && arguments != nil
	if named {
		arguments["pid"] = m.pid
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if given {
		delete(arguments, "sourceMap")
		m.pairs = nil
		for _, entry := range list {
			if pair, ok := entry.([]any); ok && len(pair) == 2 {
				m.pairs = append(m.pairs, [2]string{fmt.Sprint(pair[0]), fmt.Sprint(pair[1])})
			}
		}
		return true
	}
	return rewrite(message, func(path string) string { return m.translate(path, 1, 0) }) || named
}

// fromAdapter changes an adapter's message.
func (m *mapping) fromAdapter(message map[string]any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return rewrite(message, func(path string) string { return m.translate(path, 0, 1) })
}

// translate replaces a path's beginning. A client on Windows writes its own with backslashes.
func (m *mapping) translate(path string, from, to int) string {
	for _, pair := range m.pairs {
		rest, ok := strings.CutPrefix(path, pair[from])
		if !ok || rest != "" && !strings.ContainsAny(rest[:1], `/\`) {
			continue
		}
		if strings.Contains(pair[1], `\`) {
			rest = strings.NewReplacer(`\`, separator(pair[to]), "/", separator(pair[to])).Replace(rest)
		}
		return pair[to] + rest
	}
	return path
}

func separator(path string) string {
	if strings.Contains(path, `\`) {
		return `\`
	}
	return "/"
}

// rewrite changes the path of every source in a value, and says whether there was anything to change.
func rewrite(value any, change func(string) string) (changed bool) {
	switch v := value.(type) {
	case map[string]any:
		if source, ok := v["source"].(map[string]any); ok {
			if path, ok := source["path"].(string); ok {
				source["path"] = change(path)
				changed = source["path"] != path
			}
		}
		for _, inner := range v {
			changed = rewrite(inner, change) || changed
		}
	case []any:
		for _, inner := range v {
			changed = rewrite(inner, change) || changed
		}
	}
	return changed
}
