package record

import "k8s.io/apimachinery/pkg/types"

// Place is where a session lives: a namespace of a cluster. Names of both say nothing, since two clusters may have the
// same.
type Place struct {
	// Namespace is the UID of the namespace, which no other has in any cluster, nor one of the same name that is
	// created later. It is empty where the user may not read it.
	Namespace types.UID `json:"namespace,omitempty"`
	// Server is a hash of the API server's address and certificate authority, for where the UID is not known.
	Server string `json:"server,omitempty"`
}

// Same says whether two places are one: by the UID wherever it is known of both, whatever the server's address is by
// now.
func (p Place) Same(o Place) bool {
	if p.Namespace != "" && o.Namespace != "" {
		return p.Namespace == o.Namespace
	}
	return p.Server != "" && p.Server == o.Server
}

// Key names the place among those of one computer.
func (p Place) Key() string {
	if p.Namespace != "" {
		return string(p.Namespace)
	}
	return p.Server
}
