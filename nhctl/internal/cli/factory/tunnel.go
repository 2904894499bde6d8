package factory

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Tunnel is the tunnel that a command brings up where it is not there yet.
type Tunnel struct {
	Workload, Container string
	SidecarImage, Image string
	Timeout             time.Duration
}

// AddFlags adds the flags that say which tunnel.
func (t *Tunnel) AddFlags(cmd *cobra.Command, f *Factory) {
	const limit = 2 * time.Minute
	flags := cmd.Flags()
	flags.StringVar(&t.Workload, "workload", "",
		"have the gateway be a pod of this workload's template: its environment, files, identity and node")
	_ = cmd.RegisterFlagCompletionFunc("workload", f.CompleteWorkloads)
	flags.StringVarP(&t.Container, "container", "c", "",
		"the workload's container that is meant (default: the pod's only one)")
	flags.StringVar(&t.SidecarImage, "sidecar-image", "",
		"image of the sidecar, which the gateway runs (default: $NHCTL_SIDECAR_IMAGE, or this nhctl's)")
	flags.StringVar(&t.Image, "image", "",
		"this image with a shell in the place of the sidecar's: nhctl copies the agent into it")
	flags.DurationVar(&t.Timeout, "timeout", limit, "limit of the gateway's start")
}

// Connect is the call that brings the tunnel up.
func (t *Tunnel) Connect(f *Factory) rpc.Connect {
	return rpc.Connect{
		Caller:       f.Caller(),
		Workload:     t.Workload,
		Container:    t.Container,
		SidecarImage: t.SidecarImage,
		Image:        t.Image,
		Timeout:      t.Timeout,
	}
}
