package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/devimages/internal/image"
)

// devImages are the images that people choose for their services.
func (o *options) devImages() ([]image.Definition, error) {
	all, err := o.selected(nil)
	var dev []image.Definition
	for _, d := range all {
		if d.About != "" {
			dev = append(dev, d)
		}
	}
	return dev, err
}

func (o *options) dockerfiles() *cobra.Command {
	cmd := &cobra.Command{Use: "dockerfiles DIR", Short: "Write the dev images down as Dockerfiles",
		Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dev, err := o.devImages()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		for _, d := range dev {
			text, err := o.builder.Dockerfile(cmd.Context(), d)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(args[0], d.Name+".Dockerfile"), []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// marked is where a page has the table.
var marked = regexp.MustCompile(`(?s)(<!-- images -->\n).*(<!-- /images -->)`)

func (o *options) table() *cobra.Command {
	cmd := &cobra.Command{Use: "table PAGE", Short: "Write the table of the dev images into a page: what they have, " +
		"and how big they are", Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.builder.Progress = cmd.ErrOrStderr()
		dev, err := o.devImages()
		if err != nil {
			return err
		}
		text := "| image | what it is for | in addition to the shell and its tools | to pull | on disk |\n" +
			"|---|---|---|---|---|\n"
		for _, d := range dev {
			c, err := o.builder.Contents(cmd.Context(), d)
			if err != nil {
				return err
			}
			text += fmt.Sprintf("| `%s` | %s | %s | %d MB | %d MB |\n", d.Ref, d.About, strings.Join(c.Tools, ", "),
				c.Compressed/1e6, c.Unpacked/1e6)
		}
		page, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		if !marked.Match(page) {
			return fmt.Errorf("%s has no <!-- images --> and <!-- /images --> to write between", args[0])
		}
		return os.WriteFile(args[0], marked.ReplaceAll(page, []byte("${1}"+text+"${2}")), 0o644)
	}
	return cmd
}
