package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Report is what the doctor has to say.
type Report struct {
	Findings []Finding `json:"findings"`
	// Next are the commands to try next, in their order.
	Next []Next `json:"next"`
}

// Next is a command to try next. Words in capitals are for the user to fill in.
type Next struct {
	Command string `json:"command"`
	// Title says what it is for.
	Title string `json:"title"`
}

// Here is where the doctor was called.
type Here struct {
	// Config says that the folder has a config, Mistakes that it can't be used as it is, Workloads are those that it
	// describes.
	Config, Mistakes bool
	Workloads        []workload.Ref
	// Name is that of the workload that the folder's sources would be, Language theirs; "" where they don't show it.
	Name, Language string
	// Local is the user and the computer, as sessions name their holder.
	Local string
	// Pull says that the images were pulled.
	Pull bool
	// Flags are those that lead to the cluster: they belong to every command.
	Flags []string
}

// seen is what the next commands depend on.
type seen struct {
	Here
	// sessions are the user's own, of the folder's workloads where a config names them.
	sessions []record.Record
	// workload is the one that the folder without a config is most likely of, shared says that a config in the cluster
	// describes it.
	workload workload.Ref
	shared   bool
}

// Advise chooses the commands to try next, by what the checks have found, and what the cluster has of the user's.
func Advise(ctx context.Context, cluster *kube.Client, found []Finding, here Here) []Next {
	s := seen{Here: here}
	if cluster != nil && !has(found, "cluster") {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		s.look(ctx, cluster)
	}
	return s.next(found)
}

// look looks into the namespace; for what the user may not see, the advice is that for a namespace without it.
func (s *seen) look(ctx context.Context, c *kube.Client) {
	listed, _ := lease.List(ctx, c)
	for _, r := range listed.Records {
		if r.Holder.Local == s.Local && (len(s.Workloads) == 0 || slices.Contains(s.Workloads, r.Workload)) {
			s.sessions = append(s.sessions, r)
		}
	}
	if s.Config || len(s.sessions) > 0 {
		return
	}
	all, _ := c.Workloads(ctx)
	for _, w := range all {
		if w.Name == s.Name {
			s.workload = w.Ref
			origin, _, err := c.SharedConfig(ctx, w.Ref)
			s.shared = err == nil && origin != ""
			return
		}
	}
}

// has says whether a check has failed.
func has(found []Finding, check string) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.State == Failed && f.Check == check })
}

// count is how many commands the doctor names.
const count = 3

// adding adds a command.
type adding func(title string, words ...string)

func (s *seen) next(found []Finding) []Next {
	var all []Next
	add := func(title string, words ...string) {
		all = append(all, Next{Command: shellquote.Join(append(words, s.Flags...)...), Title: title})
	}
	switch {
	case has(found, "cluster"):
		s.withoutCluster(add)
	case slices.ContainsFunc(found, func(f Finding) bool { return f.State == Failed }):
		s.fix(found, add)
	case len(s.sessions) > 0:
		s.goOn(add)
	default:
		s.begin(add)
	}
	return all[:count]
}

// withoutCluster has the way to a cluster fixed first.
func (s *seen) withoutCluster(add adding) {
	add("see which clusters your kubeconfig names", "kubectl", "config", "get-contexts")
	s.again(add)
	if s.Config {
		add("check the config in the meantime", "nhctl", "config", "validate")
	} else {
		add("write a config in the meantime", "nhctl", "config", "init", "--offline")
	}
}

// fix begins with what shows more about a failed check, or fixes it.
func (s *seen) fix(found []Finding, add adding) {
	for _, f := range found {
		check, _, _ := strings.Cut(f.Check, " ")
		switch {
		case f.State != Failed:
		case check == "user":
			add("see as whom the cluster knows you", "kubectl", "auth", "whoami")
		case check == "permissions":
			add("print the Role for an administrator to apply", "nhctl", "doctor", "--role")
		case check == "pods":
			add("see the namespace's quotas and limits", "kubectl", "describe", "quota,limits")
		case check == "image" && s.Config:
			add("see the config's images, and where they are set", "nhctl", "config", "show", "--origin")
		}
	}
	s.again(add)
	add("collect what someone who helps you needs", "nhctl", "support")
	add("see the namespace's sessions", "nhctl", "dev", "list")
}

// again looks whether a fix was one.
func (s *seen) again(add adding) {
	words := []string{"nhctl", "doctor"}
	if s.Pull {
		words = append(words, "--pull")
	}
	add("look again, once that is fixed", words...)
}

// goOn goes on with a session.
func (s *seen) goOn(add adding) {
	var which []string
	if len(s.sessions) > 1 || len(s.Workloads) > 1 {
		which = []string{"--session", s.sessions[0].Session}
	}
	dev := func(title, verb string) { add(title, append([]string{"nhctl", "dev", verb}, which...)...) }
	dev("see how your session of "+s.sessions[0].Workload.String()+" is", "status")
	dev("open a shell in its container", "terminal")
	dev("restore the workload", "end")
}

// begin leads into dev mode.
func (s *seen) begin(add adding) {
	const take = "take the workload into dev mode"
	start := []string{"nhctl", "dev", "start"}
	switch {
	case s.Mistakes:
		add("see the config's mistakes", "nhctl", "config", "validate")
		add(take, start...)
	case s.Config && len(s.Workloads) > 1:
		add(take, append(start, s.Workloads[0].Argument())...)
	case s.Config:
		add(take, start...)
	case s.shared:
		add(take+", with its config in the cluster", append(start, s.workload.Argument(), "--dir", ".")...)
	default:
		image := config.AutoImage
		if s.Language == "" {
			image = "IMAGE"
		}
		add("write a config for the sources in this folder", "nhctl", "config", "init")
		add("or "+take+" without one",
			append(start, cmp.Or(s.workload, unknown).Argument(), "--dir", ".", "--image", image)...)
	}
	add("build and start your program in the pod", "nhctl", "dev", "run")
	add("restore the workload", "nhctl", "dev", "end")
}

// unknown stands for a workload that the user has to name.
var unknown = workload.Ref{Kind: workload.Deployment, Name: "WORKLOAD"}
