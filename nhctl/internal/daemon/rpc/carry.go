package rpc

// MethodCarry makes the connection that it comes on a link to the gateway of the caller's tunnel; Carry -> {}. From the
// answer on, the connection has a carrier's conversation, and is no part of JSON-RPC; see Attach.
const MethodCarry = "tunnel.carry"

// Carry opens a link to the gateway of the caller's tunnel into a namespace, which is there already.
type Carry struct {
	Caller Caller `json:"caller"`
	// Workload is the tunnel's, where it has one.
	Workload string `json:"workload,omitempty"`
	// Token is that of the link, by which either end proves to the other that it is the one of this call.
	Token []byte `json:"token"`
}
