// Package workload has the pure functions between a workload and its twin: what the twin looks like, how the original is parked
// and un-parked, why a pod does not come up. It does no I/O.
package workload

import (
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Kind is a kind of workload, in lower case.
type Kind string

// Deployment is the kind that dev mode knows.
const Deployment Kind = "deployment"

// Ref names a workload in a namespace.
type Ref struct {
	Kind Kind
	Name string
}

func (r Ref) String() string { return string(r.Kind) + "/" + r.Name }

// known maps kinds to the words that users have for them.
func known(word string) (Kind, bool) {
	for kind, words := range map[Kind][]string{
		Deployment:    {"deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"},
		"statefulset": {"statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"},
		"daemonset":   {"daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"},
		"replicaset":  {"replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"},
		"job":         {"job", "jobs", "job.batch", "jobs.batch"},
		"cronjob":     {"cronjob", "cronjobs", "cj", "cronjob.batch", "cronjobs.batch"},
		"pod":         {"pod", "pods", "po"},
	} {
		if slices.Contains(words, word) {
			return kind, true
		}
	}
	return "", false
}

// ParseRef reads KIND/NAME or NAME, which means a Deployment.
func ParseRef(text string) (Ref, error) {
	kindText, name, both := strings.Cut(text, "/")
	if !both {
		kindText, name = string(Deployment), text
	}
	kind, ok := known(strings.ToLower(kindText))
	if !ok || name == "" || strings.Contains(name, "/") {
		return Ref{}, problem.New(problem.Usage, "%q names no workload", text).WithHint("write KIND/NAME, such as deploy/web, or NAME for a Deployment")
	}
	if kind != Deployment {
		return Ref{}, problem.New(problem.Refused, "dev mode does not know %ss yet", kind).WithHint("Deployments work today; for anything else, run a Deployment with the same pod template")
	}
	return Ref{Kind: kind, Name: name}, nil
}
