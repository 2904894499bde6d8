package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// editor is a client of a server, on pipes.
type editor struct {
	t      *testing.T
	client *jrpc2.Client
	folder string
	// in is what the server reads, done its end.
	in   *io.PipeWriter
	done chan error

	mu sync.Mutex
	// found are the findings that the editor shows, by file, as LINE:CHARACTER-CHARACTER CODE; told counts the
	// messages.
	found map[string][]string
	told  map[string]int
	asked []string
}

// newEditor starts a server and an editor with a folder.
func newEditor(t *testing.T, options string) *editor {
	t.Helper()
	e := &editor{
		t:      t,
		folder: t.TempDir(),
		done:   make(chan error, 1),
		found:  map[string][]string{},
		told:   map[string]int{},
	}
	if err := os.Mkdir(filepath.Join(e.folder, ".dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	e.in = toServer
	go func() {
		e.done <- Serve(t.Context(), in, out, Options{Version: "test"})
		in.Close()
		out.Close()
	}()
	e.client = jrpc2.NewClient(channel.LSP(fromServer, toServer), &jrpc2.ClientOptions{
		OnNotify: e.hear,
		OnCallback: func(_ context.Context, r *jrpc2.Request) (any, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.asked = append(e.asked, r.Method())
			return nil, nil
		},
	})
	t.Cleanup(func() { toServer.Close(); e.client.Close() })
	if options != "" {
		e.initialize(options)
	}
	return e
}

func (e *editor) initialize(options string) (result protocol.Initialized) {
	e.t.Helper()
	e.call(protocol.MethodInitialize, fmt.Sprintf(`{"processId": null, "rootUri": null, "initializationOptions": %s,
		"workspaceFolders": [{"uri": %q, "name": "shop"}], "capabilities": {
		"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}},
		"textDocument": {"hover": {"contentFormat": ["markdown"]}}}}`, options, uriOf(e.folder)), &result)
	e.tell(protocol.MethodInitialized, "{}")
	return result
}

// raw is JSON as it is.
type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func (e *editor) hear(r *jrpc2.Request) {
	if r.Method() != protocol.MethodPublishDiagnostics {
		return
	}
	var d protocol.Diagnostics
	if err := r.UnmarshalParams(&d); err != nil {
		e.t.Error(err)
	}
	var list []string
	for _, x := range d.Diagnostics {
		start, end := x.Range.Start, x.Range.End
		list = append(list, fmt.Sprintf("%d:%d-%d %s", start.Line, start.Character, end.Character, x.Code))
	}
	name, err := filepath.Rel(e.folder, pathOf(d.URI))
	if err != nil {
		e.t.Error(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.found[filepath.ToSlash(name)] = list
	e.told[filepath.ToSlash(name)]++
}

// hears is how often the editor was told of a file's findings.
func (e *editor) hears(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told[name]
}

// asks are the server's requests so far.
func (e *editor) asks() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

func (e *editor) uri(name string) string {
	return uriOf(filepath.Join(e.folder, filepath.FromSlash(name)))
}

func (e *editor) call(method, params string, result any) {
	e.t.Helper()
	if err := e.client.CallResult(e.t.Context(), method, raw(params), result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

// refuses calls what has to fail with a code.
func (e *editor) refuses(method, params string, want int) {
	e.t.Helper()
	if err := e.client.CallResult(e.t.Context(), method, raw(params), nil); code(err) != want {
		e.t.Errorf("%s %s: %v, want %d", method, params, err, want)
	}
}

func (e *editor) tell(method, params string) {
	e.t.Helper()
	if err := e.client.Notify(e.t.Context(), method, raw(params)); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) open(name, text string) {
	e.tell(protocol.MethodDidOpen, fmt.Sprintf(
		`{"textDocument": {"uri": %q, "languageId": "yaml", "version": 1, "text": %q}}`, e.uri(name), text))
}

// change inserts a text.
func (e *editor) change(name string, version, line, character int, text string) {
	at := fmt.Sprintf(`{"line": %d, "character": %d}`, line, character)
	e.tell(protocol.MethodDidChange, fmt.Sprintf(`{"textDocument": {"uri": %q, "version": %d},
		"contentChanges": [{"range": {"start": %s, "end": %s}, "text": %q}]}`, e.uri(name), version, at, at, text))
}

// shows compares the findings that the editor shows, once the server has had time for them.
func (e *editor) shows(want map[string][]string) {
	e.t.Helper()
	wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if diff := cmp.Diff(want, e.found); diff != "" {
		e.t.Errorf("findings: -want +got:\n%s", diff)
	}
}

// wait lets the time pass that the server waits for further changes. It is the bubble's.
func wait() {
	time.Sleep(2 * pause)
	synctest.Wait()
}

func TestSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEditor(t, "")
		const config = ".dev/config.yaml"
		e.refuses(protocol.MethodHover, "{}", protocol.NotInitialized)
		got := e.initialize(`{"commands": ["nhctl.start"]}`)
		want := protocol.Initialized{ServerInfo: protocol.ServerInfo{Name: "nhctl", Version: "test"}}
		want.Capabilities = protocol.ServerCapabilities{
			PositionEncoding:       "utf-16",
			TextDocumentSync:       protocol.Sync{OpenClose: true, Change: protocol.Incremental, Save: true},
			CompletionProvider:     &protocol.CompletionOptions{TriggerCharacters: []string{" ", "$", "{", "/"}},
			HoverProvider:          true,
			DefinitionProvider:     true,
			DocumentSymbolProvider: true,
			FoldingRangeProvider:   true,
			CodeActionProvider:     protocol.CodeActionOptions{CodeActionKinds: []string{protocol.QuickFix}},
			CodeLensProvider:       &struct{}{},
		}
		want.Capabilities.Workspace.WorkspaceFolders.Supported = true
		want.Capabilities.Workspace.WorkspaceFolders.ChangeNotifications = true
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		e.open(config, "name: web\nserviceType: jobb\n")
		e.shows(map[string][]string{config: {"1:13-17 not-one-of"}})
		if diff := cmp.Diff([]string{protocol.MethodRegister}, e.asks()); diff != "" {
			t.Error(diff)
		}
		e.change(config, 2, 2, 0, "nme: x\n")
		e.change(config, 3, 1, 16, "b")
		e.change(config, 4, 0, 0, "# 𐐀\n")
		e.shows(map[string][]string{config: {"2:13-18 not-one-of", "3:0-3 unknown-field"}})

		of := fmt.Sprintf(`{"textDocument": {"uri": %q}}`, e.uri(config))
		at := fmt.Sprintf(`{"textDocument": {"uri": %q}, "position": {"line": 1, "character": 1}}`, e.uri(config))
		var completions protocol.Completions
		e.call(protocol.MethodCompletion, at, &completions)
		var hover protocol.Hover
		e.call(protocol.MethodHover, at, &hover)
		var lenses []protocol.Lens
		e.call(protocol.MethodCodeLens, of, &lenses)
		var symbols []protocol.Symbol
		e.call(protocol.MethodDocumentSymbol, of, &symbols)
		var folds []protocol.Fold
		e.call(protocol.MethodFoldingRange, of, &folds)
		var places []protocol.Location
		e.call(protocol.MethodDefinition, at, &places)
		var actions []protocol.Action
		e.call(protocol.MethodCodeAction, fmt.Sprintf(`{"textDocument": {"uri": %q}, "context": {"diagnostics": []},
			"range": {"start": {"line": 3, "character": 1}, "end": {"line": 3, "character": 1}}}`, e.uri(config)),
			&actions)
		said := []any{completions.Items[0].Label, hover.Contents.Kind, len(lenses), symbols[0].Name, len(folds),
			len(places), actions[0].Title}
		if diff := cmp.Diff([]any{"name", "markdown", 0, "web", 0, 0, `Change to "name"`}, said); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		e.refuses(protocol.MethodHover, "[1]", int(jrpc2.InvalidParams))
		e.refuses("workspace/unknown", "{}", int(jrpc2.MethodNotFound))
		var nothing any
		e.call(protocol.MethodShutdown, "null", &nothing)
		e.refuses(protocol.MethodHover, at, int(jrpc2.InvalidRequest))
		e.tell(protocol.MethodExit, "null")
		if err := <-e.done; err != nil {
			t.Error(err)
		}
	})
}

func code(err error) int {
	var e *jrpc2.Error
	if errors.As(err, &e) {
		return int(e.Code)
	}
	return 0
}

// What is open in the editor counts, not the disk; files of one config are checked together.
func TestFilesOfAConfig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEditor(t, "{}")
		e.write(".dev/config.yaml", "name: disk\nmode: x\n")
		e.write(".dev/part.yaml", "shell: [")
		e.open(".dev/config.yaml", "name: web\ncontainers:\n- dev:\n    ${_INCLUDE_:- ./part.yaml | nindent 4}\n")
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": {"0:0-8 syntax"}})
		e.open(".dev/part.yaml", "shel: sh\n")
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": {"0:0-4 unknown-field"}})
		e.open(".dev/local.yaml", "containers:\n- dev: {mode: no}\n")
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": {"0:0-4 unknown-field"},
			".dev/local.yaml": {"1:14-16 not-one-of"}})
		e.close(".dev/part.yaml")
		e.write(".dev/part.yaml", "shell: sh\n")
		e.tell(protocol.MethodDidChangeFiles,
			fmt.Sprintf(`{"changes": [{"uri": %q, "type": 2}]}`, e.uri(".dev/part.yaml")))
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": nil,
			".dev/local.yaml": {"1:14-16 not-one-of"}})
		e.close(".dev/config.yaml")
		e.close(".dev/local.yaml")
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": nil, ".dev/local.yaml": nil})
		e.open("deploy.yaml", "name: [\n")
		e.open("untitled:1", "name: [\n")
		e.shows(map[string][]string{".dev/config.yaml": nil, ".dev/part.yaml": nil, ".dev/local.yaml": nil})
	})
}

func (e *editor) write(name, text string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.folder, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) close(name string) {
	e.tell(protocol.MethodDidClose, fmt.Sprintf(`{"textDocument": {"uri": %q}}`, e.uri(name)))
}

// While someone types, nothing is checked; then once.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEditor(t, "{}")
		e.open(".dev/config.yaml", "")
		for i, c := range "name: web" {
			e.change(".dev/config.yaml", i+2, 0, i, string(c))
			time.Sleep(pause / 2)
			synctest.Wait()
		}
		if e.hears(".dev/config.yaml") != 0 {
			t.Error("a config is checked while it is typed")
		}
		e.shows(map[string][]string{".dev/config.yaml": nil})
		if n := e.hears(".dev/config.yaml"); n != 1 {
			t.Errorf("the editor hears %d times", n)
		}
	})
}

// Where another extension serves the schema, findings of the schema are left to it, and fixes are not.
func TestWithoutSchema(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEditor(t, "")
		got := e.initialize(`{"schema": false}`)
		if c := got.Capabilities; c.CompletionProvider != nil || c.HoverProvider || c.CodeLensProvider != nil {
			t.Errorf("%+v", c)
		}
		e.open(".dev/config.yaml", "nme: web\ncontainers: [{dev: {portForward: [99999]}}]\n")
		e.shows(map[string][]string{".dev/config.yaml": {"0:0-3 missing-field", "1:34-39 bad-value"}})
		var actions []protocol.Action
		e.call(protocol.MethodCodeAction, fmt.Sprintf(`{"textDocument": {"uri": %q}, "context": {"diagnostics": []},
			"range": {"start": {"line": 0, "character": 1}, "end": {"line": 0, "character": 1}}}`,
			e.uri(".dev/config.yaml")), &actions)
		var titles []string
		for _, a := range actions {
			titles = append(titles, a.Title)
		}
		if diff := cmp.Diff([]string{"Change to \"name\"", "Remove nme", "Add name"}, titles); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// A client that goes, or talks nonsense, ends the server; it gets the answers to what it has asked before.
func TestEnds(t *testing.T) {
	t.Parallel()
	const initialize = `{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}`
	const shutdown = `{"jsonrpc": "2.0", "id": 2, "method": "shutdown"}`
	const exit = `{"jsonrpc": "2.0", "method": "exit"}`
	all := frameOf(initialize) + frameOf(shutdown) + frameOf(exit)
	for name, tt := range map[string]struct{ text, err, answers string }{
		"nothing":    {"", ErrNoShutdown.Error(), ""},
		"exit alone": {frameOf(initialize) + frameOf(exit), ErrNoShutdown.Error(), "1"},
		"no exit":    {frameOf(initialize) + frameOf(shutdown), ErrNoShutdown.Error(), "1 2"},
		"no header": {
			"x\n",
			"read from the editor: no message with a Content-Length: a line of its header has no colon: \"x\"",
			"",
		},
		"as it should be":   {all, "<nil>", "1 2"},
		"more after exit":   {all + frameOf(shutdown), "<nil>", "1 2"},
		"no JSON, then all": {frameOf("{") + all, "<nil>", "1 2"},
		"an odd id":         {frameOf(`{"jsonrpc": "2.0", "id": {}, "method": "x"}`) + all, "<nil>", "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := Serve(t.Context(), strings.NewReader(tt.text), &out, Options{})
			if got := fmt.Sprint(err); got != tt.err {
				t.Errorf("%s, want %s", got, tt.err)
			}
			var answers []string
			for _, id := range []string{"1", "2"} {
				if strings.Contains(out.String(), `"id":`+id+`,`) {
					answers = append(answers, id)
				}
			}
			if got := strings.Join(answers, " "); got != tt.answers {
				t.Errorf("answers to %q, want %q, in %s", got, tt.answers, out.String())
			}
		})
	}
}

// A request that has been cancelled has no other answer.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.guarded(protocol.MethodHover, on(w.server, w.hover))(ctx, &jrpc2.Request{})
	if code(err) != protocol.RequestCancelled {
		t.Error(err)
	}
}

// A fault in one request is that request's error.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.conn = jrpc2.NewServer(w.handlers(), nil)
	fault := on(w.server, func(protocol.At) any { panic("no such luck") })
	_, err := w.guarded(protocol.MethodHover, fault)(t.Context(), &jrpc2.Request{})
	if code(err) != int(jrpc2.InternalError) || !strings.Contains(err.Error(), "no such luck") {
		t.Error(err)
	}
	if h, err := w.guarded(protocol.MethodHover, on(w.server, w.hover))(t.Context(), &jrpc2.Request{}); err != nil {
		t.Errorf("%v, %v", h, err)
	}
}
