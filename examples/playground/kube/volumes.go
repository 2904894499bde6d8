package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/nhctl/nhctl/examples/playground/internal/volumes"
)

// newVolumesCommand is the playground's own provisioner of volumes.
func newVolumesCommand() *cobra.Command {
	var kubeconfig, address string
	p := &volumes.Provisioner{}
	cmd := &cobra.Command{Use: "volumes", Short: "Make a folder for each claim", Args: cobra.NoArgs, SilenceUsage: true}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	cmd.Flags().StringVar(&p.Name, "provisioner", "", "name by which StorageClasses ask for it")
	cmd.Flags().StringVar(&p.Dir, "dir", "", "folder of the volumes")
	cmd.Flags().StringVar(&address, "listen", "", "address that answers whether volumes can be made")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return err
		}
		if p.Client, err = kubernetes.NewForConfig(config); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return p.Run(ctx, address, os.Stderr)
	}
	return cmd
}
