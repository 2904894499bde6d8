// Package lsp is a language server for the config: completion, documentation, findings, definitions, fixes and lenses,
// by the Language Server Protocol on a pair of streams. It works without a cluster, a daemon or a network, runs
// nothing, and reads no file outside of the folders that the editor has open. What fields there are and mean, config
// knows.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// Options are what the server has from its process.
type Options struct {
	// Version is nhctl's.
	Version string
	// Env are the variables that a config's text may name.
	Env map[string]string
}

// ErrNoShutdown is the error of a client that goes without having said so.
var ErrNoShutdown = errors.New("the editor has gone without shutdown and exit")

// Serve answers one client until that has gone, or ctx ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	frames := newFrames(ctx, in, out)
	s := &server{
		options: o,
		life:    ctx,
		files:   files{open: map[string]*document{}},
		checker: newChecker(),
	}
	s.conn = jrpc2.NewServer(s.handlers(), &jrpc2.ServerOptions{AllowPush: true, Concurrency: 1})
	s.asking.Go(s.check)
	err := s.conn.Start(frames).Wait()
	stopped := ctx.Err() != nil
	cancel()
	s.asking.Wait()
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("read from the editor: %w", err)
	case !(frames.shutdown && frames.exit) && !stopped:
		return ErrNoShutdown
	}
	return nil
}

// server is one client's.
type server struct {
	options Options
	conn    *jrpc2.Server
	// life ends with the connection; asking is the work that ends with it.
	life   context.Context
	asking sync.WaitGroup

	// mu guards all below. Calls have the server to themselves.
	mu sync.Mutex
	phase
	settings settings
	client   client
	files
	checker
}

// phase is a part of a connection's life.
type phase int

const (
	fresh phase = iota
	up
	down
)

// settings are the client's initializationOptions.
type settings struct {
	// Schema is false where another extension completes, explains and checks by the schema.
	Schema *bool `json:"schema"`
	// Commands are those that the client has.
	Commands []string `json:"commands"`
}

func (s settings) schema() bool { return s.Schema == nil || *s.Schema }

// client is what the client can do.
type client struct {
	encoding
	snippets, markdown, asIs, watches bool
}

// method answers one method. Its result may be nil.
type method func(ctx context.Context, request *jrpc2.Request) (any, error)

// on makes a method of a function with parameters. The function has the server to itself.
func on[P, R any](s *server, do func(P) R) method {
	return func(_ context.Context, request *jrpc2.Request) (any, error) {
		var params P
		if err := request.UnmarshalParams(&params); err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return do(params), nil
	}
}

// news makes a method of a notification.
func news[P any](s *server, do func(P)) method {
	return on(s, func(params P) any { do(params); return nil })
}

func (s *server) handlers() handler.Map {
	methods := map[string]method{
		protocol.MethodInitialize:       on(s, s.initialize),
		protocol.MethodInitialized:      s.initialized,
		protocol.MethodShutdown:         on(s, func(struct{}) any { s.phase = down; return nil }),
		protocol.MethodExit:             news(s, func(struct{}) {}),
		protocol.MethodCancel:           s.cancel,
		protocol.MethodSetTrace:         news(s, func(json.RawMessage) {}),
		protocol.MethodDidOpen:          news(s, s.didOpen),
		protocol.MethodDidChange:        news(s, s.didChange),
		protocol.MethodDidSave:          news(s, s.didSave),
		protocol.MethodDidClose:         news(s, s.didClose),
		protocol.MethodDidChangeFolders: news(s, s.didChangeFolders),
		protocol.MethodDidChangeFiles:   news(s, s.didChangeFiles),
		protocol.MethodCompletion:       on(s, s.completion),
		protocol.MethodHover:            on(s, s.hover),
		protocol.MethodDefinition:       on(s, s.definition),
		protocol.MethodCodeAction:       on(s, s.codeAction),
		protocol.MethodCodeLens:         on(s, s.codeLens),
		protocol.MethodDocumentSymbol:   on(s, s.documentSymbol),
		protocol.MethodFoldingRange:     on(s, s.foldingRange),
	}
	all := handler.Map{}
	for name, m := range methods {
		all[name] = s.guarded(name, m)
	}
	return all
}

// guarded lets a method be called in its time only, and makes a panic the error of that call.
func (s *server) guarded(name string, do method) jrpc2.Handler {
	return func(ctx context.Context, request *jrpc2.Request) (result any, err error) {
		defer func() {
			if r := recover(); r != nil {
				s.log("%s: %v\n%s", name, r, debug.Stack())
				result, err = nil, jrpc2.Errorf(jrpc2.InternalError, "the language server failed in %s: %v", name, r)
			}
		}()
		s.mu.Lock()
		at := s.phase
		s.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return nil, jrpc2.Errorf(protocol.RequestCancelled, "%s was cancelled", name)
		case at == down, at == up && name == protocol.MethodInitialize:
			return nil, jrpc2.Errorf(jrpc2.InvalidRequest, "%s comes too late", name)
		case at == fresh && name != protocol.MethodInitialize:
			return nil, jrpc2.Errorf(protocol.NotInitialized, "%s comes before initialize", name)
		}
		return do(ctx, request)
	}
}

// log tells the editor's log of a fault of the server's own.
func (s *server) log(format string, args ...any) {
	_ = s.conn.Notify(context.Background(), protocol.MethodLogMessage,
		protocol.Log{Type: protocol.LogError, Message: fmt.Sprintf(format, args...)})
}

// cancel ends a request that waits.
func (*server) cancel(ctx context.Context, request *jrpc2.Request) (any, error) {
	var p protocol.Cancel
	if err := request.UnmarshalParams(&p); err != nil {
		return nil, err
	}
	jrpc2.ServerFromContext(ctx).CancelRequest(string(p.ID))
	return nil, nil
}

func (s *server) initialize(p protocol.Initialize) protocol.Initialized {
	s.phase = up
	_ = json.Unmarshal(p.InitializationOptions, &s.settings) // what is not as it should be counts as not given
	text := p.Capabilities.TextDocument
	s.client = client{
		encoding: chosen(p.Capabilities.General.PositionEncodings),
		snippets: text.Completion.CompletionItem.SnippetSupport,
		markdown: has(text.Hover.ContentFormat, protocol.Markdown),
		asIs:     has(text.Completion.CompletionItem.InsertTextModeSupport.ValueSet, protocol.AsIs),
		watches:  p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration,
	}
	folders := p.WorkspaceFolders
	if folders == nil && p.RootURI != "" {
		folders = []protocol.Folder{{URI: p.RootURI}}
	}
	for _, f := range folders {
		s.addFolder(f.URI)
	}
	result := protocol.Initialized{ServerInfo: protocol.ServerInfo{Name: "nhctl", Version: s.options.Version}}
	c := &result.Capabilities
	c.PositionEncoding = string(s.client.encoding)
	c.TextDocumentSync = protocol.Sync{OpenClose: true, Change: protocol.Incremental, Save: true}
	c.DefinitionProvider, c.DocumentSymbolProvider, c.FoldingRangeProvider = true, true, true
	c.CodeActionProvider.CodeActionKinds = []string{protocol.QuickFix}
	c.Workspace.WorkspaceFolders = protocol.FolderOptions{Supported: true, ChangeNotifications: true}
	if s.settings.schema() {
		c.CompletionProvider = &protocol.CompletionOptions{TriggerCharacters: []string{" ", "$", "{", "/"}}
		c.HoverProvider = true
	}
	if len(s.lensCommands()) > 0 {
		c.CodeLensProvider = &struct{}{}
	}
	return result
}

func has[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// initialized asks for news of files on the disk. The answer of the client does not matter.
func (s *server) initialized(context.Context, *jrpc2.Request) (any, error) {
	s.mu.Lock()
	watches := s.client.watches
	s.mu.Unlock()
	if !watches {
		return nil, nil
	}
	files := protocol.Registration{
		ID:     "files",
		Method: protocol.MethodDidChangeFiles,
		RegisterOptions: protocol.Watch{
			Watchers: []protocol.Watcher{{GlobPattern: "**/.dev/**"}, {GlobPattern: "**/.nocalhost/**"}},
		},
	}
	s.asking.Go(func() {
		_, _ = s.conn.Callback(s.life, protocol.MethodRegister,
			protocol.Register{Registrations: []protocol.Registration{files}})
	})
	return nil, nil
}
