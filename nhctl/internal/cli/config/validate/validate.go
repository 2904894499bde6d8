// Package validate is `nhctl config validate`.
package validate

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options are the command's flags and arguments.
type Options struct {
	File, Profile string
	Offline       bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Find every mistake of a config",
		Long: `Find every mistake of a config at once, with its line: unknown and wrong fields, bad values, ports used
twice, text pasted from web pages. Where a cluster can be reached, containers are compared with the real workloads.
Without FILE, the config of this folder or of one above it. As JSON, each finding has a file, a line, columns and a
code. "nhctl lsp" shows the findings in editors.

Exit code 2 says that there are errors; warnings alone are no failure.`,
		Example: `  nhctl config validate
  nhctl config validate ./web/.dev/config.yaml -o json
  nhctl config validate --offline          # without asking a cluster`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.File = args[0]
			}
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().StringVar(&o.Profile, "profile", "", "profile to lay over the config")
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "do not compare with the cluster")
	return cmd
}

// result is the JSON document.
type result struct {
	File     string          `json:"file"`
	Valid    bool            `json:"valid"`
	Findings source.Findings `json:"findings"`
	Ignored  []string        `json:"ignored,omitempty"`
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	file, err := f.Config(o.File, o.Profile)
	if err != nil {
		return err
	}
	if !o.Offline && !file.Findings.Failed() {
		compare(ctx, f, file)
	}
	failed := file.Findings.Failed()
	if f.JSON() {
		r := result{File: file.Path, Valid: !failed, Findings: file.Findings, Ignored: file.Ignored}
		if r.Findings == nil {
			r.Findings = source.Findings{}
		}
		if err := f.Printer().Document(r); err != nil {
			return err
		}
		if failed {
			return problem.Exit(problem.ExitUsage)
		}
		return nil
	}
	for _, text := range file.Notices() {
		// a finding begins with its file's name
		fmt.Fprintln(f.Out(), strings.TrimPrefix(text, f.Dir+string(filepath.Separator)))
	}
	if failed {
		return problem.New(problem.Usage, "%s is not valid", f.Relative(file.Path))
	}
	_, err = fmt.Fprintf(f.Out(), "%s is valid: %s\n", f.Relative(file.Path), services(file.Services))
	return err
}

func services(list []config.Service) string {
	if len(list) == 0 {
		return "no services"
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Ref().String())
	}
	return strings.Join(names, ", ")
}

// reach is how long a cluster may take to answer before its part is left out.
const reach = 2 * time.Second

// compare looks at the real workloads, when there is a cluster that answers.
func compare(ctx context.Context, f *factory.Factory, file *config.File) {
	c, err := clusters.Client(f)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reach)
	defer cancel()
	all, err := c.Workloads(ctx)
	if err != nil {
		return
	}
	file.Compare(func(s config.Service) (names []string, found bool) { return containers(all, s) })
}

func containers(all []kube.Workload, s config.Service) (names []string, found bool) {
	for _, w := range all {
		if string(w.Kind) != s.ServiceType || w.Name != s.Name {
			continue
		}
		for _, c := range w.Containers {
			names = append(names, c.Name)
		}
		return names, true
	}
	return nil, false
}
