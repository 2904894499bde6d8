package publicimage

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/scaffold/sources"
)

// maxText limits the text of a version, in bytes.
const maxText = 100

// mention is a place where sources may name a version.
type mention struct {
	// file is a name, or a pattern of names.
	file string
	find func(data []byte) string
}

// read returns the file and the text of a version in it, which is "" without one. Only text that can be shown counts.
func (m mention) read(folder fs.FS) (file, text string) {
	if folder == nil {
		return m.file, ""
	}
	names, err := fs.Glob(folder, m.file)
	if err != nil {
		return m.file, ""
	}
	for _, name := range names {
		text = strings.TrimSpace(m.find(sources.Content(folder, name)))
		if text != "" && len(text) <= maxText && plain.MatchString(text) && plain.MatchString(name) {
			return name, text
		}
	}
	return m.file, ""
}

// plain is text that does nothing to a terminal, a YAML comment or a line.
var plain = regexp.MustCompile(`^[ -~]+$`)

// matching finds the first group of a pattern, whose ^ and $ are those of lines.
func matching(pattern string) func([]byte) string {
	compiled := regexp.MustCompile(`(?m)` + pattern)
	return func(data []byte) string {
		if m := compiled.FindSubmatch(data); m != nil {
			return string(m[1])
		}
		return ""
	}
}

// field finds a text in a JSON document.
func field(path ...string) func([]byte) string {
	return func(data []byte) string {
		var value any
		if json.Unmarshal(data, &value) != nil {
			return ""
		}
		for _, key := range path {
			object, _ := value.(map[string]any)
			value = object[key]
		}
		text, _ := value.(string)
		return text
	}
}

// toolVersions is the file of asdf and mise.
func toolVersions(tool string) mention {
	return mention{".tool-versions", matching(`^` + tool + `[ \t]+(\S+)`)}
}

// bare is a line that has nothing but a version, or a word.
const bare = `^[ \t]*([\w.*/-]+)[ \t]*\r?$`

func node() []mention {
	return []mention{
		{".nvmrc", matching(bare)},
		{".node-version", matching(bare)},
		toolVersions("nodejs"),
		{"package.json", field("volta", "node")},
		{"package.json", field("engines", "node")},
	}
}

func python() []mention {
	const quoted = `[ \t]*=[ \t]*["']([^"'\n]+)["']`
	return []mention{
		{".python-version", matching(bare)},
		{"runtime.txt", matching(`^python-(\d[\d.]*)`)},
		toolVersions("python"),
		{"pyproject.toml", matching(`^requires-python` + quoted)},
		{"pyproject.toml", matching(`^python` + quoted)}, // poetry's
		{"Pipfile", matching(`^python_full_version` + quoted)},
		{"Pipfile", matching(`^python_version` + quoted)},
		{"setup.cfg", matching(`^python_requires[ \t]*=[ \t]*(\S[^\n]*)`)},
		{"setup.py", matching(`python_requires` + quoted)},
	}
}

func ruby() []mention {
	return []mention{
		{".ruby-version", matching(`^(?:ruby-)?(\d[\d.]*)`)},
		toolVersions("ruby"),
		{"Gemfile", func(data []byte) string {
			// A range has each of its ends in quotes.
			line := matching(`^[ \t]*ruby[ \t(]+((?:["'][^"'\n]*["'][ \t,]*)+)`)(data)
			return strings.Trim(strings.NewReplacer(`"`, "", `'`, "").Replace(line), " \t,")
		}},
	}
}

func rust() []mention {
	const channel = `channel[ \t]*=[ \t]*["'](stable|\d[\d.]*)`
	return []mention{
		{"rust-toolchain.toml", matching(`^[ \t]*` + channel)},
		{"rust-toolchain", matching(`^[ \t]*` + channel)},
		{"rust-toolchain", matching(`^[ \t]*(stable|\d[\d.]*)`)},
		toolVersions("rust"),
		{"Cargo.toml", matching(`^rust-version[ \t]*=[ \t]*["'](\d[\d.]*)["']`)},
	}
}

func php() []mention {
	return []mention{toolVersions("php"), {"composer.json", field("require", "php")}}
}

func dotnet() []mention {
	return []mention{{"*.csproj", matching(`<TargetFrameworks?>\s*net(\d+\.\d+)\b`)}}
}
