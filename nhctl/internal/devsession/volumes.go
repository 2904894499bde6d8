package devsession

import (
	"context"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

func (k *Kind) volumes(ctx context.Context, p rpc.Volumes) ([]rpc.Volume, error) {
	c, ref, mine, err := k.owner(ctx, p)
	if err != nil {
		return nil, err
	}
	all, err := devmode.Volumes(ctx, c, mine)
	if err != nil {
		return nil, err
	}
	if ref != nil {
		all = slices.DeleteFunc(all, func(v devmode.Volume) bool { return v.Workload != ref.String() })
	}
	return volumeViews(all), nil
}

func (k *Kind) clean(ctx context.Context, p rpc.Volumes) ([]rpc.Volume, error) {
	c, ref, mine, err := k.owner(ctx, p)
	if err != nil {
		return nil, err
	}
	deleted, err := devmode.Clean(ctx, c, mine, ref)
	return volumeViews(deleted), err
}

// volumeViews are volumes as the command line shows them.
func volumeViews(all []devmode.Volume) []rpc.Volume {
	views := []rpc.Volume{}
	for _, v := range all {
		views = append(views, rpc.Volume(v))
	}
	return views
}

// owner is the caller, and the workload that they mean; nil means all.
func (k *Kind) owner(ctx context.Context, p rpc.Volumes) (*kube.Client, *workload.Ref, record.Holder, error) {
	c, err := session.ClientOf(p.Caller)
	if err != nil {
		return nil, nil, record.Holder{}, err
	}
	var ref *workload.Ref
	if p.Workload != "" {
		parsed, err := workload.ParseRef(p.Workload)
		if err != nil {
			return nil, nil, record.Holder{}, err
		}
		ref = &parsed
	}
	mine, err := session.HolderOf(ctx, c, p.Caller)
	return c, ref, mine, err
}
