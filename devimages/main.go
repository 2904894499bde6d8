// Command devimages makes the sidecar, dev and demo images, without Docker: as archives to load into a node, or
// straight to a registry.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/nhctl/nhctl/devimages/definitions"
	"github.com/nhctl/nhctl/devimages/internal/image"
)

//go:generate go run . --repository .. dockerfiles dockerfiles

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the flags of every command.
type options struct {
	builder    image.Builder
	sidecarRef string
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:           "devimages",
		Short:         "Make the images without Docker",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.builder.Repository, "repository", ".", "root of the source tree")
	flags.StringVar(&o.builder.Cache, "cache", defaultCache(), "where finished layers and archives are kept")
	flags.StringVar(&o.builder.Sidecars, "sidecars", "", "folder with the sidecar, as sidecar-linux-ARCH")
	flags.StringVar(&o.sidecarRef, "sidecar-ref", "", "reference of the sidecar image")
	root.AddCommand(o.build(), o.push(), o.list(), o.dockerfiles(), o.table())
	return root
}

func defaultCache() string {
	if dir := os.Getenv("NHCTL_CACHE"); dir != "" {
		return filepath.Join(dir, "images")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "nhctl", "images")
}

// selected returns the definitions of the named images, the sidecar's with the reference of this build.
func (o *options) selected(names []string) ([]image.Definition, error) {
	all, err := image.Definitions(definitions.Files)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == "sidecar" && o.sidecarRef != "" {
			all[i].Ref = o.sidecarRef
		}
	}
	return image.Select(all, names)
}

// atOnce is how many images are made at a time: a Debian system unpacks on one core, and waits for its packages.
const atOnce = 2

// targets returns the named images for the platforms, or for those that a function names where there are none, once
// this machine has all that making them needs.
func (o *options) targets(ctx context.Context, names, platforms []string,
	otherwise func(image.Definition) []image.Arch,
) ([]image.Target, error) {
	chosen, err := o.selected(names)
	if err != nil {
		return nil, err
	}
	var arches []image.Arch
	for _, p := range platforms {
		arch, err := image.ParsePlatform(p)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(arches, arch) {
			arches = append(arches, arch)
		}
	}
	var targets []image.Target
	for _, d := range chosen {
		t := image.Target{Definition: d, Arches: arches}
		if len(arches) == 0 {
			t.Arches = otherwise(d)
		}
		targets = append(targets, t)
	}
	return targets, o.builder.Check(ctx, targets)
}

func (o *options) build() *cobra.Command {
	var out string
	var platforms []string
	cmd := &cobra.Command{Use: "build [NAME...]", Short: "Make image archives"}
	cmd.Flags().StringVar(&out, "out", "bin/images",
		"folder for the archives; those of another architecture go to OUT/ARCH")
	cmd.Flags().StringArrayVar(&platforms, "platform", nil,
		"make them for this platform, such as linux/arm64 (repeatable; default: this machine's)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.builder.Progress = cmd.ErrOrStderr()
		targets, err := o.targets(cmd.Context(), args, platforms, func(image.Definition) []image.Arch {
			return []image.Arch{image.Host()}
		})
		if err != nil {
			return err
		}
		building, ctx := errgroup.WithContext(cmd.Context())
		building.SetLimit(atOnce)
		for _, t := range targets {
			for _, arch := range t.Arches {
				building.Go(func() error {
					file, err := o.builder.Archive(ctx, t.Definition, arch, out)
					if err != nil {
						return err
					}
					fmt.Fprintf(cmd.ErrOrStderr(), "image %-20s %s\n", t.Name, file)
					return nil
				})
			}
		}
		return building.Wait()
	}
	return cmd
}

func (o *options) push() *cobra.Command {
	var registry image.Registry
	var platforms []string
	cmd := &cobra.Command{
		Use:   "push [NAME...] --registry HOST/PATH",
		Short: "Make images and push them to a registry",
		Long: `Make images, and push each to a registry as an index of its platforms. The output has a line for each
image: its reference, its digest, its architectures.`,
	}
	cmd.Flags().StringVar(&registry.Folder, "registry", "", "host and folder, such as registry.example.com/team")
	cmd.Flags().BoolVar(&registry.Insecure, "insecure", false, "allow a registry without TLS")
	cmd.Flags().StringArrayVar(&platforms, "platform", nil,
		"make them for this platform, such as linux/arm64 (repeatable; default: all)")
	_ = cmd.MarkFlagRequired("registry")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.builder.Progress = cmd.ErrOrStderr()
		targets, err := o.targets(cmd.Context(), args, platforms, image.Definition.Arches)
		if err != nil {
			return err
		}
		pushed := make([]string, len(targets))
		pushing, ctx := errgroup.WithContext(cmd.Context())
		pushing.SetLimit(atOnce)
		for i, t := range targets {
			pushing.Go(func() error {
				ref, digest, err := o.builder.Push(ctx, t, registry)
				pushed[i] = fmt.Sprintf("%s %s %v\n", ref, digest, t.Arches)
				return err
			})
		}
		if err := pushing.Wait(); err != nil {
			return err
		}
		_, err = io.WriteString(cmd.OutOrStdout(), strings.Join(pushed, ""))
		return err
	}
	return cmd
}

func (o *options) list() *cobra.Command {
	var out string
	cmd := &cobra.Command{Use: "list", Short: "List the images and the sizes of their archives", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&out, "out", "bin/images", "folder of the archives")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := o.selected(nil)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tARCHIVE\tREFERENCE")
		for _, d := range all {
			size := "not built"
			if info, err := os.Stat(filepath.Join(out, d.Name+".tar")); err == nil {
				size = fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, size, d.Ref)
		}
		return w.Flush()
	}
	return cmd
}
