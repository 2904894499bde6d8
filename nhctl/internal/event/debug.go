package event

// DebugData says how to attach to a debugger.
type DebugData struct {
	Command CommandData `json:"command"`
	// Host and Port are on this computer; RemotePort is the debugger's in the container.
	Host       string `json:"host"`
	Port       int    `json:"port"`
	RemotePort int    `json:"remotePort"`
	// Language is go, python, node, java, ruby, c, cpp, rust or another; empty where the config names none.
	Language string `json:"language,omitempty"`
	// Program is the path in the container of what clients attach to, where the debugger does not know it by itself (c,
	// cpp, rust). With Waits the program stands before its first line, or (c, cpp, rust) clients launch it.
	Program string     `json:"program,omitempty"`
	Waits   bool       `json:"waits,omitempty"`
	Paths   []PathData `json:"paths"`
	// Attach has what clients need, made of the fields above; nil for languages whose clients nhctl does not know.
	Attach *AttachData `json:"attach,omitempty"`
}

// PathData says where a folder of this computer is in the container.
type PathData struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// AttachData says how clients attach to a debugger, each in its own terms.
type AttachData struct {
	// VSCode is a configuration for launch.json.
	VSCode VSCodeData `json:"vscode"`
	// DAP is for any client of the Debug Adapter Protocol; nil where the debugger does not speak it.
	DAP *DAPData `json:"dap,omitempty"`
	// Terminal is the command line of a client in a terminal, such as dlv connect; nil where nhctl knows none.
	Terminal []string `json:"terminal,omitempty"`
}

// DAPData is a debugger that speaks the Debug Adapter Protocol on a TCP port.
type DAPData struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	// Request is attach, or launch where the program was not started yet.
	Request   string       `json:"request"`
	Arguments DAPArguments `json:"arguments"`
}

// DAPArguments are those of the attach or launch request. Those of the language are set.
type DAPArguments struct {
	Mode           string         `json:"mode,omitempty"`           // go: remote
	SubstitutePath []Substitution `json:"substitutePath,omitempty"` // go
	PathMappings   []PathMapping  `json:"pathMappings,omitempty"`   // python
	LocalFSMap     string         `json:"localfsMap,omitempty"`     // ruby: REMOTE:LOCAL, with commas between
	NonStop        bool           `json:"nonstop,omitempty"`        // ruby: what waits goes on once configured
	Program        string         `json:"program,omitempty"`        // c, cpp, rust
	SourceMap      [][2]string    `json:"sourceMap,omitempty"`      // c, cpp, rust: remote, local
	DisableASLR    *bool          `json:"disableASLR,omitempty"`    // c, cpp, rust
}

// Substitution says where delve finds a folder of this computer.
type Substitution struct {
	From string `json:"from"` // here
	To   string `json:"to"`   // in the container
}

// PathMapping says where debugpy finds a folder of this computer.
type PathMapping struct {
	LocalRoot  string `json:"localRoot"`
	RemoteRoot string `json:"remoteRoot"`
}

// VSCodeData is a configuration of VS Code's launch.json. Next to the arguments of DAP, it has what the language's
// extension finds the debugger by.
type VSCodeData struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // the extension's
	Request string `json:"request"`
	DAPArguments

	Host        string      `json:"host,omitempty"`        // go
	HostName    string      `json:"hostName,omitempty"`    // java
	Address     string      `json:"address,omitempty"`     // node
	Port        int         `json:"port,omitempty"`        // go, java, node
	Connect     *Connection `json:"connect,omitempty"`     // python
	DebugPort   string      `json:"debugPort,omitempty"`   // ruby: HOST:PORT
	DebugServer int         `json:"debugServer,omitempty"` // c, cpp, rust: a port
	Restart     bool        `json:"restart,omitempty"`     // node: attach again to what a reloader starts
	LocalRoot   string      `json:"localRoot,omitempty"`   // node
	RemoteRoot  string      `json:"remoteRoot,omitempty"`  // node
}

// Connection is where debugpy listens.
type Connection struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}
