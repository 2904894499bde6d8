package session

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
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
