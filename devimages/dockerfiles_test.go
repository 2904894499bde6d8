package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/devimages/internal/image"
)

// instructions are those of the Dockerfiles, and what their arguments look like.
func instructions() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"FROM":    regexp.MustCompile(`^[a-z]+:[a-z0-9.-]+( AS [a-z0-9]+)?$`),
		"RUN":     regexp.MustCompile(`^\S`),
		"COPY":    regexp.MustCompile(`^(--(from|chmod)=\S+ )?\S+ /\S+$`),
		"ENV":     regexp.MustCompile(`^[A-Z_]+="[^"]*"$`),
		"USER":    regexp.MustCompile(`^[0-9]+$`),
		"WORKDIR": regexp.MustCompile(`^/\S+$`),
	}
}

// No one builds the Dockerfiles here, where there is no Docker. So at least each of their instructions is well-formed,
// each script is one that a shell reads, what is copied is there, and all that the definition has is in it.
func TestDockerfiles(t *testing.T) {
	t.Parallel()
	o := &options{}
	dev, err := o.devImages()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dev {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("dockerfiles", d.Name+".Dockerfile"))
			if err != nil {
				t.Fatal(err)
			}
			dockerfile(t, string(data), wanted(d))
		})
	}
}

// wanted are the words that a definition puts into its Dockerfile.
func wanted(d image.Definition) []string {
	words := []string{d.User, d.WorkDir}
	for _, value := range d.Env {
		words = append(words, value)
	}
	for _, l := range d.Layers {
		words = append(words, l.Debian...)
		words = append(words, l.GoToolchain, l.GoCache, l.Suite)
		if l.GoBuild != nil {
			words = append(words, l.GoBuild.Package+"@", l.GoBuild.To)
		}
		if l.Npm != nil {
			words = append(words, "npm@"+l.Npm.Version, "/out "+l.Npm.To)
		}
		if l.Copy != nil {
			words = append(words, l.Copy.From+" "+l.Copy.To)
		}
		for _, e := range l.Exclude {
			words = append(words, "path-exclude="+e)
		}
	}
	return words
}

func dockerfile(t *testing.T, text string, words []string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it lacks %q", w)
		}
	}
	var stages []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, arguments, _ := strings.Cut(line, " ")
		form := instructions()[name]
		if form == nil || !form.MatchString(arguments) {
			t.Errorf("no instruction: %q", line)
			continue
		}
		fields := strings.Fields(arguments)
		switch {
		case name == "FROM":
			stages = append(stages, fields[len(fields)-1])
		case len(stages) == 0:
			t.Errorf("before any FROM: %q", line)
		case name == "RUN":
			if out, err := exec.Command("sh", "-n", "-c", arguments).CombinedOutput(); err != nil {
				t.Errorf("%s: %s %v", arguments, out, err)
			}
		case name == "COPY":
			from, other := strings.CutPrefix(fields[0], "--from=")
			if !other {
				if _, err := os.Stat(filepath.Join("..", fields[len(fields)-2])); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			} else if !strings.Contains(from, ":") && !slices.Contains(stages, from) {
				t.Errorf("%s: there is no such stage", line)
			}
		}
	}
}
