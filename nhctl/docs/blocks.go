package docs

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/dap/dapschema"
	"github.com/nhctl/nhctl/schema"
)

// marked is a code block that shows a file of the repository: the file's name in a comment, and the block.
var marked = regexp.MustCompile("(?s)<!-- (\\S+) -->\n```(\\w+)\n.*?```\n")

// generated is a part of a page that is written by the code: its name in a comment, and its text.
var generated = regexp.MustCompile("(?s)<!-- generated: ([^\n]+) -->\n.*?<!-- end -->\n")

// parts are the generated parts of pages, by their names.
func parts() (map[string]string, error) {
	arguments, err := dapschema.Table(schema.DAP)
	return map[string]string{
		"Kubernetes versions":            Versions(),
		"arguments of the debug adapter": arguments,
	}, err
}

// Refresh writes the generated parts and the marked code blocks of a page again, the latter from the files of the
// repository.
func Refresh(page string, repository fs.FS) (string, error) {
	texts, failed := parts()
	page = generated.ReplaceAllStringFunc(page, func(part string) string {
		name := generated.FindStringSubmatch(part)[1]
		text, known := texts[name]
		if !known {
			failed = fmt.Errorf("no part of pages is called %q", name)
		}
		return fmt.Sprintf("<!-- generated: %s -->\n%s<!-- end -->\n", name, text)
	})
	page = marked.ReplaceAllStringFunc(page, func(block string) string {
		m := marked.FindStringSubmatch(block)
		data, err := fs.ReadFile(repository, m[1])
		if err != nil {
			failed = err
		}
		return fmt.Sprintf("<!-- %s -->\n```%s\n%s```\n", m[1], m[2], data)
	})
	return page, failed
}

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")

// kubernetesObject begins a line that only Kubernetes' own objects have.
var kubernetesObject = regexp.MustCompile(`(?m)^apiVersion:`)

// Configs are the code blocks of a page that hold a config.
func Configs(page string) []string {
	var blocks []string
	for _, m := range yamlBlock.FindAllStringSubmatch(page, -1) {
		if !kubernetesObject.MatchString(m[1]) {
			blocks = append(blocks, strings.TrimSpace(m[1])+"\n")
		}
	}
	return blocks
}
