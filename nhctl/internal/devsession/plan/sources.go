package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// chosen is a dev section whose image was chosen by the sources, where it says auto, and what to tell about that.
// Without a config, the commands come from the sources too.
func chosen(dev config.Dev, root string, configured bool) (config.Dev, []string, error) {
	if dev.Image != config.AutoImage || root == "" {
		return dev, nil, nil
	}
	g, err := scaffold.LookAt(root)
	if err != nil {
		return dev, nil, fmt.Errorf("look at the sources: %w", err)
	}
	if g.Image.Ref == "" {
		return dev, nil, problem.New(problem.Usage,
			"the dev image is auto, but the sources in %s don't show their language", root).
			WithHint("name one with --image or as containers[].dev.image, " +
				"such as docker.io/library/debian:13, which has a shell")
	}
	dev.Image = g.Image.Ref
	said := fmt.Sprintf("the sources look like %s: the dev image is %s, as %s", g.Language, g.Image.Ref, g.Image.Why)
	if g.Image.Lacks != "" {
		said += fmt.Sprintf(" (it lacks %s)", g.Image.Lacks)
	}
	if !configured && g.Run != "" {
		if g.Build != "" {
			dev.Command.Build = config.Command{Line: []string{g.Build}}
		}
		dev.Command.Run = config.Command{Line: []string{g.Run}}
		said += fmt.Sprintf(", and `nhctl dev run` starts them with: %s", g.Run)
		if slices.Contains(debugger.Languages(), g.Language) {
			dev.Debug.Language = g.Language
		}
	}
	return dev, []string{said + " (`nhctl config init` writes that down)"}, nil
}

// BySources fills in what neither a config nor the start of dev mode has said of a command, by the sources: how they
// are built and run, and the language of their debugger. It returns what to tell of that, if anything.
func BySources(dev config.Dev, command, root string) (config.Dev, string) {
	debugs := command == supervise.Debug
	run := dev.Command.Run.Empty() && (command == supervise.Run || debugs && dev.Command.Debug.Empty())
	build := dev.Command.Build.Empty() && (command == supervise.Build || run)
	language := debugs && dev.Debug.Language == "" && (dev.Command.Debug.Empty() || dev.Debug.RemoteDebugPort == 0)
	if root == "" || !run && !build && !language {
		return dev, ""
	}
	g, err := scaffold.LookAt(root)
	if err != nil {
		return dev, ""
	}
	var chosen []string
	if build && g.Build != "" {
		dev.Command.Build = config.Command{Line: []string{g.Build}}
		chosen = append(chosen, "built with: "+g.Build)
	}
	if run && g.Run != "" {
		dev.Command.Run = config.Command{Line: []string{g.Run}}
		chosen = append(chosen, "started with: "+g.Run)
	}
	if language && slices.Contains(debugger.Languages(), g.Language) {
		dev.Debug.Language = g.Language
		chosen = append(chosen, "debugged as "+g.Language)
	}
	if len(chosen) == 0 {
		return dev, ""
	}
	return dev, fmt.Sprintf("the sources look like %s, so they are %s (`nhctl config init` writes that down)",
		g.Language, strings.Join(chosen, ", "))
}
