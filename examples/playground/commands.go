package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/examples/playground/internal/node"
)

func (o *options) status() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Show the parts of the playground", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := o.plan()
			if err != nil {
				return err
			}
			return node.Status(cmd.Context(), p, cmd.OutOrStdout())
		}}
}

func (o *options) load() *cobra.Command {
	return &cobra.Command{
		Use:   "load IMAGE.tar...",
		Short: "Load image archives that the node does not have yet",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.plan()
			if err != nil {
				return err
			}
			return o.locked(cmd.Context(), o.name,
				func() error { return node.LoadImages(cmd.Context(), p, args, cmd.ErrOrStderr()) })
		},
	}
}

func (o *options) kubectl() *cobra.Command {
	return &cobra.Command{Use: "kubectl ARGS...", Short: "Run kubectl as the administrator (--name goes before it)",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.plan()
			if err != nil {
				return err
			}
			return node.Kubectl(cmd.Context(), p, args)
		}}
}

func (o *options) logs() *cobra.Command {
	return &cobra.Command{
		Use:       "logs PART",
		Short:     "Show the log of a part",
		Args:      cobra.ExactArgs(1),
		ValidArgs: node.Parts(),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.plan()
			if err != nil {
				return err
			}
			return node.Log(p, args[0], cmd.OutOrStdout())
		},
	}
}

func (o *options) user() *cobra.Command {
	var namespace, role, output string
	cmd := &cobra.Command{Use: "user NAME --namespace NS --role FILE",
		Short: "Write a kubeconfig of a user who may do what a Role says, and nothing else", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&namespace, "namespace", "default", "where the Role applies")
	cmd.Flags().StringVar(&role, "role", "", "manifest with the Role")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	_ = cmd.MarkFlagRequired("role")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := o.plan()
		if err != nil {
			return err
		}
		kubeconfig, err := node.User(cmd.Context(), p, args[0], namespace, role)
		if err != nil {
			return err
		}
		if output != "" {
			return os.WriteFile(output, kubeconfig, 0o600)
		}
		_, err = cmd.OutOrStdout().Write(kubeconfig)
		return err
	}
	return cmd
}

func (o *options) part(verb, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " PART", Short: short, Args: cobra.ExactArgs(1), ValidArgs: node.Parts(),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.plan()
			if err != nil {
				return err
			}
			return node.Part(cmd.Context(), p, verb, args[0])
		}}
}
