package daemon

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// holder is who calls, as sessions and claims name them.
func holder(ctx context.Context, c *kube.Client, caller rpc.Caller) (rpc.Holder, error) {
	user, err := c.User(ctx)
	return rpc.Holder{User: user, Local: local(caller)}, err
}

func (d *Daemon) volumes(ctx context.Context, p rpc.Volumes) ([]rpc.Volume, error) {
	c, ref, mine, err := d.owner(ctx, p)
	if err != nil {
		return nil, err
	}
	all, err := devmode.Volumes(ctx, c, mine)
	if err != nil || ref == nil {
		return all, err
	}
	some := []rpc.Volume{}
	for _, v := range all {
		if v.Workload == ref.String() {
			some = append(some, v)
		}
	}
	return some, nil
}

func (d *Daemon) clean(ctx context.Context, p rpc.Volumes) ([]rpc.Volume, error) {
	c, ref, mine, err := d.owner(ctx, p)
	if err != nil {
		return nil, err
	}
	return devmode.Clean(ctx, c, mine, ref)
}

// owner is the caller, and the workload that they mean; nil means all.
func (d *Daemon) owner(ctx context.Context, p rpc.Volumes) (*kube.Client, *workload.Ref, rpc.Holder, error) {
	c, err := cluster(p.Caller)
	if err != nil {
		return nil, nil, rpc.Holder{}, err
	}
	var ref *workload.Ref
	if p.Workload != "" {
		parsed, err := workload.ParseRef(p.Workload)
		if err != nil {
			return nil, nil, rpc.Holder{}, err
		}
		ref = &parsed
	}
	mine, err := holder(ctx, c, p.Caller)
	return c, ref, mine, err
}
