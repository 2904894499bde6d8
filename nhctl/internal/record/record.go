// Package record has what is written down of a session: on its Lease, on its twin in case the Lease is lost, and on its
// developer's computer. Others may write to the first two, so a record enters the program through this package alone,
// which checks it. It talks to no cluster, and knows nothing of how sessions are entered, left or served.
package record

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/document"
)

// Version is the format that this build writes. It reads all up to it.
const Version = 1

// DevMode is the kind of the sessions of dev mode. Records that have no kind are of this one.
const DevMode = "dev"

// Phase is where a session stands.
type Phase string

// The phases.
const (
	Entering Phase = "entering"
	Active   Phase = "active"
	Leaving  Phase = "leaving"
)

// Mode is how a workload is taken into dev mode.
type Mode string

// The modes.
const (
	Replace   Mode = "replace"
	Duplicate Mode = "duplicate"
)

// Record is all that is needed to end a session, from any computer. Names that follow from its fields are computed, and
// never read.
type Record struct {
	Kind      string `json:"kind,omitempty"` // DevMode
	Version   int    `json:"version,omitempty"`
	Session   string `json:"session"`
	Namespace string `json:"namespace"`
	// Place is where the holder's client found the namespace.
	Place    Place        `json:"place"`
	Workload workload.Ref `json:"workload"`
	// UID, Replicas and Suspended are the original's when the session began; Kept replicas go on while it is parked.
	UID       types.UID `json:"uid"`
	Replicas  int32     `json:"replicas"`
	Kept      int32     `json:"kept,omitempty"`
	Suspended bool      `json:"suspended,omitempty"`
	// Scaled says that the end is over once the original has its replicas back, ready or not.
	Scaled bool      `json:"scaled,omitempty"`
	Mode   Mode      `json:"mode"`
	Phase  Phase     `json:"phase"`
	Holder Holder    `json:"holder"`
	Since  time.Time `json:"since"`
	// Port is the carrier's on the pod's loopback.
	Port      int    `json:"port"`
	Container string `json:"container"`
	Image     string `json:"image"`
	WorkDir   string `json:"workDir"`
	Shell     string `json:"shell,omitempty"`
	// Folder is on the holder's computer, for people to read: no program opens it because a record says so.
	Folder string `json:"folder"`
	// MountPath is where the dev container has it; empty means WorkDir.
	MountPath string `json:"mountPath,omitempty"`
	// More are the other synced folders.
	More []Folder `json:"more,omitempty"`
	// Extra are the other containers in dev mode.
	Extra []Container `json:"extra,omitempty"`
	// ByExec says that the sidecar's binary comes through exec, into each pod of the twin; ElseByExec that it comes
	// from its image, and through exec once that can't be had.
	ByExec     bool `json:"byExec,omitempty"`
	ElseByExec bool `json:"elseByExec,omitempty"`
	// Alone says that the twin's pod and the original's can't run at once: whichever comes waits for the other to go.
	Alone bool `json:"alone,omitempty"`
	// Paused are the autoscalers that rest until the session ends, because of it.
	Paused []string `json:"paused,omitempty"`
	// Fingerprint is that of the pod template that the twin was made of.
	Fingerprint string `json:"fingerprint,omitempty"`
	// TookOver is the session that was ended for this one.
	TookOver *TookOver `json:"tookOver,omitempty"`
	// Heartbeat is when the holder's daemon last renewed the Lease, AbandonAfter how long a silent session blocks
	// others: the Lease's own fields. Wanted is who asks for its end, nil when no one does; NewerWanted is the version
	// of a request that only a newer build understands.
	Heartbeat    time.Time     `json:"-"`
	AbandonAfter time.Duration `json:"-"`
	Wanted       *Wanted       `json:"-"`
	NewerWanted  int           `json:"-"`
	// Unknown is what a newer build has added to this version, at any depth: it survives a rewrite.
	Unknown *document.Unknown `json:"-"`
}

// Container is a container in dev mode, as the twin has it.
type Container struct {
	Name    string `json:"name"`
	Image   string `json:"image"`
	WorkDir string `json:"workDir"`
	Shell   string `json:"shell,omitempty"`
}

// Containers are all in dev mode; the first is the one that is meant where none is named.
func (r Record) Containers() []Container {
	return append([]Container{{Name: r.Container, Image: r.Image, WorkDir: r.WorkDir, Shell: r.Shell}}, r.Extra...)
}

// Folder is a synced folder.
type Folder struct {
	// ID names the folder in sync streams and in local paths. Folders computes it.
	ID string `json:"-"`
	// Container has it; empty means the first.
	Container string `json:"container,omitempty"`
	// Local is on the holder's computer, for people to read; Remote is in the dev container.
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// Folders are all that are synced, the sources first.
func (r Record) Folders() []Folder {
	all := append([]Folder{{Local: r.Folder, Remote: cmp.Or(r.MountPath, r.WorkDir)}}, r.More...)
	for i := range all {
		all[i].ID = r.Session
		if i > 0 {
			all[i].ID = fmt.Sprintf("%s-%d", r.Session, i+1)
		}
		all[i].Container = cmp.Or(all[i].Container, r.Container)
	}
	return all
}

// Before is what the original was before it was parked.
func (r Record) Before() workload.Before {
	return workload.Before{Replicas: r.Replicas, Kept: r.Kept, Suspended: r.Suspended}
}

// Lease is the name of the session's Lease. In replace mode it does not hold the session's id: creating it is the lock.
func (r Record) Lease() string {
	name := "nhctl-" + string(r.Workload.Kind) + "-" + r.Workload.Name
	if r.Mode == Duplicate {
		name += "-" + r.Session
	}
	return name
}

// Twin is the name of the twin and of the session's Secret.
func (r Record) Twin() string { return workload.TwinName(r.Workload.Name, r.Session) }

// fields are a Record without its methods.
type fields Record

// UnmarshalJSON keeps what this build does not know.
func (r *Record) UnmarshalJSON(text []byte) (err error) {
	r.Unknown, err = document.Decode(text, (*fields)(r))
	return err
}

// MarshalJSON writes it again.
func (r Record) MarshalJSON() ([]byte, error) { return document.Encode(fields(r), r.Unknown) }
