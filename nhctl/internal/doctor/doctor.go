// Package doctor looks, one check at a time, whether dev mode can work in a namespace and on this computer, and says
// how to fix problems. It changes nothing, but for a short-lived pod where pulling images is asked for.
package doctor

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/version"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// State is what a check came to.
type State string

// The states of a check.
const (
	OK      State = "ok"
	Warning State = "warning" // dev mode works, with this in mind
	Failed  State = "failed"  // dev mode does not work before it is fixed
	Unknown State = "unknown" // the caller may not ask
)

// Finding is what a check found.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Says  string `json:"says"`
	// Fix says how to fix it.
	Fix string `json:"fix,omitempty"`
}

// Options say what to look at.
type Options struct {
	// Images are those that dev mode will use, the sidecar's first, if it has one.
	Images []string
	// Pull asks for a pod that pulls the images.
	Pull bool
}

// limit limits a check; pulling images has a longer one.
const (
	limit     = 15 * time.Second
	pullLimit = 2 * time.Minute
)

// patient is what the checks look at.
type patient struct {
	*kube.Client
	Options
	limits workload.Limits // of the namespace, as far as they are known
}

// Examine runs the checks in turn and tells each finding at once. Where the cluster can't be reached, cluster says why,
// and only this computer is looked at.
func Examine(ctx context.Context, cluster *kube.Client, unreachable error, o Options, tell func(Finding)) {
	p := &patient{Client: cluster, Options: o}
	run := func(name string, limit time.Duration, check func(context.Context) (Finding, error)) bool {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		f, err := check(ctx)
		if err != nil {
			f = Finding{State: Unknown, Says: err.Error()}
		}
		f.Check = name
		tell(f)
		return f.State != Failed
	}
	reached := run("cluster", limit, func(ctx context.Context) (Finding, error) { return p.cluster(ctx, unreachable) })
	if reached {
		run("user", limit, p.user)
		run("permissions", limit, p.permissions)
		run("pods", limit, p.pods)
		run("pod security", limit, p.podSecurity)
		for _, image := range o.Images {
			run("image "+image, pullLimit, func(ctx context.Context) (Finding, error) { return p.image(ctx, image) })
		}
		run("clock", limit, p.clock)
	}
	for _, f := range computer() {
		tell(f)
	}
}

// failed is the finding that a problem is.
func failed(err error) Finding {
	p := problem.From(err)
	return Finding{State: Failed, Says: p.Error(), Fix: p.Hint}
}

func (p *patient) cluster(ctx context.Context, unreachable error) (Finding, error) {
	if unreachable != nil {
		return failed(unreachable), nil
	}
	if _, err := p.Now(ctx); err != nil {
		return failed(err), nil
	}
	v, err := p.API.Discovery().ServerVersion()
	if err != nil {
		return Finding{}, p.Explain(err)
	}
	f := versioned(v)
	f.Says += fmt.Sprintf(", at %s (context %s, namespace %s)", p.Server(), p.Context, p.Namespace)
	return f, nil
}

// versioned says whether nhctl supports a cluster's version, and which versions it does.
func versioned(v *version.Info) Finding {
	f := Finding{State: OK}
	f.Says = fmt.Sprintf("Kubernetes %s, which nhctl supports (%s)", v.GitVersion, kube.Supported())
	switch kube.AgeOf(v) {
	case kube.TooOld:
		f.State = Failed
		f.Says = fmt.Sprintf("Kubernetes %s is too old: nhctl supports %s", v.GitVersion, kube.Supported())
		f.Fix = fmt.Sprintf("use a cluster of Kubernetes 1.%d or newer", kube.OldestMinor)
	case kube.Newer:
		f.State = Warning
		f.Says = fmt.Sprintf("Kubernetes %s is newer than any that this nhctl knows: it supports %s", v.GitVersion,
			kube.Supported())
		f.Fix = "see whether there is a newer nhctl: nhctl version --check"
	}
	return f
}

func (p *patient) user(ctx context.Context) (Finding, error) {
	name, err := p.User(ctx)
	if err != nil {
		return failed(err), nil
	}
	return Finding{State: OK, Says: name}, nil
}

// skewed is a difference of clocks, beyond the API server's whole seconds, from which on tools that compare file times
// go wrong.
const skewed = 5 * time.Second

func (p *patient) clock(ctx context.Context) (Finding, error) {
	server, err := p.Now(ctx)
	if err != nil {
		return Finding{}, err
	}
	skew := time.Since(server).Round(time.Second)
	f := Finding{State: OK, Says: fmt.Sprintf("this computer and the API server differ by %s at most",
		max(skew.Abs(), time.Second))}
	if skew.Abs() > skewed {
		f.State = Warning
		f.Says = fmt.Sprintf("this computer's clock is %s off the API server's: make and the like may build too "+
			"little, since files keep their times", skew)
		f.Fix = "let the clock follow a time server (NTP)"
	}
	return f, nil
}
