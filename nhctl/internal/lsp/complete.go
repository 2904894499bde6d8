package lsp

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// completion is what may be typed at a place.
func (s *server) completion(p protocol.At) protocol.Completions {
	c := completer{server: s, items: []protocol.Completion{}}
	if c.described = s.described(p.TextDocument.URI); c.described != nil && s.settings.schema() {
		c.offset = s.client.offset(c.text, p.Position)
		c.Cursor = c.tree().Cursor(c.offset)
		if !c.tree().Commented(c.offset) && !c.templates() {
			c.fields()
		}
	}
	return protocol.Completions{Items: c.items}
}

// completer collects what may be typed at one place.
type completer struct {
	*server
	*described
	outline.Cursor
	offset int
	items  []protocol.Completion
	family []*document
}

// all are the config's documents.
func (c *completer) all() []*document {
	if c.family == nil {
		c.family = c.server.files.family(c.described)
	}
	return c.family
}

// add adds an item that replaces a part of the text. Items keep their order.
func (c *completer) add(item protocol.Completion, start, end int, text string) {
	at := c.client.span(c.text, start, end)
	if at.Start.Line != at.End.Line {
		return // the protocol has no such completions
	}
	item.TextEdit = &protocol.TextEdit{Range: at, NewText: text}
	item.FilterText = cmp.Or(item.FilterText, item.Label)
	item.SortText = fmt.Sprintf("%04d", len(c.items))
	c.items = append(c.items, item)
}

var (
	includeHere  = regexp.MustCompile(`\$\{_INCLUDE_:-\s*([^|}]*)$`)
	variableHere = regexp.MustCompile(`\$(\{?)([A-Za-z_][A-Za-z0-9_]*)?$`)
	variables    = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
)

// templates completes what the text is rendered with: included files and variables. It says whether the place is for
// that.
func (c *completer) templates() bool {
	line := c.text.all[c.lines[c.lineOf(c.offset)]:c.offset]
	if m := includeHere.FindStringSubmatch(line); m != nil {
		c.paths(m[1], filepath.Dir(c.path), false, "")
		return true
	}
	m := variableHere.FindStringSubmatch(line)
	if m == nil || strings.HasSuffix(line[:len(line)-len(m[0])], "$") {
		return false
	}
	names := map[string]bool{}
	for _, used := range variables.FindAllStringSubmatch(c.text.all, -1) {
		names[used[1]] = true
	}
	for _, name := range c.envFileNames() {
		names[name] = true
	}
	delete(names, m[2]) // what is typed now
	delete(names, "_INCLUDE_")
	start, end := c.offset-len(m[2]), c.offset
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.add(protocol.Completion{Label: name, Kind: protocol.KindVariable, Detail: "variable"}, start, end, name)
	}
	if m[1] != "" && c.client.snippets {
		c.add(protocol.Completion{
			Label:            "_INCLUDE_",
			Kind:             protocol.KindSnippet,
			Detail:           "another file's text",
			InsertTextFormat: protocol.FormatSnippet,
		}, start, end, "_INCLUDE_:- ./${1:file.yaml} | nindent ${2:2}")
	}
	return true
}

var nameValue = regexp.MustCompile(`(?m)^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=`)

// envFileNames are the variables of the file that configProperties names; their values stay there.
func (c *completer) envFileNames() (names []string) {
	for _, root := range c.tree().Roots {
		properties := root.Child("configProperties")
		if properties == nil {
			continue
		}
		name := c.tree().Scalar(properties.Child("envFile"))
		if name == "" {
			continue
		}
		if t := c.textOf(c.main, resolved(c.base(), name)); t != nil {
			for _, m := range nameValue.FindAllStringSubmatch(t.all, -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// resolved is a path that a config names, relative to a folder.
func resolved(folder, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}

// paths completes the last step of a path of files; quote is the mark that it begins with, if any.
func (c *completer) paths(typed, base string, folders bool, quote string) {
	dir, step := "", typed
	if n := strings.LastIndexByte(typed, '/'); n >= 0 {
		dir, step = typed[:n+1], typed[n+1:]
	}
	start := c.offset - len(step)
	for _, e := range c.list(c.main, resolved(base, dir)) {
		name := e.Name()
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(step, ".") || strings.ContainsAny(name, "|}\"'\n") {
			continue
		}
		switch {
		case e.IsDir():
			c.add(protocol.Completion{Label: name + "/", Kind: protocol.KindFolder}, start, c.offset, name+"/")
		case !folders && resolved(base, dir+name) != c.path:
			c.add(protocol.Completion{Label: name, Kind: protocol.KindFile}, start, c.offset, name)
		}
	}
	if dir == "" && quote == "" && (step == "" || strings.HasPrefix("..", step)) {
		c.add(protocol.Completion{Label: "../", Kind: protocol.KindFolder}, start, c.offset, "../")
	}
}

// fields completes by the fields of a config.
func (c *completer) fields() {
	if c.Part == outline.Elsewhere {
		return
	}
	shape, ok := c.shape(c.Path())
	if !ok {
		return
	}
	if c.Part == outline.Key {
		if c.Above != nil {
			c.dash(c.Above.Path())
		}
		items := slices.ContainsFunc(c.Parent.Children, (*outline.Entry).List)
		if !items {
			c.keys(shape, c.Word)
		}
		if c.Fresh && (items || len(c.Keys()) == 0 && (c.Parent.Parent != nil || c.around != nil)) {
			c.dash(c.Path())
		}
		return
	}
	if c.Entry != nil && c.Entry.List() && !c.Entry.Flow { // an item of a list may be a mapping
		c.keys(shape, c.Word)
	}
	if shape.Text {
		c.values(shape)
	}
}

// keys completes the keys of a mapping.
func (c *completer) keys(shape config.Shape, word outline.Span) {
	fields := shape.Without(c.Keys())
	slices.SortStableFunc(fields, func(a, b config.Field) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		default:
			return 1
		}
	})
	for _, f := range fields {
		item := protocol.Completion{
			Label:         f.Name(),
			Kind:          protocol.KindProperty,
			Detail:        f.Type,
			Documentation: c.content(f),
		}
		text := c.written(&item, f)
		c.add(item, word.Start, word.End, text)
	}
	if shape.Free {
		have := c.Keys()
		for _, name := range c.profiles() {
			if !have[name] {
				item := protocol.Completion{Label: name, Kind: protocol.KindModule, Detail: "profile"}
				c.add(item, word.Start, word.End, c.colon(name))
			}
		}
	}
}

// colon is a key with its colon, unless that is there.
func (c *completer) colon(name string) string {
	if c.Part == outline.Key && c.Entry != nil && !c.Entry.Bare {
		return name
	}
	return name + ":"
}

// written is how a field begins: its key, and what it takes to fill in its value.
func (c *completer) written(item *protocol.Completion, f config.Field) string {
	key := c.colon(f.Name())
	if key == f.Name() {
		return key
	}
	path := append(c.Path(), f.Name())
	shape, _ := c.shape(path)
	list := strings.HasPrefix(shape.Type, "list of")
	switch nested := list || shape.Free || shape.Fields != nil && !shape.Text; {
	case !nested:
		return key + " "
	case !c.client.snippets:
		return key
	}
	item.InsertTextFormat = protocol.FormatSnippet
	flow := c.Parent.Style == outline.FlowMap
	switch indent := c.indent(item); {
	case flow && list:
		return key + " [$0]"
	case flow:
		return key + " {$0}"
	case list:
		return key + "\n" + indent + "- " + c.first(path)
	case shape.Free:
		return key + "\n" + indent + "  ${1:name}:\n" + indent + "    $0"
	default:
		return key + "\n" + indent + "  $0"
	}
}

// indent is what further lines of an item begin with, so that they are in the column of the first. Editors that indent
// them as the first line is get what that lacks.
func (c *completer) indent(item *protocol.Completion) string {
	column := c.Indent
	if c.client.asIs {
		item.InsertTextMode = protocol.AsIs
		return strings.Repeat(" ", column)
	}
	line := c.line(c.lineOf(c.offset))
	return strings.Repeat(" ", max(0, column-(len(line)-len(strings.TrimLeft(line, " \t")))))
}

// first is how an item of a list at a place begins, as a snippet: with its required fields, or its first one.
func (c *completer) first(path []string) string {
	shape, ok := c.shape(append(slices.Clone(path), outline.Item))
	if !ok || shape.Fields == nil {
		return "$0"
	}
	for _, f := range shape.Fields {
		if f.Required {
			return f.Name() + ": $0"
		}
	}
	return shape.Fields[0].Name() + ": $0"
}

// dash completes the first item of a list at a path, if one may stand there.
func (c *completer) dash(path []string) {
	shape, ok := c.shape(path)
	if !ok || !shape.List {
		return
	}
	start := c.first(path)
	item := protocol.Completion{
		Label:  strings.TrimSpace("- " + strings.TrimSuffix(start, "$0")),
		Kind:   protocol.KindSnippet,
		Detail: cmp.Or(shape.Type, "list of services"),
	}
	if shape.Doc != "" {
		item.Documentation = c.content(shape.Field)
	}
	text := strings.TrimSuffix("- "+start, "$0")
	if c.client.snippets {
		text, item.InsertTextFormat = "- "+start, protocol.FormatSnippet
	}
	c.add(item, c.Word.Start, c.Word.End, text)
}

// maxValues limits what is offered for one text.
const maxValues = 200

// values completes a text: with the values of a field, what it names, or its example.
func (c *completer) values(shape config.Shape) {
	start, end := c.Word.Start, c.Word.End
	quote := ""
	if start < end && strings.ContainsRune(`"'`, rune(c.text.all[start])) {
		quote = c.text.all[start : start+1]
	}
	if folder := c.folder(shape); folder != "" {
		typed := strings.TrimPrefix(c.text.all[start:max(start, c.offset)], quote)
		c.paths(typed, folder, shape.Names == "folder", quote)
		return
	}
	known := map[string]bool{}
	put := func(value, detail string, kind int) {
		if value == "" || known[value] || len(known) == maxValues {
			return
		}
		known[value] = true
		text := scalar(value, quote)
		item := protocol.Completion{Label: value, Kind: kind, Detail: detail}
		if quote != "" {
			item.FilterText = text
		}
		if c.Unspaced {
			text = " " + text
		}
		c.add(item, start, end, text)
	}
	for _, v := range shape.Values() {
		detail := ""
		if v == shape.Default {
			detail = "default"
		}
		put(v, detail, protocol.KindEnum)
	}
	references := c.references(shape)
	for _, v := range references {
		put(v, "used elsewhere", protocol.KindReference)
	}
	if len(references) == 0 && len(shape.Enum) == 0 && shape.Type != "true or false" {
		put(shape.Example, "example", protocol.KindValue)
	}
}

// folder is the one that a field's paths are relative to; "" where it has none.
func (c *completer) folder(shape config.Shape) string {
	switch shape.Names {
	case "file":
		return c.base()
	case "folder":
		return filepath.Dir(c.base())
	default:
		return ""
	}
}

// references are the values that the same field has elsewhere in the config.
func (c *completer) references(shape config.Shape) []string {
	switch shape.Names {
	case "service":
		var names []string
		for _, d := range c.all()[1:] {
			for _, e := range config.ServicesIn(d.tree()) {
				names = append(names, d.tree().Scalar(e.Child("name")))
			}
		}
		return names
	case "container":
		return valuesOf(c.all(), "containers[].name", c.Entry)
	case "image", "dev image", "port":
		list := valuesOf(c.all(), shape.Path, c.Entry)
		if shape.Names != "port" {
			return list
		}
		var remote []string
		for _, v := range list {
			if _, port, err := config.Ports(v); err == nil {
				remote = append(remote, fmt.Sprintf(":%d", port))
			}
		}
		return remote
	default:
		return nil
	}
}

// profiles are the names of all profiles of the config.
func (c *completer) profiles() (names []string) {
	for _, d := range c.all() {
		for _, service := range config.ServicesIn(d.tree()) {
			if list := service.Child("profiles"); list != nil {
				for _, e := range list.Children {
					if !e.Bare && !e.List() && !slices.Contains(names, e.Name) {
						names = append(names, e.Name)
					}
				}
			}
		}
	}
	return names
}

// valuesOf are those that a field has in some documents, by its path, such as containers[].name; except is left out.
func valuesOf(documents []*document, field string, except *outline.Entry) (all []string) {
	seen := map[string]bool{}
	var steps []string
	for step := range strings.SplitSeq(field, ".") {
		name, list := strings.CutSuffix(step, "[]")
		if steps = append(steps, name); list {
			steps = append(steps, outline.Item)
		}
	}
	for _, d := range documents {
		tree := d.tree()
		for _, e := range tree.Entries {
			if e == except || e.Bare || !ends(e, steps) {
				continue
			}
			if v := tree.Scalar(e); v != "" && !seen[v] {
				seen[v] = true
				all = append(all, v)
			}
		}
	}
	return all
}

// ends says whether the path of an entry ends with some steps. An item of a list counts as the list.
func ends(e *outline.Entry, steps []string) bool {
	if e.List() && steps[len(steps)-1] != outline.Item {
		e = e.Parent
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if e == nil || e.Parent == nil || e.Name != steps[i] {
			return false
		}
		e = e.Parent
	}
	return true
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=@-]*[A-Za-z0-9_./=@]$`)

// scalar is a text as YAML, in the quotes that are there or those that it needs.
func scalar(value, quote string) string {
	switch {
	case quote == "'":
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case quote == "" && plain.MatchString(value) && value[0] != '-' && value[0] != '@':
		return value
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
}
