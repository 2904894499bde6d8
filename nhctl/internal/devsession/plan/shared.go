package plan

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Shared is what a plan may ask the cluster, where a config needs it.
type Shared interface {
	// Containers are a workload's, to choose one by its image.
	Containers(ref workload.Ref, podTemplate string) ([]corev1.Container, error)
	// Config is what the team keeps in the cluster for a workload; nil when there is none.
	Config(ref workload.Ref, profile string) (*config.File, error)
}

// describe finds the service that describes a workload: in the folder's config, else in what the team keeps in the
// cluster, and says which it took. Both are nil where nothing does.
func describe(
	ref workload.Ref, local *config.File, profile string, cluster Shared,
) (*config.Service, *config.File, error) {
	if local != nil {
		if service, err := local.Service(ref); err != nil || service != nil {
			return service, local, err
		}
	}
	shared, err := cluster.Config(ref, profile)
	if err != nil || shared == nil {
		return nil, local, err
	}
	service, err := shared.Service(ref)
	if err != nil || service == nil {
		return nil, local, err
	}
	return service, shared, nil
}
