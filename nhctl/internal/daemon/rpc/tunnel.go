package rpc

import "time"

// KindTunnel is the Session.Kind of a tunnel.
const KindTunnel = "tunnel"

// Connect brings up the caller's tunnel into a namespace, or returns the one that is there.
type Connect struct {
	Caller Caller `json:"caller"`
	// Workload has the gateway be a pod of this workload's template, with the environment and files of one container:
	// KIND/NAME, or a Deployment's NAME. There is a tunnel for each workload, and one without. Container is needed
	// where the pod has several.
	Workload  string `json:"workload,omitempty"`
	Container string `json:"container,omitempty"`
	// Port is the proxy's on 127.0.0.1; 0 means 1080, or any free one where that is taken.
	Port int `json:"port,omitempty"`
	// SidecarImage overrides the build's. Image is any image with a shell instead, into which nhctl copies the agent.
	SidecarImage string `json:"sidecarImage,omitempty"`
	Image        string `json:"image,omitempty"`
	// Timeout limits the whole start; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Disconnect ends the caller's tunnels into a namespace.
type Disconnect struct {
	Caller Caller `json:"caller"`
	// Workload ends the one for a workload alone.
	Workload string `json:"workload,omitempty"`
	// Session names one of this computer's tunnels, wherever it leads.
	Session string `json:"session,omitempty"`
	// All ends all tunnels of this computer, wherever they lead.
	All bool `json:"all,omitempty"`
}

// Overview asks for the sessions of this computer, of every kind and in whatever cluster, each with its status. Whether
// a connection works was asked at its far end at this moment.
type Overview struct {
	Caller Caller `json:"caller"`
}

// Tunnel is how a tunnel is.
type Tunnel struct {
	// Method is how programs use it: "socks", a proxy for SOCKS5 and HTTP on Port of 127.0.0.1.
	Method string `json:"method"`
	Port   int    `json:"port,omitempty"`
	// RoundTrip is how long the gateway's answer took, in milliseconds, over the way that connections go. It is 0 where
	// no answer came, and then Reason says why.
	RoundTrip float64 `json:"roundTrip,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	// Open are the connections at the moment, Opened all since the daemon began, and Failed those that reached nothing.
	Open   int64 `json:"open"`
	Opened int64 `json:"opened"`
	Failed int64 `json:"failed"`
	// Sent and Received are bytes to and from the cluster.
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}
