// Package control has the paths and documents of the calls to the sidecar itself, for both ends.
package control

// PathReady sets the readiness gate: PUT a Ready.
const PathReady = "/v1/ready"

// Ready is the state of the readiness gate.
type Ready struct {
	Ready bool `json:"ready"`
}

// PathSync asks how a folder is: GET a filesync.Status.
func PathSync(folder string) string { return "/v1/sync/" + folder }

// PathScan has a folder looked at: POST, and wait.
func PathScan(folder string) string { return PathSync(folder) + "/scan" }

// PathReach asks what answers: POST a Reach, and get a Reached.
const PathReach = "/v1/reach"

// Reach names what is asked for, as seen from the pod: HOST:PORTs that must take connections, URLs that must answer below 400.
type Reach struct {
	TCP  []string `json:"tcp,omitempty"`
	HTTP []string `json:"http,omitempty"`
}

// Reached lists what does not answer, each with the reason.
type Reached struct {
	Down []string `json:"down"`
}
