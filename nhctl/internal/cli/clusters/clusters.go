// Package clusters reaches the caller's cluster, for commands that need no daemon, and completes what is in it.
// Commands that do without don't import it: it links all of client-go.
package clusters

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Client is the caller's cluster.
func Client(f *factory.Factory) (*kube.Client, error) { return kube.New(options(f)) }

// ClientAt is the cluster of a context of the caller's kubeconfig, with a namespace of it.
func ClientAt(f *factory.Factory, context, namespace string) (*kube.Client, error) {
	o := options(f)
	o.Context, o.Namespace = context, namespace
	return kube.New(o)
}

func options(f *factory.Factory) kube.Options {
	return kube.Options{Kubeconfig: f.Kubeconfig, Context: f.Context, Namespace: f.Namespace, Env: f.Env(), Dir: f.Dir}
}

// Servers are the hosts of the API servers that the caller's kubeconfig names.
func Servers(f *factory.Factory) ([]string, error) {
	contexts, err := kube.Contexts(options(f))
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, c := range contexts {
		if u, err := url.Parse(c.Server); err == nil && u.Hostname() != "" && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	slices.Sort(hosts)
	return hosts, nil
}

// Config is the factory's, or where the folder has none, what the team keeps in the cluster for a workload.
func Config(
	ctx context.Context, f *factory.Factory, name, profile string, ref workload.Ref,
) (*config.File, error) {
	file, err := f.Config(name, profile)
	if err == nil || problem.From(err).Code != problem.NotFound || name != "" || ref.Name == "" {
		return file, err
	}
	c, kubeErr := Client(f)
	if kubeErr != nil {
		return nil, err
	}
	ref.Kind = cmp.Or(ref.Kind, workload.Deployment)
	origin, text, kubeErr := c.SharedConfig(ctx, ref)
	if kubeErr != nil || origin == "" {
		return nil, errors.Join(err, kubeErr)
	}
	return config.LoadShared(origin, text, ref, profile)
}
