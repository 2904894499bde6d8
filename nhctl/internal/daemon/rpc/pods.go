package rpc

// PodLogs asks for what the pods of any workload print, in dev mode or not.
type PodLogs struct {
	Caller   Caller `json:"caller"`
	Workload string `json:"workload"`
	// Container is the only one that is shown; empty means all.
	Container string `json:"container,omitempty"`
	// Tail limits each container's output to its last lines; 0 means all that there is.
	Tail   int64 `json:"tail,omitempty"`
	Follow bool  `json:"follow,omitempty"`
	// Events has the cluster's events about the workload and its pods, too.
	Events bool `json:"events,omitempty"`
}
