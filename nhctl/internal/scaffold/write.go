package scaffold

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
)

// Settings are what a first config says.
type Settings struct {
	Name, Kind, Container string
	Image                 string
	// Build may be empty.
	Build, Run string
	// Language is for the debugger; empty where none is known.
	Language string
	Ports    []string
	// Schema is the address of the JSON Schema.
	Schema string
	// About says why that image, and what it lacks; it may be empty.
	About string
}

// cacheDir is the folder for the caches of tools. Those of nhctl's own images are there.
const cacheDir = "/home/dev/.cache"

// Config writes a commented config.
func Config(s Settings) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# yaml-language-server: $schema=%s", s.Schema)
	line("# How this service is developed inside Kubernetes: `nhctl dev start` in this folder, `nhctl dev end` " +
		"gives it back.")
	line("# Check this file in. Your own settings go into .dev/local.yaml, in the same form.")
	line("name: %s", quote(s.Name))
	line("serviceType: %s", quote(s.Kind))
	line("containers:")
	if s.Container != "" {
		line("- name: %s", quote(s.Container))
		line("  dev:")
	} else {
		line("- dev:")
	}
	line("    # It has the tools to build and run the sources with.%s", s.About)
	line("    image: %s", quote(s.Image))
	line("    # Where the sources are in the container.")
	line("    workDir: /home/dev/src")
	line("    command:")
	if s.Build != "" {
		line("      # Makes the program, before it starts.")
		line("      build:")
		line("      - %s", quote(escape(s.Build)))
	}
	line("      # Started by `nhctl dev run`, with the container's shell, in workDir; $$ stands for a dollar sign.")
	line("      run:")
	line("      - %s", quote(escape(s.Run)))
	if slices.Contains(debugger.Languages(), s.Language) {
		line("    debug:")
		line("      language: %s", s.Language)
	}
	line("    sync:")
	line("      # Direction: sendReceive, send or receive. Files that git ignores stay where they are.")
	line("      type: sendReceive")
	line("      mode: gitIgnore")
	if len(s.Ports) > 0 {
		line("    # LOCAL:REMOTE; without LOCAL, any free port of this computer.")
		line("    portForward:")
		for _, p := range s.Ports {
			line("    - :%s", p)
		}
	}
	line("    # Keep downloads and caches of tools over pods and sessions, in a volume of your own:")
	line("    # persistentVolumeDirs:")
	line("    # - {path: %s, capacity: 5Gi}", cacheDir)
	line("    # A compiler often needs more than the service:")
	line("    # resources:")
	line("    #   limits: {cpu: \"2\", memory: 2Gi}")
	caches := publicimage.Caches(s.Language, cacheDir)
	if len(caches) > 0 {
		line("    # Variables for the dev container alone, such as those that lead the caches there:")
	} else {
		line("    # Variables for the dev container alone:")
		caches = []publicimage.Variable{{Name: "LOG_LEVEL", Value: "debug"}}
	}
	line("    # env:")
	for _, v := range caches {
		line("    # - {name: %s, value: %s}", v.Name, v.Value)
	}
	return b.String()
}

// About is a comment on a public image: why that one, and what it lacks.
func About(i publicimage.Image) string {
	about := " Its version: " + i.Why + "."
	if i.Lacks != "" {
		about += " It lacks " + i.Lacks + "."
	}
	return about
}

// escape writes a command as it has to stand in the config.
func escape(command string) string { return strings.ReplaceAll(command, "$", "$$") }

// quote writes a text as YAML needs it.
func quote(text string) string {
	data, err := yaml.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return strings.TrimSpace(string(data))
}
