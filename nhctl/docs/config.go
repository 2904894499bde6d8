package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

// Config describes every field of the config, with the scenario that shows it on a real cluster. scenarios has the
// scenarios' sources.
func Config(scenarios fs.FS) (string, error) {
	shown, err := subtests(scenarios)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(configHeader)
	for _, f := range config.Fields() {
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", f.Path, map[bool]string{true: " *"}[f.Added], meaning(f),
			defaultOf(f), where(f, shown))
	}
	b.WriteString(configFooter)
	return b.String(), nil
}

const configHeader = "# Fields of the config\n\nGenerated from the types that read the file and from the scenarios " +
	"that run on a cluster; `make generate` writes it again.\n\n" +
	"`.dev/config.yaml` holds one service, a list of services, or an application with `services`. Fields with * are " +
	"nhctl's own; all others\n" +
	"are Nocalhost's, with Nocalhost's meaning. A *command* is a list that is joined with spaces and run by the " +
	"container's shell, or\n" +
	"`{argv: [PROGRAM, ARGUMENT...]}`, which runs without one. The scenarios are tests of `nhctl/test/e2e`.\n\n" +
	"| field | what it does | default | seen in |\n|---|---|---|---|\n"

const configFooter = `
## The text around the fields

Before the file is parsed, its text is completed:

- ` + "`${VAR}` or `$VAR`" + ` is a variable of the environment, or else of the file that
  ` + "`configProperties.envFile`" + ` names. ` + "`${VAR:-default}`, `${VAR:+other}` and\n  `${VAR:?message}`" + ` mean
  what they mean in a shell. A variable that is not set is empty, with a warning.
- ` + "`$$`" + ` is a dollar sign, for what the container's shell shall see.
- ` + "`${_INCLUDE_:- ./other.yaml | nindent 4}`" + ` is another file's text, indented; its path is
  relative to the file that names it.
- Lines that are comments are left alone.

` + "`.dev/defaults.yaml`" + ` lies below the config and ` + "`.dev/local.yaml`" +
	`, which git does not take, above it; a profile (` + "`--profile`" + `) lies between the two.
They have a service's fields. Mappings are joined, named lists (containers, variables) are joined by name, anything
else is replaced; ` + "`null`" + ` takes a value back to its default. An item without a name is for all items. ` +
	"`nhctl config show --origin`" + ` says what came from where.

## Forms that are taken

- A field whose value is ` + "`\"\"` or `null`" + ` is not set, whatever its type; an empty item of a list is no ` +
	`item. Only a program's arguments (` + "`argv`" + `) and a
  variable's value may be empty.
- Numbers and truth values may stand between quotes, ` + "`yes`, `no`, `on` and `off`" + ` are truth values, and one
  text stands for a list of one.
- A file may have several documents; the services of all count. A key that begins with ` + "`x-`" + ` or a dot, or
  that has an anchor, holds what the file names elsewhere.
- A field in a place where it has no effect is named with its right place. A field that exists nowhere is a mistake.
- A volume of ` + "`persistentVolumeDirs`" +
	` may hold the synced folder (` + "`/home` and `/home/dev`" + `), or lie in it.
- Ports may repeat those of another container: usually one is developed at a time.

## Where it differs from Nocalhost

- ` + "`install`" + ` is about installing the application, and no part of dev mode.
- A ` + "`sidecarImage`" + ` that is Nocalhost's own sidecar is left out, with a note.
- A volume for the synced folder itself is left out, with a note: its files are on the computer.
- Its first formats (` + "`svcConfigs`, or services with `devContainerImage`" + `) are translated by ` +
	"`nhctl config import`" + `.
- ` + "`sync.mode`" + ` is ` + "`gitIgnore`" + ` where a config names no patterns; Nocalhost syncs everything then.
- ` + "`imagePullPolicy`" + ` is ` +
	"`IfNotPresent`" + `, Kubernetes' own for images with a tag; Nocalhost pulls always.
- ` + "`debug.remoteDebugPort`" + ` is the usual port of the language's debugger where none is given.
- A ` + "`sync.type`" + ` of ` + "`receive`" + ` is there too.
- Variables in comments are left alone.
`

func meaning(f config.Field) string {
	text := f.Doc
	if len(f.Enum) > 0 {
		text += " One of `" + strings.Join(f.Enum, "`, `") + "`."
	}
	if f.Example != "" {
		text += " Such as `" + f.Example + "`."
	}
	return strings.ReplaceAll(text, "|", "\\|") + " (" + f.Type + ")"
}

func defaultOf(f config.Field) string {
	if f.Default == "" {
		return ""
	}
	return "`" + f.Default + "`"
}

// where is the scenario that shows a field, or the mapping that it is in.
func where(f config.Field, shown map[string]string) string {
	for key := f.Key(); key != ""; key = key[:max(0, strings.LastIndexByte(key, '.'))] {
		if name := shown[key]; name != "" {
			return name
		}
	}
	switch {
	case f.Unused:
		return "not used by nhctl"
	default:
		return "**no scenario**"
	}
}

// subtests maps the names of the subtests that the scenarios run to their tests.
func subtests(sources fs.FS) (map[string]string, error) {
	names, err := fs.Glob(sources, "*_test.go")
	if err != nil {
		return nil, err
	}
	shown := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(sources, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				ast.Inspect(f, func(n ast.Node) bool { note(shown, f.Name.Name, n); return true })
			}
		}
	}
	return shown, nil
}

// note notes a call of t.Run with a literal name.
func note(shown map[string]string, test string, n ast.Node) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return
	}
	run, ok := call.Fun.(*ast.SelectorExpr)
	literal, text := call.Args[0].(*ast.BasicLit)
	if !ok || !text || run.Sel.Name != "Run" || literal.Kind != token.STRING {
		return
	}
	if name, err := strconv.Unquote(literal.Value); err == nil {
		shown[name] = test + "/" + name
	}
}
