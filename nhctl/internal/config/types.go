// Package config loads, checks and completes a team's .dev/config.yaml. Mistakes carry file, line and column. It knows
// nothing of clusters or of command lines.
package config

// The Go types are the one source of the file's fields: the decoder walks them, and schema and reference are generated
// from them. Tags: `doc` describes a field, `enum` lists its values, `also` another word for one, `default` is what a
// missing one means, `example` shows one, `added` marks what Nocalhost's own config has not, `unused` what has no
// effect, and `computer` what a config from the cluster may not say. For editors, `required` marks a field without
// which its mapping means nothing, and `names` says what a text names: a service, a kind of workload, a container, an
// image or a dev image, a port, or a file or folder of the developer's computer.

// Service is how one workload is developed.
type Service struct {
	Name                string      `json:"name" doc:"Name of the workload." example:"web" required:"true" names:"service"`
	ServiceType         string      `json:"serviceType" doc:"Kind of the workload, in any case: deployment, statefulset, daemonset, replicaset, job, cronjob, pod, or RESOURCE.VERSION.GROUP of a custom resource that has a scale subresource." default:"deployment" example:"rollouts.v1alpha1.argoproj.io" names:"kind"`
	PodTemplate         string      `json:"podTemplate" doc:"Where a custom resource has its pod template." default:"spec.template" added:"true"`
	DependLabelSelector Depend      `json:"dependLabelSelector" doc:"What dev start waits for."`
	Containers          []Container `json:"containers" doc:"Containers that can be developed; the first is the default."`
	Local               Local       `json:"local" doc:"How nhctl run runs the service as a process of this computer." added:"true" computer:"true"`
	Profiles            Profiles    `json:"profiles" doc:"Named overlays of this service, chosen with --profile: each has the fields of a service." added:"true"`
}

// Depend names what must be up before dev mode starts.
type Depend struct {
	Pods []string `json:"pods" doc:"Label selectors; a pod of each must be ready." example:"app=mariadb"`
	Jobs []string `json:"jobs" doc:"Label selectors; a Job of each must be complete." example:"job-name=init-data"`
	TCP  []string `json:"tcp" doc:"HOST:PORT that must take connections, as seen from the cluster." example:"mariadb:3306"`
	HTTP []string `json:"http" doc:"URLs that must answer with a status below 400, as seen from the cluster." example:"http://auth/healthz"`
}

// Local is how a service runs as a process of this computer.
type Local struct {
	Command    Command    `json:"command" doc:"Starts the process, by sh of this computer: what nhctl run does without a command." example:"npm start" added:"true"`
	Dir        string     `json:"dir" doc:"Folder on this computer that it runs in, relative to the one that holds .dev." default:"." names:"folder" added:"true"`
	Container  string     `json:"container" doc:"The workload's container whose environment and files it gets; empty means the only one." names:"container" added:"true"`
	Files      bool       `json:"files" doc:"Whether it sees the container's files of ConfigMaps, Secrets and tokens, at the same paths." default:"true" added:"true"`
	Env        []EnvVar   `json:"env" doc:"Environment variables, over the container's." added:"true"`
	Traffic    string     `json:"traffic" doc:"What comes to it of a Service's traffic while it runs: exchange is all, mesh are the requests that match conditions." enum:"none,exchange,mesh" default:"none" added:"true"`
	Service    string     `json:"service" doc:"Service whose traffic that is; empty means the one with the workload's name." example:"web" added:"true"`
	Ports      []string   `json:"ports" doc:"LOCAL:REMOTE ports of the process and of the Service, PORT for the same number on both sides, or :REMOTE for the number that the pods listen on; empty means all of the Service's." example:"3000:80" names:"port" added:"true"`
	Conditions Conditions `json:"conditions" doc:"What requests must have that a mesh leads to it; without any, nhctl makes up a header." added:"true"`
}

// Empty says that the config says nothing of the service as a process of this computer.
func (l Local) Empty() bool { return l.Dir == "" } // which has a default

// Conditions are those of a mesh, all of which have to match.
type Conditions struct {
	Header  []string `json:"header" doc:"Headers, as NAME=VALUE. A value is exact, the beginning of one after a ^, or a regular expression after a ~." example:"x-user=ada" added:"true"`
	Baggage []string `json:"baggage" doc:"Entries of W3C baggage, as NAME=VALUE." example:"tenant=ada" added:"true"`
	Path    string   `json:"path" doc:"The path, without its query." example:"^/books" added:"true"`
	Method  string   `json:"method" doc:"The method." example:"GET" added:"true"`
}

// The values of Local.Traffic.
const (
	TrafficNone     = "none"
	TrafficExchange = "exchange"
	TrafficMesh     = "mesh"
)

// Container is how one container of a workload is developed.
type Container struct {
	Name string `json:"name" doc:"Name of the container in the pod; empty means its only one, or the one with hub.image." names:"container"`
	Hub  Hub    `json:"hub" doc:"Which container is meant, by its image."`
	Dev  Dev    `json:"dev" doc:"Settings of dev mode."`
}

// Hub names an image.
type Hub struct {
	Image string `json:"image" doc:"Image of the workload's container, with or without its tag: chooses the container where name is empty." example:"registry.example.com/shop/web" names:"image"`
}

// AutoImage is a dev image that the sources choose.
const AutoImage = "auto"

// Dev are the settings of dev mode.
type Dev struct {
	GitURL               string                `json:"gitUrl" doc:"Repository of the sources: named where there is no local folder, and compared with the folder's own remote." example:"https://example.com/shop/web.git"`
	Image                string                `json:"image" doc:"Dev image: the tools to build and run the sources with; auto chooses a public one by the sources and the version that they ask for." example:"docker.io/library/golang:1.26" names:"dev image"`
	ImagePullPolicy      string                `json:"imagePullPolicy" doc:"When the dev image is pulled." enum:"Always,IfNotPresent,Never" default:"IfNotPresent"`
	Shell                string                `json:"shell" doc:"Shell for terminals and commands; empty means the first of bash, zsh, ash and sh that the image has (sh for commands)." example:"bash"`
	WorkDir              string                `json:"workDir" doc:"Folder of the sources in the container." default:"/home/nocalhost-dev"`
	StorageClass         string                `json:"storageClass" doc:"Storage class of persistentVolumeDirs; empty means the cluster's default."`
	DevContainerName     string                `json:"devContainerName" doc:"Name of the dev container in the dev pod; empty means the original's."`
	Resources            Resources             `json:"resources" doc:"Resources of the dev container; what is not given is the original's."`
	PersistentVolumeDirs []PersistentVolumeDir `json:"persistentVolumeDirs" doc:"Folders, such as caches, that outlive dev mode; each developer has their own."`
	Command              Commands              `json:"command" doc:"What to run."`
	Debug                Debug                 `json:"debug" doc:"How to debug."`
	HotReload            bool                  `json:"hotReload" doc:"Restart the run or debug command when sync has brought a change." default:"false"`
	Sync                 Syncs                 `json:"sync" doc:"What is synced: one folder, or a list of folders."`
	Env                  []EnvVar              `json:"env" doc:"Environment variables, added to the original's."`
	EnvFrom              EnvFrom               `json:"envFrom" doc:"Files with environment variables, below env."`
	PortForward          []string              `json:"portForward" doc:"Ports to forward while in dev mode: LOCAL:REMOTE, :REMOTE for any free local port, or PORT for the same on both sides." example:"8080:80" names:"port"`
	SidecarImage         string                `json:"sidecarImage" doc:"Image of the sidecar, instead of the one that this nhctl was built with."`
	SidecarResources     Resources             `json:"sidecarResources" doc:"Resources of nhctl's own containers; without them they fit themselves to the namespace's LimitRange." added:"true"`
	Patches              []Patch               `json:"patches" doc:"Patches of the dev pod's workload, in order."`

	OnBuildFailure   string `json:"onBuildFailure" doc:"What becomes of the running service when the build of a hot reload, of nhctl dev run or of nhctl dev debug fails: keep lets it go on, stop ends it." enum:"keep,stop" default:"keep" added:"true"`
	Mode             string `json:"mode" doc:"How dev mode starts: replace takes the workload's place, duplicate works next to it. Empty means replace, and duplicate for a DaemonSet." enum:"replace,duplicate" added:"true"`
	Probes           string `json:"probes" doc:"Probes of the dev container: off answers for the program, so that a debugger may stop it; readiness keeps the original's readiness probe; keep keeps all." enum:"off,readiness,keep" default:"off" added:"true"`
	Ordinal          *int   `json:"ordinal" doc:"Which pod of a StatefulSet; empty means the highest." added:"true"`
	InitContainers   string `json:"initContainers" doc:"Whether the original's init containers run." enum:"run,skip" default:"run" added:"true"`
	DuplicateVolumes string `json:"duplicateVolumes" doc:"What a duplicate gets for a claim that two pods can't write to: an empty volume, the same claim read-only, or none." enum:"empty,readOnly,none" default:"empty" added:"true"`
	Mounts           Mounts `json:"mounts" doc:"What becomes of the original's mounts." added:"true"`
	User             User   `json:"user" doc:"User of the dev container, where it must differ from the original's." added:"true"`
	Seed             bool   `json:"seed" doc:"Begin with the files that the dev image has in workDir, where the folder on this computer has none of their names." default:"false" added:"true"`
	Restore          string `json:"restore" doc:"What dev end waits for: ready until the original's pods are, scaled only until it has its replicas back." enum:"ready,scaled" default:"ready" added:"true"`
	AbandonAfter     string `json:"abandonAfter" doc:"How long the session blocks others once its computer is silent; then anyone may end it." default:"10m" added:"true"`
}

// Mounts says what becomes of the original's mounts.
type Mounts struct {
	Drop []string `json:"drop" doc:"Paths of mounts that the dev container goes without: below a synced folder, the developer's own files take the place." example:"/app/config" added:"true"`
}

// User are numeric ids.
type User struct {
	RunAsUser  *int `json:"runAsUser" doc:"User id." added:"true"`
	RunAsGroup *int `json:"runAsGroup" doc:"Group id." added:"true"`
}

// PersistentVolumeDir is a folder of the dev container that outlives it.
type PersistentVolumeDir struct {
	Path                 string `json:"path" doc:"Absolute path of the folder." example:"/go/pkg/mod" required:"true"`
	Capacity             string `json:"capacity" doc:"Size of its volume." default:"10Gi"`
	WaitForFirstConsumer bool   `json:"waitForFirstConsumer" doc:"Say nothing of a volume that is bound only once the pod is scheduled." default:"false"`
}

// Debug says how to debug.
type Debug struct {
	RemoteDebugPort int    `json:"remoteDebugPort" doc:"Port of the debugger in the container; 0 means the language's usual one." default:"0" example:"9009"`
	Language        string `json:"language" doc:"Debugger to start where command.debug is empty." enum:"go,python,node,java,ruby,php,c,cpp,rust"`
}

// Patch is a change to the dev pod's workload.
type Patch struct {
	Patch string `json:"patch" doc:"The patch, as YAML or JSON text." example:"spec: {template: {spec: {priorityClassName: low}}}" required:"true"`
	Type  string `json:"type" doc:"Kind of the patch." enum:"strategic,merge,json" default:"strategic"`
}

// EnvVar is one environment variable.
type EnvVar struct {
	Name  string `json:"name" doc:"Name of the variable." required:"true"`
	Value string `json:"value" doc:"Its value."`
}

// EnvFrom names files with environment variables.
type EnvFrom struct {
	EnvFile []EnvFile `json:"envFile" doc:"Files of NAME=VALUE lines; a later one wins." computer:"true"`
}

// EnvFile is a file of NAME=VALUE lines.
type EnvFile struct {
	Path string `json:"path" doc:"Path, relative to the config's folder." example:"dev.env" required:"true" names:"file"`
}

// Resources are requests and limits.
type Resources struct {
	Requests Quantities `json:"requests" doc:"What the scheduler reserves."`
	Limits   Quantities `json:"limits" doc:"What the container may use at most; a compiler often needs more than the service."`
}

// Quantities are amounts as Kubernetes writes them.
type Quantities struct {
	CPU    string `json:"cpu" doc:"CPU." example:"500m"`
	Memory string `json:"memory" doc:"Memory." example:"2Gi"`
}

// Commands are the command lines.
type Commands struct {
	Build          Command `json:"build" doc:"Builds the service: what nhctl dev build does, and what comes before run and debug." example:"go build -o /tmp/web ."`
	Run            Command `json:"run" doc:"Starts the service: what nhctl dev run does." example:"go run ."`
	Debug          Command `json:"debug" doc:"Starts the service under a debugger that listens on debug.remoteDebugPort: what nhctl dev debug does."`
	HotReloadRun   Command `json:"hotReloadRun" doc:"Starts the service again after a change, instead of run."`
	HotReloadDebug Command `json:"hotReloadDebug" doc:"Starts the debugger again after a change, instead of debug."`
}

// Sync says what is synced.
type Sync struct {
	Type              string        `json:"type" doc:"Which way files go." enum:"sendReceive,send,receive" also:"sendonly=send" default:"sendReceive"`
	Mode              string        `json:"mode" doc:"gitIgnore leaves out what git ignores; pattern goes by filePattern and ignoreFilePattern. Without patterns gitIgnore is the default." enum:"gitIgnore,pattern"`
	DeleteProtection  bool          `json:"deleteProtection" doc:"Ask before a batch of deletions that is larger than deletionGuard." default:"true"`
	DeletionGuard     DeletionGuard `json:"deletionGuard" doc:"How many files may be deleted within ten seconds before deleteProtection asks: a batch above both limits stops sync." added:"true"`
	FilePattern       []string      `json:"filePattern" doc:"All that is synced, when given." example:"./src"`
	IgnoreFilePattern []string      `json:"ignoreFilePattern" doc:"What is left out, also of filePattern." example:"./build"`
	LinksOutside      bool          `json:"linksOutside" doc:"Take links from the container that lead out of the folder, too." added:"true" computer:"true"`
	Local             string        `json:"local" doc:"Folder on this computer, relative to the one that holds .dev." default:"." added:"true" computer:"true" names:"folder"`
	Remote            string        `json:"remote" doc:"Folder in the container, absolute or relative to workDir." default:"." added:"true"`
}

// DeletionGuard are the limits of deleteProtection.
type DeletionGuard struct {
	Percent *int `json:"percent" doc:"Part of the folder's files, in percent." default:"25" added:"true"`
	Files   *int `json:"files" doc:"Number of files." default:"20" added:"true"`
}

// GitIgnore says whether git's rules decide.
func (s Sync) GitIgnore() bool { return s.Mode == ModeGitIgnore }

// The values of Sync.Mode.
const (
	ModeGitIgnore = "gitIgnore"
	ModePattern   = "pattern"
)

// DefaultWorkDir is Nocalhost's.
const DefaultWorkDir = "/home/nocalhost-dev"
