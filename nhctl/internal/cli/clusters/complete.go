package clusters

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// completionLimit limits how long a shell waits for completions.
const completionLimit = 2 * time.Second

// CompleteWorkloads completes the workloads of the namespace: KIND/ first, then the names of that kind.
func CompleteWorkloads(f *factory.Factory) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word, _, both := strings.Cut(typed, "/")
		kind, prefix := workload.Deployment, ""
		if both {
			var ok bool
			if kind, ok = workload.ParseKind(word); !ok {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			prefix = word + "/"
		}
		names, directive := complete(cmd, f, func(ctx context.Context, c *kube.Client) ([]string, error) {
			return c.CompleteWorkloads(ctx, kind.Resource(), prefix)
		})
		if both {
			return names, directive
		}
		for _, k := range workload.Kinds() {
			for _, word := range k.Words()[:2] {
				if strings.HasPrefix(word, typed) && typed != "" {
					names = append(names, word+"/")
					directive |= cobra.ShellCompDirectiveNoSpace
				}
			}
		}
		return names, directive
	}
}

// CompleteNamespaces completes namespaces, as far as the caller may list them.
func CompleteNamespaces(f *factory.Factory) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, f,
			func(ctx context.Context, c *kube.Client) ([]string, error) { return c.CompleteNamespaces(ctx) })
	}
}

// CompleteContexts completes the contexts of the kubeconfig.
func CompleteContexts(f *factory.Factory) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		contexts, err := kube.Contexts(options(f))
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, c := range contexts {
			names = append(names, c.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func complete(
	cmd *cobra.Command, f *factory.Factory, list func(context.Context, *kube.Client) ([]string, error),
) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionLimit)
	defer cancel()
	c, err := Client(f)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := list(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
