package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
)

// auto is a dev image that the sources choose.
const auto = "auto"

// chosen is a dev section whose image was chosen by the sources, where it says auto, and what to tell about that. Without a config, the
// commands come from the sources too.
func chosen(dev config.Dev, root string, configured bool) (config.Dev, []string, error) {
	if dev.Image != auto || root == "" {
		return dev, nil, nil
	}
	g := scaffold.Look(os.DirFS(root), filepath.Base(root))
	if g.Image == "" {
		return dev, nil, problem.New(problem.Usage, "the dev image is auto, but the sources in %s don't show what they are written in", root).
			WithHint("name one with --image or as containers[].dev.image, such as ghcr.io/nhctl/dev-base:v0.1.0, which has a shell and its tools")
	}
	dev.Image = g.Image
	said := fmt.Sprintf("the sources look like %s: the dev image is %s", g.Language, g.Image)
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
