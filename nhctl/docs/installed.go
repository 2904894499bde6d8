package docs

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Completions are the scripts by which shells complete the commands below root, by the names under which those shells
// look for them.
func Completions(root *cobra.Command) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, write := range map[string]func(io.Writer) error{
		"nhctl.bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"_nhctl":     root.GenZshCompletion,
		"nhctl.fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"nhctl.ps1":  root.GenPowerShellCompletionWithDesc,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return nil, fmt.Errorf("write the completion %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// ManPages has a page for each command below root, root included, by its file's name.
func ManPages(root *cobra.Command, version string, date time.Time) (map[string][]byte, error) {
	files := map[string][]byte{}
	var visit func(cmd *cobra.Command) error
	visit = func(cmd *cobra.Command) error {
		cmd.DisableAutoGenTag = true
		var b bytes.Buffer
		header := &doc.GenManHeader{Section: "1", Date: &date, Source: "nhctl " + version, Manual: "nhctl"}
		if err := doc.GenMan(cmd, header, &b); err != nil {
			return fmt.Errorf("write the man page of %s: %w", cmd.CommandPath(), err)
		}
		files[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"] = b.Bytes()
		for _, sub := range cmd.Commands() {
			if !sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
				continue
			}
			if err := visit(sub); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(root); err != nil {
		return nil, err
	}
	return files, nil
}
