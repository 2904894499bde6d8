package rpc

import (
	"maps"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The methods of subscriptions. A subscription is a call that lasts: it ends with MethodCancel and its id, or with its
// connection, and fails where it can't begin.
const (
	MethodSubscribe = "subscribe" // Subscribe -> nothing; updates come as MethodUpdate
	MethodUpdate    = "update"    // notification: Update
)

// Topic is what a subscription is about.
type Topic string

// The topics.
const (
	// TopicClusters has the contexts of the caller's kubeconfig files, by their names.
	TopicClusters Topic = "clusters"
	// TopicNamespaces has the namespaces of the caller's cluster, by their names.
	TopicNamespaces Topic = "namespaces"
	// TopicWorkloads has the workloads of the caller's namespace, as "deployment/web".
	TopicWorkloads Topic = "workloads"
	// TopicSessions has the sessions of the caller's namespace, everyone's, by their ids, or by "lease/NAME" where they
	// can't be read; with AllClusters those of this computer instead.
	TopicSessions Topic = "sessions"
	// TopicForwards has the ports that this computer forwards, in whatever cluster, as "SESSION/LOCAL".
	TopicForwards Topic = "forwards"
	// TopicStatus has the one session that Subscribe names, by its id, with all that MethodStatus tells of it. It ends
	// with problem.NoSession when the session ends.
	TopicStatus Topic = "status"
	// TopicOverview has the sessions of this computer, of every kind, as MethodOverview tells of them, by their ids.
	TopicOverview Topic = "overview"
	// TopicSync has the synced folders of that session, or of its one container, by their ids.
	TopicSync Topic = "sync"
)

// Subscribe asks for a topic: a snapshot, then changes.
type Subscribe struct {
	Topic  Topic  `json:"topic"`
	Caller Caller `json:"caller"`
	// AllClusters asks for the sessions of this computer, wherever they are.
	AllClusters bool `json:"allClusters,omitempty"`
	// Kinds are custom resources that TopicWorkloads has in addition to the kinds of Kubernetes and those that the
	// config of Caller.Dir names: as "rollouts.v1alpha1.argoproj.io", with the place of their pod template, where an
	// empty one means spec.template.
	Kinds map[string]string `json:"kinds,omitempty"`
	// Workload, Session and Container name the session of TopicStatus and TopicSync, as those of a Target do.
	Workload  string `json:"workload,omitempty"`
	Session   string `json:"session,omitempty"`
	Container string `json:"container,omitempty"`
}

// Target is the session that a subscription is about.
func (s Subscribe) Target() Target {
	return Target{Caller: s.Caller, Workload: s.Workload, Session: s.Session, Container: s.Container}
}

// Update tells what is new in a topic: in a snapshot all items, else those that came or changed, by their keys. The
// field of the topic is set. At most ten come a second; a client that does not keep up gets a snapshot.
type Update struct {
	// Call is the id of the subscription's call, as JSON.
	Call     string `json:"call"`
	Topic    Topic  `json:"topic"`
	Snapshot bool   `json:"snapshot,omitempty"`

	Clusters   map[string]Cluster   `json:"clusters,omitempty"`
	Namespaces map[string]Namespace `json:"namespaces,omitempty"`
	Workloads  map[string]Workload  `json:"workloads,omitempty"`
	Sessions   map[string]Session   `json:"sessions,omitempty"`
	Forwards   map[string]Forwarded `json:"forwards,omitempty"`
	Status     map[string]Session   `json:"status,omitempty"`
	Sync       map[string]Synced    `json:"sync,omitempty"`
	Overview   map[string]Session   `json:"overview,omitempty"`
	// Gone are the keys of items that are there no more.
	Gone []string `json:"gone,omitempty"`
	// Problem says why the topic may not be as it is at this moment, until an update comes without one.
	Problem *problem.Error `json:"problem,omitempty"`
}

// Fold brings the items that a client has up to date with those of an update.
func Fold[T any](items map[string]T, u Update, news map[string]T) {
	if u.Snapshot {
		clear(items)
	}
	maps.Copy(items, news)
	for _, key := range u.Gone {
		delete(items, key)
	}
}

// Cluster is a context of a kubeconfig.
type Cluster struct {
	Context   string `json:"context"`
	Cluster   string `json:"cluster"`
	Server    string `json:"server"`
	User      string `json:"user"`
	Namespace string `json:"namespace,omitempty"`
	// Current says that kubectl would take it where none is named.
	Current bool `json:"current,omitempty"`
}

// Source is where a namespace is known from.
type Source string

// The sources.
const (
	FromCluster    Source = "cluster"
	FromKubeconfig Source = "kubeconfig"
	FromSessions   Source = "sessions" // this computer's, and those that have ended lately
)

// Namespace is a namespace that the caller may want to work in. Where they may not list namespaces, those are shown
// that are known from elsewhere, whether they exist or not.
type Namespace struct {
	Name    string   `json:"name"`
	Sources []Source `json:"sources"`
	// Terminating says that it is being deleted.
	Terminating bool `json:"terminating,omitempty"`
	// Polled says why it is asked for every 30 seconds instead of watched.
	Polled string `json:"polled,omitempty"`
}

// Workload is a workload that can be taken into dev mode, or is.
type Workload struct {
	Workload string `json:"workload"` // "deployment/web"
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	// Owner is the object that controls it, as "KIND/NAME", and would undo changes to it.
	Owner      string      `json:"owner,omitempty"`
	Replicas   int32       `json:"replicas"`
	Suspended  bool        `json:"suspended,omitempty"`
	Containers []Container `json:"containers,omitempty"`
	// Volumes are those of its pods.
	Volumes []PodVolume `json:"volumes,omitempty"`
	// Services are those that select its pods.
	Services []Service `json:"services,omitempty"`
	// Pods are its own, without those of dev mode: at most twenty, those that are not ready first. PodCount is how many
	// there are.
	Pods     []Pod `json:"pods,omitempty"`
	PodCount int   `json:"podCount,omitempty"`
	// Sessions are those of dev mode that hold or copy it.
	Sessions []WorkloadSession `json:"sessions,omitempty"`
	// Polled says why it is asked for every 30 seconds instead of watched.
	Polled string `json:"polled,omitempty"`
}

// Container is a container of a workload's pods.
type Container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Ports []Port `json:"ports,omitempty"`
}

// PodVolume is a volume of a workload's pods.
type PodVolume struct {
	Name string `json:"name"`
	// Source is where its content is from, such as "ConfigMap web".
	Source string `json:"source"`
	// Paths are where the containers have it.
	Paths []string `json:"paths,omitempty"`
}

// Pod is a pod of a workload.
type Pod struct {
	Name string `json:"name"`
	// State is its phase as Kubernetes names it, or why it does not run, such as "CrashLoopBackOff".
	State    string `json:"state"`
	Ready    bool   `json:"ready,omitempty"`
	Restarts int32  `json:"restarts,omitempty"`
}

// Port is a port of a container or Service.
type Port struct {
	Name     string `json:"name,omitempty"`
	Port     int32  `json:"port"`
	Protocol string `json:"protocol"`
	// Target is the port of the pods that a Service's port leads to: a number, or a name.
	Target string `json:"target,omitempty"`
}

// Service is a Service of a workload.
type Service struct {
	Name  string `json:"name"`
	Ports []Port `json:"ports,omitempty"`
}

// Drift is what someone did to a workload while a session replaces it.
type Drift string

// The drifts.
const (
	DriftTemplate Drift = "template" // its pod template has changed
	DriftFreed    Drift = "freed"    // its own pods are back
	DriftDeleted  Drift = "deleted"  // it is gone
	DriftReplaced Drift = "replaced" // it is gone, and another one has its name
)

// WorkloadSession is a session of a workload.
type WorkloadSession struct {
	ID     string `json:"id"`
	Mode   Mode   `json:"mode"`
	Phase  string `json:"phase"`
	Holder Holder `json:"holder"`
	// Mine says that the caller's user and host hold it.
	Mine  bool      `json:"mine,omitempty"`
	Since time.Time `json:"since"`
	Drift Drift     `json:"drift,omitempty"`
	// DriftBy is who changed it, as the API server names their program, and DriftAt when; empty where it does not say.
	DriftBy string     `json:"driftBy,omitempty"`
	DriftAt *time.Time `json:"driftAt,omitempty"`
}

// Forwarded is a port that a session forwards.
type Forwarded struct {
	event.ForwardData
	Session   string `json:"session"`
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
}

// Synced is a synced folder of a session.
type Synced struct {
	event.SyncData
	Session   string `json:"session"`
	Container string `json:"container"`
	// Index is the folder's place among the session's; the sources come first.
	Index int `json:"index"`
}
