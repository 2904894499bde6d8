// Command devimages makes the sidecar, dev and demo images, without Docker: as archives to load into a node, or
// straight to a registry.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
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
	flags.StringVar(&o.builder.SidecarBinary, "sidecar-binary", "", "the sidecar, built static")
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

func (o *options) build() *cobra.Command {
	var out string
	cmd := &cobra.Command{Use: "build [NAME...]", Short: "Make image archives"}
	cmd.Flags().StringVar(&out, "out", "bin/images", "folder for the archives")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.builder.Progress = cmd.ErrOrStderr()
		chosen, err := o.selected(args)
		if err != nil {
			return err
		}
		building, ctx := errgroup.WithContext(cmd.Context())
		building.SetLimit(atOnce)
		for _, d := range chosen {
			building.Go(func() error {
				file, err := o.builder.Archive(ctx, d, out)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "image %-20s %s\n", d.Name, file)
				return nil
			})
		}
		return building.Wait()
	}
	return cmd
}

func (o *options) push() *cobra.Command {
	var registry string
	var insecure bool
	cmd := &cobra.Command{Use: "push [NAME...] --registry HOST/PATH", Short: "Make images and push them to a registry"}
	cmd.Flags().StringVar(&registry, "registry", "", "host and folder, such as registry.example.com/team")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "allow a registry without TLS")
	_ = cmd.MarkFlagRequired("registry")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.builder.Progress = cmd.ErrOrStderr()
		chosen, err := o.selected(args)
		if err != nil {
			return err
		}
		for _, d := range chosen {
			ref, err := o.builder.Push(cmd.Context(), d, registry, insecure)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), ref)
		}
		return nil
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
