// Package contract holds every name that crosses the pod boundary: labels, annotations, containers, volumes, paths,
// environment and the shapes of the documents in them. nhctl writes them into the cluster, the sidecar reads them in
// the pod; both compile against this one source. It imports nothing but the standard library and knows nothing of
// Kubernetes clients or streams.
package contract

import (
	"crypto/sha256"
	"encoding/hex"
)

// Labels and annotations.
const (
	// LabelSession is on every object of a session (and on a parked original); its value is the session id.
	LabelSession = "nhctl.dev/session"
	// LabelRole says what an object is for; its value is one of the Role constants.
	LabelRole = "nhctl.dev/role"
	// AnnotationRecord holds a session's record, as JSON, on its Lease, and on its twin in case the Lease is lost.
	AnnotationRecord = "nhctl.dev/record"
	// AnnotationWanted is on the Lease of a session that someone else asks to end; its value is a Wanted, as JSON.
	AnnotationWanted = "nhctl.dev/wanted"
	// AnnotationDeveloper, AnnotationWorkload and AnnotationPath say whose a claim is, and of what: it outlives the
	// twin.
	AnnotationDeveloper = "nhctl.dev/developer"
	AnnotationWorkload  = "nhctl.dev/workload"
	AnnotationPath      = "nhctl.dev/path"
	// LabelPreview is what a preview's Service selects by, and no pod has.
	LabelPreview = "nhctl.dev/preview"
	// AnnotationFront is on a Service whose selector leads to a front: what it was before, and how to restore it.
	AnnotationFront = "nhctl.dev/front"
	// AnnotationDefaultContainer is kubectl's own: which container exec and logs mean.
	AnnotationDefaultContainer = "kubectl.kubernetes.io/default-container"
)

// Values of LabelRole.
const (
	RoleTwin    = "twin"
	RoleSession = "session"
	RoleParked  = "parked"
	RoleGates   = "gates"
	RoleCache   = "cache" // a developer's claim
	// RoleTunnel is that of a tunnel's Lease, RoleGateway that of its agent's Job and pods.
	RoleTunnel  = "tunnel"
	RoleGateway = "gateway"
	// RoleRoute is that of a route's Lease, RoleFront that of what a front consists of.
	RoleRoute = "route"
	RoleFront = "front"
	// RolePreview is that of a Service that has no pods but a front's, and goes with its last route.
	RolePreview = "preview"
)

// A team's configs in the cluster: the annotation of a workload, and the ConfigMap of a namespace with the key for
// those that have none.
const (
	AnnotationConfig = "nhctl.dev/config"
	SharedConfig     = "nhctl-config"
	SharedConfigKey  = "config.yaml"
)

// ParkedPods is the Secret of a namespace with the manifests of parked pods that nothing would make again, by their
// names.
const ParkedPods = "nhctl-parked-pods"

// Gates is the ConfigMap of a namespace that says which twins may receive Service traffic: a key per session, with the
// value GateOpen.
const (
	Gates    = "nhctl-gates"
	GateOpen = "true"
)

// Containers that nhctl adds to a twin.
const (
	// SidecarContainer ends the carrier and the sync.
	SidecarContainer = "nhctl-sidecar"
	// PlantContainer is the init container that copies the sidecar's binary into the bin volume.
	PlantContainer = "nhctl-plant"
	// SeedContainer is the init container that copies what the dev image has in the folder of the sources.
	SeedContainer = "nhctl-seed"
	// AgentContainer is the container of an agent's pod.
	AgentContainer = "nhctl-agent"
	// ParentsContainer is the init container that makes the folders which mounts below the sources are in.
	ParentsContainer = "nhctl-folders"
)

// Volumes that nhctl adds to a twin.
const (
	VolumeBin   = "nhctl-bin"   // the planted binary; read-only where it is used
	VolumeRun   = "nhctl-run"   // Unix sockets and state shared by the sidecar and the dev containers
	VolumeWork  = "nhctl-work"  // sources and sync index, in sub-paths of one volume
	VolumeToken = "nhctl-token" // the session's token and gate; mounted in the sidecar alone
)

// Paths inside the twin's containers.
const (
	BinDir     = "/.nhctl/bin"
	Binary     = BinDir + "/sidecar"
	RunDir     = "/.nhctl/run"
	TokenDir   = "/.nhctl/token"
	WorkDir    = "/.nhctl/work" // in the sidecar: the whole work volume
	ImageEntry = "/sidecar"     // where the sidecar image keeps its binary
	// ToolsDir has programs that nhctl brings where the image has none, HomeDir is the home of users without one.
	ToolsDir = RunDir + "/tools"
	HomeDir  = RunDir + "/home"
)

// ProbeTimeout limits the probes that the sidecar's binary answers, in seconds.
const ProbeTimeout = 5

// GateTimeout limits the probe of the readiness gate, in seconds: it waits in the pod for the gate to open, and then
// for it to close.
const GateTimeout = 10

// RestingPeriod is the period of probes that hardly ever have news, in seconds: each is a process in the pod.
const RestingPeriod = 10

// SecretToken is the key of the carrier token in a session's Secret: 32 random bytes, hex.
const SecretToken = "token"

// Files under TokenDir.
const (
	// Tokens is the folder of the carrier tokens, one file for each session, with its id as the name.
	Tokens = "sessions"
	// GateFile is GateOpen once the twin may receive Service traffic, from the ConfigMap Gates; later pods start ready.
	GateFile = "ready"
)

// Environment of the sidecar container, and of an agent's.
const (
	// EnvConfig holds a Sidecar document, as JSON; in an agent's container an Agent document.
	EnvConfig = "NHCTL_SIDECAR"
)

// SidecarKind and SidecarVersion are those of the document in EnvConfig.
const (
	SidecarKind    = "sidecar"
	SidecarVersion = 1
)

// Sidecar is what the sidecar container of a twin is told at its start.
type Sidecar struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Session string `json:"session"`
	// Port is the carrier's TCP port on the pod's loopback.
	Port int `json:"port"`
	// Folders are the synced folders, each a sub-path of the work volume.
	Folders []Folder `json:"folders"`
	// Containers are the dev containers, whose supervisors listen in RunDir.
	Containers []string `json:"containers"`
}

// AgentKind and AgentVersion are those of an Agent document.
const (
	AgentKind    = "agent"
	AgentVersion = 1
)

// Agent is what an agent is told at its start.
type Agent struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Session string `json:"session"`
	// Port is the carrier's TCP port on the pod's loopback.
	Port int `json:"port"`
	// Files are the paths of the cluster's files in the pod, which the computer may ask for: directories, or files.
	Files []string `json:"files,omitempty"`
	// Intercepted are the ports of the pod on which a front serves a Service. An agent that has some stays without a
	// carrier, too.
	Intercepted []Intercepted `json:"intercepted,omitempty"`
	// Sticky has each client of a front come to the same original.
	Sticky bool `json:"sticky,omitempty"`
	// Restore is how a front restores its Service by itself; nil where it has no permission for that.
	Restore *Restore `json:"restore,omitempty"`
}

// Restore is what a front needs to know to restore its Service, once no computer has come for a while.
type Restore struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Originals is the Service by which the front reaches the originals, UID its. All objects of the front belong to
	// it, so that they go with it.
	Originals string `json:"originals"`
	UID       string `json:"uid"`
	// After is how many seconds the front waits for a computer.
	After int `json:"after"`
}

// Names of a front's objects.
const (
	// FrontPrefix is that of its Deployment, of all objects named like it, and of what its Service selects by.
	FrontPrefix = "nhctl-front-"
	// OriginalPrefix is that of the Service which leads to the originals.
	OriginalPrefix = "nhctl-original-"
)

// FrontID is the name of the front of a Service with a UID.
func FrontID(uid string) string {
	const bytes = 4
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:bytes])
}

// FrontKind and FrontVersion are those of the annotation AnnotationFront.
const (
	FrontKind    = "front"
	FrontVersion = 1
)

// FrontNote is the annotation of a Service with a front: what its selector was, and for people how to restore it.
type FrontNote struct {
	Kind     string            `json:"kind"`
	Version  int               `json:"version"`
	Selector map[string]string `json:"selector"`
	Restore  string            `json:"restore"`
}

// Intercepted is a port of a front.
type Intercepted struct {
	Port int `json:"port"`
	// Protocol is what is known of it: "http", "tcp" or nothing.
	Protocol string `json:"protocol,omitempty"`
	// Original is an address that leads to any of the ready originals.
	Original string `json:"original"`
}

// RouteGrace is how many seconds a front keeps a rule whose computer is away.
const RouteGrace = 60

// A front that ends waits for ArrivalLimit seconds at most until no client comes any more. Then it goes on for
// DrainLimit seconds at most, for the connections that it has.
const (
	ArrivalLimit = 10
	DrainLimit   = 30
)

// AgentLinger is how many seconds an agent stays without a carrier.
const AgentLinger = 10 * 60

// Folder is one synced folder of a dev container.
type Folder struct {
	// ID names the folder in sync streams, and its two sub-paths in the work volume.
	ID string `json:"id"`
	// Container is the dev container that sees the folder.
	Container string `json:"container"`
	// MountPath is where the dev container sees it.
	MountPath string `json:"mountPath"`
}

// DataSubPath is the sub-path of the work volume with the folder's files.
func (f Folder) DataSubPath() string { return "data-" + f.ID }

// IndexSubPath is the sub-path of the work volume with the folder's sync index. It lives and dies with the data, so
// that a pod that came back empty is never taken for a mass delete.
func (f Folder) IndexSubPath() string { return "index-" + f.ID }

// RemarkStarted begins the line in a command's output by which the supervisor says that it starts the command; the
// words of the command follow.
const RemarkStarted = "started: "

// SupervisorSocket is the Unix socket of a dev container's supervisor.
func SupervisorSocket(container string) string { return RunDir + "/" + container + ".sock" }
