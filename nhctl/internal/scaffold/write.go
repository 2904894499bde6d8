package scaffold

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Settings are what a first config says.
type Settings struct {
	Name, Kind, Container string
	Image                 string
	Run                   string
	// Language is for the debugger; empty where none is known.
	Language string
	Ports    []string
	// Schema is the address of the JSON Schema.
	Schema string
	// Untested says that the image is none of this project's.
	Untested bool
}

// debuggers are the languages that debug.language takes.
const debuggers = " go python node java ruby php c cpp rust "

// Config writes a commented config.
func Config(s Settings) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# yaml-language-server: $schema=%s", s.Schema)
	line("# How this service is developed inside Kubernetes: `nhctl dev start` in this folder, `nhctl dev end` gives it back.")
	line("# Check this file in. What is yours alone goes to .dev/local.yaml, in the same form.")
	line("name: %s", quote(s.Name))
	line("serviceType: %s", quote(s.Kind))
	line("containers:")
	if s.Container != "" {
		line("- name: %s", quote(s.Container))
		line("  dev:")
	} else {
		line("- dev:")
	}
	line("    # The tools to build and run the sources with.%s", map[bool]string{true: " This one is upstream's, and untested with nhctl."}[s.Untested])
	line("    image: %s", quote(s.Image))
	line("    # Where the sources are in the container.")
	line("    workDir: /home/dev/src")
	line("    command:")
	line("      # What `nhctl dev run` starts, with the container's shell, in workDir; $$ stands for a dollar sign.")
	line("      run:")
	line("      - %s", quote(strings.ReplaceAll(s.Run, "$", "$$")))
	if strings.Contains(debuggers, " "+s.Language+" ") {
		line("    debug:")
		line("      language: %s", s.Language)
	}
	line("    sync:")
	line("      # Which way files go: sendReceive, send or receive. What git ignores stays where it is.")
	line("      type: sendReceive")
	line("      mode: gitIgnore")
	if len(s.Ports) > 0 {
		line("    # LOCAL:REMOTE; without LOCAL, any free port of this computer.")
		line("    portForward:")
		for _, p := range s.Ports {
			line("    - :%s", p)
		}
	}
	line("    # A compiler often needs more than the service:")
	line("    # resources:")
	line("    #   limits: {cpu: \"2\", memory: 2Gi}")
	line("    # Variables for the dev container alone:")
	line("    # env:")
	line("    # - {name: LOG_LEVEL, value: debug}")
	return b.String()
}

// quote writes a text as YAML needs it.
func quote(text string) string {
	data, err := yaml.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return strings.TrimSpace(string(data))
}
