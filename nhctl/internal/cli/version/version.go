// Package version is `nhctl version`.
package version

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of nhctl, and the sidecar image that goes with it",
		Example: "  nhctl version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.JSON() {
				return f.Printer().Document(map[string]string{"version": buildinfo.Version,
					"sidecarImage": buildinfo.SidecarImage, "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(f.Out(), "nhctl %s (%s/%s)\nsidecar image %s\n", buildinfo.Version, runtime.GOOS,
				runtime.GOARCH, buildinfo.SidecarImage)
			return err
		},
	}
}
