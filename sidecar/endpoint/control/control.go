// Package control has the paths and documents of the calls to the sidecar itself, for both ends.
package control

import "strings"

// PathReady sets the readiness gate: PUT a Ready.
const PathReady = "/v1/ready"

// Ready is the state of the readiness gate.
type Ready struct {
	Ready bool `json:"ready"`
}

// PathSync asks how a folder is: GET a filesync.Status. PUT filesync.Settings opens the folder before its first stream,
// and answers the same.
func PathSync(folder string) string { return "/v1/sync/" + folder }

// PathScan has a folder looked at: POST, and wait.
func PathScan(folder string) string { return PathSync(folder) + "/scan" }

// PathReach asks what answers: POST a Reach, and get a Reached.
const PathReach = "/v1/reach"

// Reach names what is asked for, as seen from the pod: HOST:PORTs that must take connections, URLs that must answer
// below 400.
type Reach struct {
	TCP  []string `json:"tcp,omitempty"`
	HTTP []string `json:"http,omitempty"`
}

// Reached lists what does not answer, each with the reason.
type Reached struct {
	Down []string `json:"down"`
}

// PathContent lists a folder's files with sums of their content: GET.
func PathContent(folder string) string { return PathSync(folder) + "/content" }

// PathVersions lists what a folder keeps of what was lost: GET, with ?path=.
func PathVersions(folder string) string { return PathSync(folder) + "/versions" }

// PathVersion reads one version: GET, with ?id=, answered by its bytes.
func PathVersion(folder string) string { return PathSync(folder) + "/version" }

// PathDo has a folder do something: POST a Do, answered by Done.
func PathDo(folder string) string { return PathSync(folder) + "/do" }

// Action is what a folder is to do.
type Action string

// The actions.
const (
	Join    Action = "join"    // get ready for a side that it was never joined with; Paths give way
	Accept  Action = "accept"  // let the deletions that wait travel
	Restore Action = "restore" // undo the deletions that wait
	Recover Action = "recover" // bring back the newest version of Path
	// RecoverVersion brings back Version.
	RecoverVersion Action = "recover-version"
	Resolve        Action = "resolve" // decide the conflicts of Path, for the content that lost here when Loser is set
	Revert         Action = "revert"  // give up what was changed here, where the folder only receives
	Reset          Action = "reset"   // forget the index
)

// Do is one action.
type Do struct {
	Action  Action   `json:"action"`
	Path    string   `json:"path,omitempty"`
	Paths   []string `json:"paths,omitempty"`
	Loser   bool     `json:"loser,omitempty"`
	Version string   `json:"version,omitempty"`
}

// Done says how many files an action was about.
type Done struct {
	Files int `json:"files"`
}

// MaxAnswer is how much is read of an answer to a call of a path, in bytes: most are short, lists of all files are not.
func MaxAnswer(path string) int64 {
	path, _, _ = strings.Cut(path, "?")
	if strings.HasSuffix(path, "/content") || strings.HasSuffix(path, "/versions") {
		return 256 << 20
	}
	return 16 << 20
}
