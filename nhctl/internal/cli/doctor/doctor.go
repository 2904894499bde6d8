// Package doctor is `nhctl doctor`.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// Options are the command's flags and arguments.
type Options struct {
	Role, Pull bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether dev mode can work here, and say how to fix problems",
		Long: `Check whether dev mode can work in the namespace and on this computer: the cluster's version, your
permissions, Pod Security, quotas and policies, the images, clocks, and limits on watched folders. It changes nothing,
but with --pull short-lived pods pull the images. At its end it names the three commands to try next, by what it found.
The exit code is 1 when a check fails.`,
		Example: `  nhctl doctor
  nhctl doctor -n staging --pull
  nhctl doctor --role | kubectl apply -n staging -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Role {
				_, err := io.WriteString(f.FileOut(), kube.Role)
				return err
			}
			return run(cmd.Context(), f, o)
		},
	}
	cmd.AddCommand(newNetwork(f))
	cmd.Flags().BoolVar(&o.Role, "role", false, "print the Role that nhctl needs in a namespace, and nothing else")
	cmd.Flags().BoolVar(&o.Pull, "pull", false, "pull the images, each in a pod that is deleted at once")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	file, mistakes := config.Load(f.Dir, config.Options{Env: f.Env()})
	if mistakes != nil {
		file = nil
	}
	cluster, unreachable := clusters.Client(f)
	var r doctor.Report
	checks := doctor.Options{Images: images(f, file), Pull: o.Pull}
	doctor.Examine(ctx, cluster, unreachable, checks, func(x doctor.Finding) {
		r.Findings = append(r.Findings, x)
		if !f.JSON() {
			show(f.Out(), x)
		}
	})
	here := hereIs(f, file, mistakes)
	here.Pull = o.Pull
	r.Next = doctor.Advise(ctx, cluster, r.Findings, here)
	if f.JSON() {
		if err := f.Printer().Document(r); err != nil {
			return err
		}
	} else if err := showNext(f, r.Next); err != nil {
		return err
	}
	if slices.ContainsFunc(r.Findings, func(x doctor.Finding) bool { return x.State == doctor.Failed }) {
		return problem.Exit(problem.ExitFailure)
	}
	return nil
}

func show(out io.Writer, x doctor.Finding) {
	fmt.Fprintf(out, "%-8s %s: %s\n", x.State, x.Check, x.Says)
	if x.Fix != "" {
		fmt.Fprintf(out, "         -> %s\n", x.Fix)
	}
}

func showNext(f *factory.Factory, next []doctor.Next) error {
	var rows [][]string
	for i, n := range next {
		head := ""
		if i == 0 {
			head = "next:"
		}
		rows = append(rows, []string{head, f.Printer().Call.Text(n.Command), n.Title}) // as wide as it will be
	}
	return ui.Table(f.Out(), rows...)
}

// hereIs is what the folder and the call say about the commands to try next.
func hereIs(f *factory.Factory, file *config.File, mistakes error) doctor.Here {
	here := doctor.Here{
		Config:   file != nil || mistakes != nil,
		Mistakes: mistakes != nil,
		Local:    record.LocalOf(f.Env()),
		Flags:    f.ClusterFlags(),
	}
	if file != nil {
		for _, s := range file.Services {
			here.Workloads = append(here.Workloads, s.Ref())
		}
	}
	if !here.Config {
		guess, _ := scaffold.LookAt(f.Dir) // a folder that can't be read says nothing
		here.Name, here.Language = guess.Name, guess.Language
	}
	return here
}

// images are the sidecar's, if it has one, and the dev images of this folder's config, if it has one.
func images(f *factory.Factory, file *config.File) []string {
	var all []string
	if sidecar := cmp.Or(f.Env()["NHCTL_SIDECAR_IMAGE"], buildinfo.SidecarImage); sidecar != "" {
		all = append(all, sidecar)
	}
	if file == nil {
		return all
	}
	chosen := sync.OnceValue(func() string { // for all containers that leave it to the sources
		guess, _ := scaffold.LookAt(file.Folder)
		return guess.Image.Ref
	})
	for _, s := range file.Services {
		for _, c := range s.Containers {
			image := c.Dev.Image
			if image == config.AutoImage {
				image = chosen()
			}
			if image != "" && !slices.Contains(all, image) {
				all = append(all, image)
			}
		}
	}
	return all
}
