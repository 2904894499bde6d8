// Package workload has the pure functions between a workload and its twin: what the twin looks like, how the original
// is parked and un-parked, why a pod does not come up. It does no I/O.
package workload

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Kind is a kind of workload: one of the constants, or RESOURCE.VERSION.GROUP of a custom resource.
type Kind string

// The kinds that Kubernetes has itself.
const (
	Deployment  Kind = "deployment"
	StatefulSet Kind = "statefulset"
	DaemonSet   Kind = "daemonset"
	ReplicaSet  Kind = "replicaset"
	Job         Kind = "job"
	CronJob     Kind = "cronjob"
	Pod         Kind = "pod"
)

// Kinds lists the kinds that Kubernetes has itself.
func Kinds() []Kind {
	return []Kind{Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod}
}

// Custom says whether a kind is a custom resource.
func (k Kind) Custom() bool { return strings.Contains(string(k), ".") }

// Resource is the API resource of a kind.
func (k Kind) Resource() schema.GroupVersionResource {
	if parts := strings.SplitN(string(k), ".", 3); len(parts) == 3 {
		return schema.GroupVersionResource{Resource: parts[0], Version: parts[1], Group: parts[2]}
	}
	r := schema.GroupVersionResource{Version: "v1", Resource: string(k) + "s"}
	switch k {
	case Deployment, StatefulSet, DaemonSet, ReplicaSet:
		r.Group = "apps"
	case Job, CronJob:
		r.Group = "batch"
	}
	return r
}

// Words are what users call a kind, the usual short word first.
func (k Kind) Words() []string {
	if k.Custom() {
		return []string{string(k)}
	}
	short := map[Kind]string{
		Deployment:  "deploy",
		StatefulSet: "sts",
		DaemonSet:   "ds",
		ReplicaSet:  "rs",
		CronJob:     "cj",
		Pod:         "po",
	}[k]
	words := []string{short, string(k), string(k) + "s"}
	if group := k.Resource().Group; group != "" {
		words = append(words, string(k)+"."+group, string(k)+"s."+group)
	}
	if short == "" {
		words = words[1:]
	}
	return words
}

// Ref names a workload in a namespace.
type Ref struct {
	Kind Kind
	Name string
}

func (r Ref) String() string { return string(r.Kind) + "/" + r.Name }

// Argument is the shortest text that ParseRef reads as this workload.
func (r Ref) Argument() string {
	if r.Kind == Deployment {
		return r.Name
	}
	return r.String()
}

// customKind is RESOURCE.VERSION.GROUP.
var customKind = regexp.MustCompile(`^[a-z][a-z0-9-]*\.v[0-9][a-z0-9]*\.[a-z0-9][a-z0-9.-]*$`)

// Known says whether a kind is one of the constants, or has the form of a custom resource's.
func (k Kind) Known() bool {
	return slices.Contains(Kinds(), k) || customKind.MatchString(string(k))
}

// ParseKind finds the kind that a user's word means.
func ParseKind(word string) (Kind, bool) {
	word = strings.ToLower(word)
	for _, kind := range Kinds() {
		if word == string(kind) || slices.Contains(kind.Words(), word) {
			return kind, true
		}
	}
	return Kind(word), customKind.MatchString(word)
}

// ParseRef reads KIND/NAME or NAME, which means a Deployment.
func ParseRef(text string) (Ref, error) {
	word, name, both := strings.Cut(text, "/")
	if !both {
		word, name = string(Deployment), text
	}
	kind, ok := ParseKind(word)
	if !ok || name == "" || strings.Contains(name, "/") {
		return Ref{}, problem.New(problem.Usage, "%q names no workload", text).
			WithHint("write KIND/NAME, such as deploy/web, sts/db, cronjob/report or " +
				"rollouts.v1alpha1.argoproj.io/web; NAME alone means a Deployment")
	}
	return Ref{Kind: kind, Name: name}, nil
}
