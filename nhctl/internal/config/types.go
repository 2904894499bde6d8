// Package config loads, checks and completes a team's .dev/config.yaml. Mistakes carry file, line and column. It knows nothing of
// clusters or of command lines.
package config

// The Go types are the one source of the file's fields: the decoder walks them, and the schema is generated from them.
// A `doc` tag is a field's description, `enum` its allowed values, `default` what an empty one means.

// Service is how one workload is developed.
type Service struct {
	Name        string      `json:"name" doc:"Name of the workload."`
	ServiceType string      `json:"serviceType" doc:"Kind of the workload." enum:"deployment,statefulset,daemonset,job,cronjob,pod" default:"deployment"`
	Containers  []Container `json:"containers" doc:"Containers that can be developed; the first is the default."`
}

// Container is how one container of a workload is developed.
type Container struct {
	Name string `json:"name" doc:"Name of the container in the pod; empty means its only one."`
	Dev  Dev    `json:"dev" doc:"Settings of dev mode."`
}

// Dev are the settings of dev mode.
type Dev struct {
	Image        string    `json:"image" doc:"Dev image: the tools to build and run the sources with."`
	Shell        string    `json:"shell" doc:"Shell for terminals and commands; empty means the first of bash, zsh, ash and sh that the image has (sh for commands)."`
	WorkDir      string    `json:"workDir" doc:"Folder of the sources in the container." default:"/home/nocalhost-dev"`
	Resources    Resources `json:"resources" doc:"Resources of the dev container; what is not given is the original's."`
	Env          []EnvVar  `json:"env" doc:"Environment variables, added to the original's."`
	Command      Command   `json:"command" doc:"What to run."`
	Sync         Sync      `json:"sync" doc:"What is synced."`
	PortForward  []string  `json:"portForward" doc:"Ports to forward while in dev mode: LOCAL:REMOTE, :REMOTE for any free local port, or PORT for the same on both sides."`
	SidecarImage string    `json:"sidecarImage" doc:"Image of the sidecar, instead of the one that this nhctl was built with."`
}

// EnvVar is one environment variable.
type EnvVar struct {
	Name  string `json:"name" doc:"Name of the variable."`
	Value string `json:"value" doc:"Its value."`
}

// Resources are requests and limits.
type Resources struct {
	Requests Quantities `json:"requests" doc:"What the scheduler reserves."`
	Limits   Quantities `json:"limits" doc:"What the container may use at most; a compiler often needs more than the service."`
}

// Quantities are amounts as Kubernetes writes them.
type Quantities struct {
	CPU    string `json:"cpu" doc:"CPU, such as 500m or 2."`
	Memory string `json:"memory" doc:"Memory, such as 512Mi or 2Gi."`
}

// Command has the command lines; a list is joined with spaces and run by the shell.
type Command struct {
	Run []string `json:"run" doc:"Starts the service: what nhctl dev run does."`
}

// Sync says what is synced.
type Sync struct {
	Type              string   `json:"type" doc:"Which way files go." enum:"sendReceive,send,receive" default:"sendReceive"`
	Mode              string   `json:"mode" doc:"gitIgnore leaves out what git ignores; pattern goes by filePattern and ignoreFilePattern. Without patterns gitIgnore is the default." enum:"gitIgnore,pattern"`
	FilePattern       []string `json:"filePattern" doc:"All that is synced, when given."`
	IgnoreFilePattern []string `json:"ignoreFilePattern" doc:"What is left out, also of filePattern."`
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

// unused are Nocalhost's fields that have no effect here, by the type that they belong to. They are no mistakes.
func unused(typeName string) []string {
	switch typeName {
	case "Service":
		return []string{"dependLabelSelector", "dependJobs", "dependPods", "priorityClass"}
	case "Container":
		return []string{"hub", "install"}
	case "Dev":
		return []string{"gitUrl", "imagePullPolicy", "storageClass", "devContainerName", "persistentVolumeDirs", "debug", "hotReload", "envFrom",
			"patches", "useDevContainer", "sidecar_image"}
	case "Command":
		return []string{"build", "debug", "hotReloadRun", "hotReloadDebug"}
	case "Sync":
		return []string{"deleteProtection"}
	}
	return nil
}
