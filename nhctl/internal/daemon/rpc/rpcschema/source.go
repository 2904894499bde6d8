package rpcschema

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// module is the prefix of the packages that Source reads.
const module = "github.com/nhctl/nhctl/"

// Source reads what types don't know of themselves: comments and constants.
type Source struct {
	// Root is the directory of the module.
	Root     string
	packages map[string]*pkg
}

// pkg has a package's comments by "Type" and "Type.Field", and the constants of its named texts.
type pkg struct {
	comments map[string]string
	values   map[string][]string
}

func (s *Source) read(path string) (*pkg, error) {
	if p := s.packages[path]; p != nil {
		return p, nil
	}
	p := &pkg{comments: map[string]string{}, values: map[string][]string{}}
	if s.packages == nil {
		s.packages = map[string]*pkg{}
	}
	s.packages[path] = p
	dir, own := strings.CutPrefix(path, module)
	if !own {
		return p, nil
	}
	files, err := filepath.Glob(filepath.Join(s.Root, filepath.FromSlash(dir), "*.go"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no sources of %s below %s: %w", path, s.Root, os.ErrNotExist)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.add(parsed)
	}
	return p, err
}

func (p *pkg) add(file *ast.File) {
	for _, d := range file.Decls {
		declared, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range declared.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				p.addType(spec, declared.Doc)
			case *ast.ValueSpec:
				p.addValues(spec)
			}
		}
	}
}

func (p *pkg) addType(t *ast.TypeSpec, doc *ast.CommentGroup) {
	p.comments[t.Name.Name] = words(doc, t.Doc)
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			p.comments[t.Name.Name+"."+name.Name] = words(f.Doc, f.Comment)
		}
	}
}

func (p *pkg) addValues(v *ast.ValueSpec) {
	named, ok := v.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, value := range v.Values {
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				p.values[named.Name] = append(p.values[named.Name], text)
			}
		}
	}
}

// words are the first comments that there are, in one line.
func words(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if g.Text() != "" {
			var p comment.Parser
			text := (&comment.Printer{TextWidth: -1}).Text(p.Parse(g.Text()))
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}

// comment is that of a type, or of a field of it.
func (s *Source) comment(path, name, field string) (string, error) {
	p, err := s.read(path)
	if err != nil {
		return "", err
	}
	if field != "" {
		name += "." + field
	}
	return p.comments[name], nil
}

// values are the constants of a named text.
func (s *Source) values(path, name string) []string {
	p, err := s.read(path)
	if err != nil {
		return nil
	}
	return p.values[name]
}
