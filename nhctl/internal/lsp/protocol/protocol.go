// Package protocol has those types of the Language Server Protocol 3.17 that the server for the config uses. Names and
// numbers are the protocol's; what a type lacks here, the server neither reads nor says.
package protocol

import "encoding/json"

// The methods.
const (
	MethodInitialize         = "initialize"
	MethodInitialized        = "initialized"
	MethodShutdown           = "shutdown"
	MethodExit               = "exit"
	MethodCancel             = "$/cancelRequest"
	MethodSetTrace           = "$/setTrace"
	MethodDidOpen            = "textDocument/didOpen"
	MethodDidChange          = "textDocument/didChange"
	MethodDidSave            = "textDocument/didSave"
	MethodDidClose           = "textDocument/didClose"
	MethodDidChangeFolders   = "workspace/didChangeWorkspaceFolders"
	MethodDidChangeFiles     = "workspace/didChangeWatchedFiles"
	MethodPublishDiagnostics = "textDocument/publishDiagnostics"
	MethodLogMessage         = "window/logMessage"
	MethodRegister           = "client/registerCapability"
	MethodCompletion         = "textDocument/completion"
	MethodHover              = "textDocument/hover"
	MethodDefinition         = "textDocument/definition"
	MethodCodeAction         = "textDocument/codeAction"
	MethodCodeLens           = "textDocument/codeLens"
	MethodDocumentSymbol     = "textDocument/documentSymbol"
	MethodFoldingRange       = "textDocument/foldingRange"
)

// The codes of errors that JSON-RPC does not have.
const (
	NotInitialized   = -32002
	RequestCancelled = -32800
)

// Position is a place between two characters. Lines count from 0; what Character counts, from 0, is agreed upon.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// Range ends before End.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Location is a range of a document.
type Location struct {
	URI   string `json:"uri"`
	Range Range  `json:"range"`
}

// The names of what Character counts.
const (
	UTF8  = "utf-8"
	UTF16 = "utf-16"
	UTF32 = "utf-32"
)

// Initialize is the first request's parameters.
type Initialize struct {
	RootURI          string             `json:"rootUri,omitempty"`
	WorkspaceFolders []Folder           `json:"workspaceFolders,omitempty"`
	Capabilities     ClientCapabilities `json:"capabilities"`
	// InitializationOptions are as the server defines them.
	InitializationOptions json.RawMessage `json:"initializationOptions,omitempty"`
}

// Folder is a folder that the editor has open.
type Folder struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// ClientCapabilities say what the editor can do.
type ClientCapabilities struct {
	General struct {
		PositionEncodings []string `json:"positionEncodings,omitempty"`
	} `json:"general"`
	Workspace struct {
		DidChangeWatchedFiles struct {
			DynamicRegistration bool `json:"dynamicRegistration,omitempty"`
		} `json:"didChangeWatchedFiles"`
	} `json:"workspace"`
	TextDocument struct {
		Completion struct {
			CompletionItem struct {
				SnippetSupport        bool `json:"snippetSupport,omitempty"`
				InsertTextModeSupport struct {
					ValueSet []int `json:"valueSet,omitempty"`
				} `json:"insertTextModeSupport"`
			} `json:"completionItem"`
		} `json:"completion"`
		Hover struct {
			ContentFormat []string `json:"contentFormat,omitempty"`
		} `json:"hover"`
	} `json:"textDocument"`
}

// Initialized is the answer to Initialize.
type Initialized struct {
	Capabilities ServerCapabilities `json:"capabilities"`
	ServerInfo   ServerInfo         `json:"serverInfo"`
}

// ServerInfo names the server.
type ServerInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Incremental says that changes are parts of a document.
const Incremental = 2

// ServerCapabilities say what the server can do.
type ServerCapabilities struct {
	PositionEncoding       string             `json:"positionEncoding"`
	TextDocumentSync       Sync               `json:"textDocumentSync"`
	CompletionProvider     *CompletionOptions `json:"completionProvider,omitempty"`
	HoverProvider          bool               `json:"hoverProvider,omitempty"`
	DefinitionProvider     bool               `json:"definitionProvider"`
	DocumentSymbolProvider bool               `json:"documentSymbolProvider"`
	FoldingRangeProvider   bool               `json:"foldingRangeProvider"`
	CodeActionProvider     CodeActionOptions  `json:"codeActionProvider"`
	CodeLensProvider       *struct{}          `json:"codeLensProvider,omitempty"`
	Workspace              struct {
		WorkspaceFolders FolderOptions `json:"workspaceFolders"`
	} `json:"workspace"`
}

// Sync says which news of documents the server wants.
type Sync struct {
	OpenClose bool `json:"openClose"`
	Change    int  `json:"change"`
	Save      bool `json:"save"`
}

// CompletionOptions are those of completion.
type CompletionOptions struct {
	TriggerCharacters []string `json:"triggerCharacters"`
}

// CodeActionOptions are those of code actions.
type CodeActionOptions struct {
	CodeActionKinds []string `json:"codeActionKinds"`
}

// FolderOptions say that the server knows several folders.
type FolderOptions struct {
	Supported           bool `json:"supported"`
	ChangeNotifications bool `json:"changeNotifications"`
}

// Cancel asks for the end of a request.
type Cancel struct {
	ID json.RawMessage `json:"id"`
}

// Document names a document.
type Document struct {
	URI string `json:"uri"`
}

// DocumentVersion is a version of a document.
type DocumentVersion struct {
	URI     string `json:"uri"`
	Version int    `json:"version"`
}

// DidOpen tells of a document that the editor has.
type DidOpen struct {
	TextDocument struct {
		URI     string `json:"uri"`
		Version int    `json:"version"`
		Text    string `json:"text"`
	} `json:"textDocument"`
}

// DidChange tells of changes, in order.
type DidChange struct {
	TextDocument   DocumentVersion `json:"textDocument"`
	ContentChanges []Change        `json:"contentChanges"`
}

// Change replaces a range by a text; without a range, the whole text.
type Change struct {
	Range *Range `json:"range,omitempty"`
	Text  string `json:"text"`
}

// DidClose tells of a document that the editor has no more, DidSave of one that it has written.
type (
	DidClose struct {
		TextDocument Document `json:"textDocument"`
	}
	DidSave struct {
		TextDocument Document `json:"textDocument"`
	}
)

// DidChangeFolders tells of folders that were opened and closed.
type DidChangeFolders struct {
	Event struct {
		Added   []Folder `json:"added"`
		Removed []Folder `json:"removed"`
	} `json:"event"`
}

// DidChangeFiles tells of files that have changed on the disk.
type DidChangeFiles struct {
	Changes []struct {
		URI string `json:"uri"`
	} `json:"changes"`
}

// Register asks the editor to tell of something.
type Register struct {
	Registrations []Registration `json:"registrations"`
}

// Registration is one method of Register.
type Registration struct {
	ID              string `json:"id"`
	Method          string `json:"method"`
	RegisterOptions any    `json:"registerOptions,omitempty"`
}

// Watch are the options of MethodDidChangeFiles.
type Watch struct {
	Watchers []Watcher `json:"watchers"`
}

// Watcher is a pattern of files.
type Watcher struct {
	GlobPattern string `json:"globPattern"`
}

// Log is a line for the editor's log.
type Log struct {
	Type    int    `json:"type"`
	Message string `json:"message"`
}

// LogError is Log's type for an error.
const LogError = 1

// At is a place of a document that a request is about.
type At struct {
	TextDocument Document `json:"textDocument"`
	Position     Position `json:"position"`
}

// Of is a document that a request is about.
type Of struct {
	TextDocument Document `json:"textDocument"`
}

// Diagnostics are all that there are of a document.
type Diagnostics struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Diagnostic is something to say about a range.
type Diagnostic struct {
	Range              Range     `json:"range"`
	Severity           int       `json:"severity"`
	Code               string    `json:"code"`
	Source             string    `json:"source"`
	Message            string    `json:"message"`
	Tags               []int     `json:"tags,omitempty"`
	RelatedInformation []Related `json:"relatedInformation,omitempty"`
}

// The severities of diagnostics, and the tag of what has no effect.
const (
	SeverityError   = 1
	SeverityWarning = 2
	SeverityHint    = 4
	TagUnnecessary  = 1
)

// Related is another place that a diagnostic is about.
type Related struct {
	Location Location `json:"location"`
	Message  string   `json:"message"`
}

// Completions are what may be typed at a place.
type Completions struct {
	IsIncomplete bool         `json:"isIncomplete"`
	Items        []Completion `json:"items"`
}

// Completion is one of them.
type Completion struct {
	Label            string   `json:"label"`
	Kind             int      `json:"kind,omitempty"`
	Detail           string   `json:"detail,omitempty"`
	Documentation    *Content `json:"documentation,omitempty"`
	SortText         string   `json:"sortText,omitempty"`
	FilterText       string   `json:"filterText,omitempty"`
	InsertTextFormat int      `json:"insertTextFormat,omitempty"`
	// InsertTextMode is AsIs where the text has its indentation already.
	InsertTextMode int       `json:"insertTextMode,omitempty"`
	TextEdit       *TextEdit `json:"textEdit,omitempty"`
	Command        *Command  `json:"command,omitempty"`
}

// The kinds of completions, the format of those with places to fill in, and the mode without the editor's indentation.
const (
	KindModule    = 9
	KindProperty  = 10
	KindValue     = 12
	KindEnum      = 13
	KindSnippet   = 15
	KindFile      = 17
	KindReference = 18
	KindFolder    = 19
	KindVariable  = 6
	FormatSnippet = 2
	AsIs          = 1
)

// Content is text for people.
type Content struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// The kinds of Content.
const (
	Markdown  = "markdown"
	PlainText = "plaintext"
)

// Hover is what there is to say about a place.
type Hover struct {
	Contents Content `json:"contents"`
	Range    Range   `json:"range"`
}

// TextEdit replaces a range by a text.
type TextEdit struct {
	Range   Range  `json:"range"`
	NewText string `json:"newText"`
}

// Edit are changes by document.
type Edit struct {
	Changes map[string][]TextEdit `json:"changes"`
}

// Command is one that the editor runs.
type Command struct {
	Title     string `json:"title"`
	Command   string `json:"command"`
	Arguments []any  `json:"arguments,omitempty"`
}

// AskActions asks for what can be done about a range.
type AskActions struct {
	TextDocument Document `json:"textDocument"`
	Range        Range    `json:"range"`
	Context      struct {
		Diagnostics []Diagnostic `json:"diagnostics"`
		Only        []string     `json:"only,omitempty"`
	} `json:"context"`
}

// QuickFix is the kind of an action that repairs something.
const QuickFix = "quickfix"

// Action is something that can be done.
type Action struct {
	Title       string       `json:"title"`
	Kind        string       `json:"kind"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
	IsPreferred bool         `json:"isPreferred,omitempty"`
	Edit        *Edit        `json:"edit,omitempty"`
	Command     *Command     `json:"command,omitempty"`
}

// Lens is a command above a line.
type Lens struct {
	Range   Range    `json:"range"`
	Command *Command `json:"command,omitempty"`
}

// Symbol is a part of a document with a name.
type Symbol struct {
	Name           string   `json:"name"`
	Detail         string   `json:"detail,omitempty"`
	Kind           int      `json:"kind"`
	Range          Range    `json:"range"`
	SelectionRange Range    `json:"selectionRange"`
	Children       []Symbol `json:"children,omitempty"`
}

// The kinds of symbols.
const (
	SymbolModule    = 2
	SymbolNamespace = 3
	SymbolClass     = 5
	SymbolObject    = 19
)

// Fold is a range of lines that can be hidden.
type Fold struct {
	StartLine int    `json:"startLine"`
	EndLine   int    `json:"endLine"`
	Kind      string `json:"kind,omitempty"`
}

// FoldComment is the kind of a comment's lines.
const FoldComment = "comment"
