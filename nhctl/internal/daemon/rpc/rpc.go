// Package rpc has the methods, parameters and results between the daemon and its clients (the command line, and `nhctl
// ide` for plugins). It is JSON-RPC 2.0, one JSON document a line. While a call runs, the daemon pushes notifications
// named MethodEvent with an event.Event to the connection that made the call. Errors carry a problem.Error as their
// data. Fields are only ever added; schema/rpc.v1.json is made of these types and comments.
package rpc

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The methods. Each comment names the types of parameters and result.
const (
	MethodStart      = "dev.start"         // Start -> Session
	MethodEnd        = "dev.end"           // End -> Ended
	MethodList       = "dev.list"          // List -> []Session
	MethodStatus     = "dev.status"        // Target -> Session
	MethodBuild      = "dev.build"         // Run -> event.CommandData
	MethodRun        = "dev.run"           // Run -> event.CommandData
	MethodDebug      = "dev.debug"         // Debug -> event.DebugData
	MethodRestart    = "dev.restart"       // Target -> event.CommandData
	MethodStop       = "dev.stop"          // Stop -> event.CommandData
	MethodTests      = "dev.tests"         // Tests -> []TestCase
	MethodLogs       = "dev.logs"          // Logs -> nothing; lines come as event.Log
	MethodPodLogs    = "workload.logs"     // PodLogs -> nothing; lines come as event.Log
	MethodForward    = "dev.forward"       // Forward -> []event.ForwardData
	MethodAttach     = "dev.attach"        // Attach -> Attached; see Attach
	MethodVolumes    = "dev.volumes"       // Volumes -> []Volume
	MethodClean      = "dev.volumes.clean" // Volumes -> []Volume, those that were deleted
	MethodConnect    = "tunnel.connect"    // Connect -> Session
	MethodDisconnect = "tunnel.disconnect" // Disconnect -> Ended
	MethodRoute      = "route.begin"       // BeginRoute -> Session
	MethodLeave      = "route.leave"       // Leave -> Ended
	MethodOverview   = "sessions.status"   // Overview -> []Session: those of this computer, of every kind
	MethodLeftovers  = "leftovers.list"    // Leftovers -> []Leftover
	MethodRemove     = "leftovers.remove"  // RemoveLeftovers -> []Leftover, those that are gone
	MethodDaemon     = "daemon.status"     // nothing -> Daemon
	MethodDaemonStop = "daemon.stop"       // nothing -> nothing; sessions stay as they are in the cluster
	MethodLogLevel   = "daemon.logLevel"   // LogLevel -> nothing
	MethodInitialize = "initialize"        // Initialize -> Initialized
	MethodReplace    = "daemon.replace"    // nothing -> nothing; refused while calls are at work (problem.Held)
	MethodCancel     = "cancel"            // Cancel -> nothing, or a notification
	MethodEvent      = "event"             // notification: Event
)

// Event is an event of a call.
type Event struct {
	event.Event
	// Call is the id of the call, as JSON.
	Call string `json:"call,omitempty"`
}

// Caller is who calls: each call brings its own environment and folder, for kubeconfig files and credential plugins.
type Caller struct {
	Env map[string]string `json:"env"`
	Dir string            `json:"dir"`
	// Kubeconfig, Context and Namespace are kubectl's flags; empty means what kubectl would take.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
}

// Within is the caller as one who calls from where own does: what it leaves out is own's, as far as that fits. A
// context is one of a kubeconfig, and a namespace one of a context. The environment stays as it is.
func (c Caller) Within(own Caller) Caller {
	c.Dir = from(own.Dir, c.Dir)
	if c.Kubeconfig != "" {
		return c
	}
	if own.Kubeconfig != "" {
		c.Kubeconfig = from(own.Dir, own.Kubeconfig)
	}
	if c.Context != "" {
		return c
	}
	c.Context, c.Namespace = own.Context, cmp.Or(c.Namespace, own.Namespace)
	return c
}

// from is a path as one in a folder means it.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Target names a session of the caller's.
type Target struct {
	Caller Caller `json:"caller"`
	// Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
	// that of the only session.
	Workload string `json:"workload,omitempty"`
	// Session is a session id, where the workload alone is ambiguous.
	Session string `json:"session,omitempty"`
	// Container is a container in dev mode; empty means the only one, or the first.
	Container string `json:"container,omitempty"`
	// Answers are those to the questions that this call was refused with. That a config is trusted is remembered.
	Answers problem.Answers `json:"answers,omitempty"`
}

// Meant is the target of a call: calls embed it.
func (t Target) Meant() Target { return t }

// Mode is how a workload is taken into dev mode.
type Mode string

// The modes.
const (
	Replace   Mode = "replace"
	Duplicate Mode = "duplicate"
)

// Start begins dev mode, or re-attaches to the caller's own live session of that workload.
type Start struct {
	Target
	Mode Mode `json:"mode,omitempty"` // empty: the config's, or what the kind's is
	// ExtraContainers are other containers of the pod to develop with Container; AllContainers means all that the
	// config has a dev image for.
	ExtraContainers []string `json:"extraContainers,omitempty"`
	AllContainers   bool     `json:"allContainers,omitempty"`
	// Image overrides the config's dev image.
	Image string `json:"image,omitempty"`
	// SidecarImage overrides the build's.
	SidecarImage string `json:"sidecarImage,omitempty"`
	// ByExec plants the sidecar through exec, and ByImage from its image and in no other way. Without either, it comes
	// through exec where the image can't be pulled.
	ByExec  bool `json:"byExec,omitempty"`
	ByImage bool `json:"byImage,omitempty"`
	// Folder is the local folder to sync; empty means the one that holds the config's .dev folder.
	Folder string `json:"folder,omitempty"`
	// Profile is an overlay of the config.
	Profile string `json:"profile,omitempty"`
	// Ordinal chooses the pod of a StatefulSet; nil means the config's, or the highest. AllPods parks those below it
	// too.
	Ordinal *int `json:"ordinal,omitempty"`
	AllPods bool `json:"allPods,omitempty"`
	// Yes says yes to every question that has this one answer.
	Yes bool `json:"yes,omitempty"`
	// TakeOver ends another's session of the workload, Wait waits for its end.
	TakeOver bool `json:"takeOver,omitempty"`
	Wait     bool `json:"wait,omitempty"`
	// AbandonAfter is how long the session blocks others once its daemon is silent; 0 means the config's, or the
	// default.
	AbandonAfter time.Duration `json:"abandonAfter,omitempty"`
	// Timeout limits the whole start; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Volumes means the claims that outlive dev mode: of one workload, or of all when Workload is empty.
type Volumes struct {
	Caller   Caller `json:"caller"`
	Workload string `json:"workload,omitempty"`
}

// Volume is a developer's claim for a folder of a workload.
type Volume struct {
	Name      string    `json:"name"`
	Workload  string    `json:"workload"`
	Path      string    `json:"path"`
	Developer string    `json:"developer"`
	Mine      bool      `json:"mine"`
	Capacity  string    `json:"capacity"`
	Phase     string    `json:"phase"`         // as Kubernetes names it
	Pod       string    `json:"pod,omitempty"` // that uses it now
	Created   time.Time `json:"created"`
}

// End leaves dev mode.
type End struct {
	Target
	// Force goes on where the twin, the sync or the config can't be reached.
	Force bool `json:"force,omitempty"`
	// All ends every session of the caller's in the namespace.
	All bool `json:"all,omitempty"`
	// Abandoned ends sessions that no one has heard of for longer than they may block others, whoever holds them.
	Abandoned bool `json:"abandoned,omitempty"`
	// Timeout limits the flush of files that only the pod has; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Ended is what End did.
type Ended struct {
	Sessions []Session `json:"sessions"`
}

// List asks for the sessions of the namespace, everyone's.
type List struct {
	Caller Caller `json:"caller"`
	// AllClusters asks for those of this computer instead, wherever they are.
	AllClusters bool `json:"allClusters,omitempty"`
}

// Session is one developer's work on one workload.
type Session struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"` // "deployment/web"
	Mode      Mode   `json:"mode"`
	Phase     string `json:"phase"` // entering, active, leaving
	Holder    Holder `json:"holder"`
	// Mine says that this daemon's user and host hold it; Live that this daemon serves it now.
	Mine      bool      `json:"mine"`
	Live      bool      `json:"live"`
	Since     time.Time `json:"since"`
	Heartbeat time.Time `json:"heartbeat"`
	// Silent is how many seconds ago that was, by the API server's clock. Abandoned says that anyone may end it.
	Silent    float64 `json:"silent,omitempty"`
	Abandoned bool    `json:"abandoned,omitempty"`
	Twin      string  `json:"twin"` // name of the twin Deployment
	Pod       string  `json:"pod,omitempty"`
	Container string  `json:"container"`
	// Containers are all in dev mode, where there are several; Container is the first.
	Containers []string `json:"containers,omitempty"`
	Image      string   `json:"image,omitempty"`
	Folder     string   `json:"folder,omitempty"`  // on the holder's computer
	WorkDir    string   `json:"workDir,omitempty"` // in the dev container
	Reattached bool     `json:"reattached,omitempty"`
	// Context is the kubeconfig context that leads to a session of this computer, Server its API server's address,
	// where one list has those of several clusters.
	Context string `json:"context,omitempty"`
	Server  string `json:"server,omitempty"`
	// Unreadable says why the record of a session can't be read; then Lease names its Lease, and the other fields are
	// empty.
	Unreadable string `json:"unreadable,omitempty"`
	Lease      string `json:"lease,omitempty"`
	// Kind is that of a session which is not of dev mode: KindTunnel or KindRoute. Then what is about a twin is empty,
	// and Workload is the one whose pod a tunnel's gateway is, if it is one's.
	Kind string `json:"kind,omitempty"`
	// Tunnel is how a tunnel is.
	Tunnel *Tunnel `json:"tunnel,omitempty"`
	// Route is how a route is.
	Route *Route `json:"route,omitempty"`

	Link     *event.LinkData     `json:"link,omitempty"`
	Sync     []event.SyncData    `json:"sync,omitempty"`
	Forwards []event.ForwardData `json:"forwards,omitempty"`
	Commands []event.CommandData `json:"commands,omitempty"`
	// Notices say what the user should know now, such as an original that someone scaled up.
	Notices []string `json:"notices,omitempty"`
}

// ContainerNames are the containers in dev mode, for people.
func (s Session) ContainerNames() string {
	if len(s.Containers) > 0 {
		return strings.Join(s.Containers, ", ")
	}
	return s.Container
}

// quiet is from how many seconds on a session counts as silent: a few heartbeats.
const quiet = 20

// Quiet says that no one seems to serve the session.
func (s Session) Quiet() bool { return s.Silent > quiet }

// Holder is who holds a session.
type Holder struct {
	User  string `json:"user"`  // as the API server names them
	Local string `json:"local"` // user@host
}

// Run starts the config's run or build command, or Argv.
type Run struct {
	Target
	Argv []string `json:"argv,omitempty"`
	// Args are further arguments of the config's run command, and Env further variables of what is started.
	Args []string          `json:"args,omitempty"`
	Env  map[string]string `json:"env,omitempty"`
	// KeepRunning refuses where the service runs already, instead of replacing it.
	KeepRunning bool `json:"keepRunning,omitempty"`
	// NoBuild leaves out the build command.
	NoBuild bool `json:"noBuild,omitempty"`
	// TTY gives the program a terminal for its output.
	TTY bool `json:"tty,omitempty"`
	// LocalPaths has paths of the synced folders in a build's output as they are on this computer.
	LocalPaths bool `json:"localPaths,omitempty"`
}

// Debug starts the service under its debugger.
type Debug struct {
	Run
	// Join takes the debugger that runs already, if one does.
	Join bool `json:"join,omitempty"`
	// OnlyJoin starts nothing: where no debugger runs, the call fails.
	OnlyJoin bool `json:"onlyJoin,omitempty"`
	// Wait keeps the program before its first line until a client lets it go on.
	Wait bool `json:"wait,omitempty"`
	// LocalPort is the debugger's on this computer; 0 means the remote one's number, or a free one.
	LocalPort int `json:"localPort,omitempty"`
	// Test debugs tests of a file instead of the service, whose program is stopped. They wait for a client.
	Test *Test `json:"test,omitempty"`
	// Paths are those of an earlier answer, for a client that joins again: finding them takes longer than joining.
	Paths []event.PathData `json:"paths,omitempty"`
}

// Stop ends a command.
type Stop struct {
	Target
	// Command is build, run or debug; empty means what runs.
	Command string `json:"command,omitempty"`
}

// Logs asks for the output of a command.
type Logs struct {
	Target
	// Command is build, run or debug; empty means the service's, run or debug.
	Command string `json:"command,omitempty"`
	Follow  bool   `json:"follow,omitempty"`
	// Tail limits to the last lines; 0 means all that is kept.
	Tail int `json:"tail,omitempty"`
	// LocalPaths has paths of the synced folders as they are on this computer.
	LocalPaths bool `json:"localPaths,omitempty"`
	// Debugs says that who follows debugs the program, and joins it again whenever it is started again: where its
	// debugger can, it waits for that.
	Debugs bool `json:"debugs,omitempty"`
}

// Forward opens, closes or lists local ports.
type Forward struct {
	Target
	// Open and Close hold LOCAL:REMOTE pairs; a LOCAL of 0 takes a free port.
	Open  []PortPair `json:"open,omitempty"`
	Close []PortPair `json:"close,omitempty"`
}

// PortPair is a local and a remote TCP port.
type PortPair struct {
	Local  int `json:"local"`
	Remote int `json:"remote"`
}

// Attach opens a console: a terminal's shell or a command, whose streams lead to the caller. It is the first line of a
// connection, which carries the console's conversation (package resume) after the answer, instead of further calls.
type Attach struct {
	Target
	Console Console `json:"console"`
	// Synced begins once everything that was saved before is in the container.
	Synced bool `json:"synced,omitempty"`
	// Test runs tests, instead of the console's Argv.
	Test *Test `json:"test,omitempty"`
}

// Console says which program of a container a caller attaches to.
type Console struct {
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
	// Keep says that the program goes on without a caller, as a terminal's shell does.
	Keep bool `json:"keep,omitempty"`
}

// Size is a terminal's, in characters.
type Size struct {
	Columns uint16 `json:"columns"`
	Rows    uint16 `json:"rows"`
}

// Attached is the console that a caller has. The container's end of the conversation has Received messages, and sends
// the one with the number Next next.
type Attached struct {
	ID       string `json:"id"`
	Received uint64 `json:"received"`
	Next     uint64 `json:"next"`
	// Folders are the container's synced folders, the sources first.
	Folders []event.PathData `json:"folders,omitempty"`
}

// LogLevel says from which level on the daemon logs, until it ends: "debug", "info", "warn" or "error".
type LogLevel struct {
	Level string `json:"level"`
}

// Daemon is the daemon's own state.
type Daemon struct {
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Socket   string    `json:"socket"`
	Log      string    `json:"log"`
	Sessions []Session `json:"sessions"`
}
