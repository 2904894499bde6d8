package daemon

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// facts are what a plan may ask the cluster, where a config needs it.
type facts interface {
	// containers are a workload's, to choose one by its image.
	containers(ref workload.Ref, podTemplate string) ([]corev1.Container, error)
	// config is what the team keeps in the cluster for a workload; nil when there is none.
	config(ref workload.Ref, profile string) (*config.File, error)
}

// inCluster asks the caller's cluster.
type inCluster struct {
	ctx    context.Context
	caller rpc.Caller
}

func (i inCluster) containers(ref workload.Ref, podTemplate string) ([]corev1.Container, error) {
	c, err := cluster(i.caller)
	if err != nil {
		return nil, err
	}
	return devmode.Containers(i.ctx, c, ref, podTemplate)
}

func (i inCluster) config(ref workload.Ref, profile string) (*config.File, error) {
	c, err := cluster(i.caller)
	if err != nil {
		return nil, err
	}
	origin, text, err := c.SharedConfig(i.ctx, ref)
	if err != nil || origin == "" {
		return nil, err
	}
	return config.LoadShared(origin, text, ref, profile)
}

// describe finds the service that describes a workload: in the folder's config, else in what the team keeps in the cluster, and says which
// it took. Both are nil where nothing does.
func describe(ref workload.Ref, local *config.File, profile string, cluster facts) (*config.Service, *config.File, error) {
	if local != nil {
		if service, err := local.Service(ref); err != nil || service != nil {
			return service, local, err
		}
	}
	shared, err := cluster.config(ref, profile)
	if err != nil || shared == nil {
		return nil, local, err
	}
	service, err := shared.Service(ref)
	if err != nil || service == nil {
		return nil, local, err
	}
	return service, shared, nil
}
