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
