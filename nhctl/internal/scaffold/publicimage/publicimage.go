// Package publicimage chooses a public image with the tools for a folder's sources, with the version that they ask for.
// The sources may be anyone's: files are read up to a limit, and nothing but digits of theirs gets into a reference. It
// knows nothing of clusters.
package publicimage

import (
	"cmp"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Image is a public image.
type Image struct {
	// Ref is its reference, with a tag.
	Ref string
	// Why says which version the sources ask for, as words behind the image's name.
	Why string
	// Lacks names the tools that the sources or their debugger need, and the image has not; empty where it has all.
	Lacks string
}

// language is what there is to know of a language's images.
type language struct {
	name, title string
	// repository is the image without its tag, which has the suffix.
	repository, suffix string
	// lines are releases that the image is kept for, the preferred one first. A tag of one is its newest version.
	lines []string
	// names are words for releases.
	names map[string]string
	// ranges is how its tools write them.
	ranges dialect
	// mentions are where sources name a version; the first one that can be read counts.
	mentions []mention
	lacks    string
	// choose takes the place of lines and mentions.
	choose func(fs.FS) choice
}

// choice is a tag and its reason.
type choice struct {
	repository, tag, why string
}

// library is where Docker Hub keeps its official images.
const library = "docker.io/library/"

// languages are those with images. The lines are as of November 2026; a version that a folder names needs none.
func languages() []language {
	return []language{
		{name: "go", title: "Go", repository: library + "golang", choose: golang},
		{
			name:       "node",
			title:      "Node",
			repository: library + "node",
			lines:      []string{"24", "22", "20", "18", "16", "14"},
			names: map[string]string{"lts/*": "24", "lts": "24", "node": "24", "stable": "24", "latest": "24",
				"lts/krypton": "24", "lts/jod": "22", "lts/iron": "20", "lts/hydrogen": "18", "lts/gallium": "16",
				"lts/fermium": "14"},
			mentions: node(),
		},
		{
			name:       "python",
			title:      "Python",
			repository: library + "python",
			lines:      []string{"3.13", "3.12", "3.11", "3.10", "3.9", "3.8"},
			ranges:     dialect{exact: true},
			mentions:   python(),
		},
		{name: "java", title: "Java", choose: java},
		{
			name:       "ruby",
			title:      "Ruby",
			repository: library + "ruby",
			lines:      []string{"3.4", "3.3", "3.2", "3.1", "3.0", "2.7"},
			ranges:     dialect{exact: true},
			mentions:   ruby(),
		},
		{
			name:       "rust",
			title:      "Rust",
			repository: library + "rust",
			lines:      []string{"1"},
			names:      map[string]string{"stable": "1"},
			mentions:   rust(),
			lacks:      "LLDB, which `nhctl dev debug` needs",
		},
		{
			name:       "php",
			title:      "PHP",
			repository: library + "php",
			suffix:     "-cli",
			lines:      []string{"8.4", "8.3", "8.2", "8.1", "8.0", "7.4"},
			ranges:     dialect{exact: true, wide: true},
			mentions:   php(),
		},
		{
			name:       "csharp",
			title:      ".NET",
			repository: "mcr.microsoft.com/dotnet/sdk",
			lines:      []string{"8.0"},
			mentions:   dotnet(),
		},
		{name: "c", title: "C", repository: library + "gcc", lines: []string{"14"},
			lacks: "CMake, and LLDB, which `nhctl dev debug` needs"},
		{name: "cpp", title: "C++", repository: library + "gcc", lines: []string{"14"},
			lacks: "CMake, and LLDB, which `nhctl dev debug` needs"},
	}
}

// tagged is what a tag looks like, whatever the sources say.
var tagged = regexp.MustCompile(`^[0-9][0-9a-z.-]{0,31}$`)

// For chooses the image for the sources of a folder in a language, one of debug.language, php or csharp. Without a
// folder (nil) nothing is known but the language. A language without an image has none.
func For(folder fs.FS, name string) Image {
	for _, l := range languages() {
		if l.name != name {
			continue
		}
		var c choice
		if l.choose != nil {
			c = l.choose(folder)
		} else {
			c = l.find(folder)
		}
		if !tagged.MatchString(c.tag) {
			return For(nil, name)
		}
		c.why = cmp.Or(c.why, "the sources name no version of "+l.title)
		return Image{Ref: cmp.Or(c.repository, l.repository) + ":" + c.tag + l.suffix, Why: c.why, Lacks: l.lacks}
	}
	return Image{}
}

// RunsAsRoot says whether an image is one of those that For chooses, which run as root where the pod names no user.
func RunsAsRoot(ref string) bool {
	repository := ref
	if colon := strings.LastIndex(ref, ":"); colon > strings.LastIndex(ref, "/") {
		repository = ref[:colon]
	}
	for _, prefix := range []string{"docker.io/", "library/"} {
		repository = strings.TrimPrefix(repository, prefix)
	}
	known := []string{temurin, maven, gradle}
	for _, l := range languages() {
		if l.repository != "" {
			known = append(known, strings.TrimPrefix(l.repository, library))
		}
	}
	return slices.Contains(known, repository)
}

// find goes through the places where the sources may name a version.
func (l language) find(folder fs.FS) choice {
	for _, m := range l.mentions {
		file, text := m.read(folder)
		if line, named := l.names[strings.ToLower(text)]; named {
			return choice{tag: line, why: says(file, text)}
		}
		if tag, ok := solve(text, l.lines, l.ranges); ok {
			return choice{tag: tag, why: says(file, text)}
		}
	}
	return choice{tag: l.lines[0]}
}

// says is the reason for a version, in the words of the sources.
func says(file, text string) string { return file + " says " + text }
