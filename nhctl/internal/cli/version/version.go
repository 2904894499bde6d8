// Package version is `nhctl version`.
package version

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// document is what -o json prints.
type document struct {
	Version      string `json:"version"`
	SidecarImage string `json:"sidecarImage"`
	Go           string `json:"go"`
	Platform     string `json:"platform"`
	// Latest is the newest release, where the caller has asked for it.
	Latest *release `json:"latest,omitempty"`
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command { return command(f, latestRelease) }

// command is New with the address that knows the newest release.
func command(f *factory.Factory, releases string) *cobra.Command {
	check := false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of nhctl, and the sidecar image that goes with it",
		Long: `Show the version of nhctl, and the sidecar image that goes with it.

--check asks GitHub once for the newest release, and sends nothing but that question. nhctl never asks by itself, and
reports nothing to anyone.`,
		Example: "  nhctl version\n  nhctl version --check",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd.Context(), f, check, releases)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask GitHub whether there is a newer release")
	return cmd
}

func show(ctx context.Context, f *factory.Factory, check bool, releases string) error {
	d := document{
		Version:      buildinfo.Version,
		SidecarImage: buildinfo.SidecarImage,
		Go:           runtime.Version(),
		Platform:     runtime.GOOS + "/" + runtime.GOARCH,
	}
	if check {
		latest, err := newest(ctx, http.DefaultClient, releases, d.Version)
		if err != nil {
			return err
		}
		d.Latest = &latest
	}
	if f.JSON() {
		return f.Printer().Document(d)
	}
	image := cmp.Or(d.SidecarImage, "none: nhctl copies the sidecar into pods")
	_, err := fmt.Fprintf(f.Out(), "nhctl %s (%s)\nsidecar image %s\n", d.Version, d.Platform, image)
	if err == nil && check {
		_, err = fmt.Fprintln(f.Out(), d.Latest.says())
	}
	return err
}
