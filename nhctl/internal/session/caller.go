package session

import (
	"cmp"
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// ClientOf is a client of the caller's cluster.
func ClientOf(c rpc.Caller) (*kube.Client, error) { return kube.New(OptionsOf(c)) }

// OptionsOf say which cluster is the caller's.
func OptionsOf(c rpc.Caller) kube.Options {
	return kube.Options{
		Kubeconfig: c.Kubeconfig,
		Context:    c.Context,
		Namespace:  c.Namespace,
		Env:        c.Env,
		Dir:        c.Dir,
	}
}

// LocalOf is who calls, and from which computer.
func LocalOf(c rpc.Caller) string { return record.LocalOf(c.Env) }

// HolderOf is who calls, as sessions and claims name them.
func HolderOf(ctx context.Context, c *kube.Client, caller rpc.Caller) (record.Holder, error) {
	user, err := c.User(ctx)
	return record.Holder{User: user, Local: LocalOf(caller)}, err
}

// AgentImage is the sidecar's image that an agent's pod is to run.
type AgentImage struct {
	// Reference is empty where this nhctl knows of none: it was built by Go alone.
	Reference string
	// Named says that the caller wants this one and no other. Unpublished says that no registry has it: a node may have
	// it, where someone has loaded it.
	Named, Unpublished bool
}

// AgentImageOf is the one that a call names, or the one of this build.
func AgentImageOf(caller rpc.Caller, flag string) AgentImage {
	if named := cmp.Or(flag, caller.Env["NHCTL_SIDECAR_IMAGE"]); named != "" {
		return AgentImage{Reference: named, Named: true}
	}
	if buildinfo.SidecarImage != "" {
		return AgentImage{Reference: buildinfo.SidecarImage}
	}
	return AgentImage{Reference: buildinfo.SidecarReference, Unpublished: true}
}
