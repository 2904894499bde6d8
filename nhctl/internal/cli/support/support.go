// Package support is `nhctl support`.
package support

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/support"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// Options are the command's flags and arguments.
type Options struct {
	File string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "support",
		Short: "Write a bundle that helps others to help you, and show what is in it",
		Long: `Write a zip file with versions, the daemon's log, this computer's sessions, what the cluster has of them,
and what nhctl doctor says. It has no tokens, no sources, and no values of Secrets, ConfigMaps, environment variables,
annotations, commands and arguments. It does name your cluster, workloads and folders: look at it before you send it to
anyone. nhctl sends nothing by itself.`,
		Example: `  nhctl support
  nhctl support --file problem.zip`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, o) },
	}
	cmd.Flags().StringVar(&o.File, "file", "", "the file to write (default: nhctl-support-TIME.zip)")
	return cmd
}

// bundle is the result of the command.
type bundle struct {
	Path  string         `json:"path"`
	Files []support.File `json:"files"`
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	now := time.Now()
	path := o.File
	if path == "" {
		path = "nhctl-support-" + now.UTC().Format("20060102-150405") + ".zip"
	}
	path = f.Absolute(path)
	source := support.Source{
		Dirs: dirs,
		Versions: map[string]string{
			"nhctl":        buildinfo.Version,
			"sidecarImage": buildinfo.SidecarImage,
			"go":           runtime.Version(),
			"platform":     runtime.GOOS + "/" + runtime.GOARCH,
		},
		Doctor: func(ctx context.Context) (all []doctor.Finding) {
			cluster, err := clusters.Client(f)
			doctor.Examine(ctx, cluster, err, doctor.Options{}, func(x doctor.Finding) { all = append(all, x) })
			return all
		},
		Cluster: func(s rpc.Session) (*kube.Client, error) { return clusters.ClientAt(f, s.Context, s.Namespace) },
	}
	if c, err := client.ConnectRunning(dirs); err != nil {
		source.Unlisted = err // starting a daemon would change what there is to see
	} else {
		defer c.Close()
		var daemon rpc.Daemon
		if err := c.Call(ctx, rpc.MethodDaemon, nil, &daemon); err == nil {
			source.Versions["daemon"] = daemon.Version
		}
		source.Unlisted = c.Call(ctx, rpc.MethodList, rpc.List{Caller: f.Caller(), AllClusters: true},
			&source.Sessions)
	}
	files := support.Collect(ctx, source)
	if err := support.Write(path, files, now); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return f.Printer().Result(bundle{path, files}, func(w io.Writer) { show(w, f.Relative(path), files) })
}

func show(w io.Writer, path string, files []support.File) {
	fmt.Fprintf(w, "%s has\n", path)
	var rows [][]string
	for _, file := range files {
		rows = append(rows, []string{"  " + file.Name, ui.Bytes(int64(file.Size)), file.About})
	}
	_ = ui.Table(w, rows...)
	fmt.Fprint(w, support.Contents)
}
