package testcase

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// goCases are the functions that `go test -run` runs: tests, examples, and fuzz tests with their seeds.
func goCases(text []byte) []Case {
	files := token.NewFileSet()
	file, _ := parser.ParseFile(files, "", text, parser.SkipObjectResolution) // as far as it can be read
	if file == nil {
		return nil
	}
	var all []Case
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !goTest(f) {
			continue
		}
		all = append(all, Case{
			Name: f.Name.Name,
			Line: files.Position(f.Pos()).Line,
			End:  files.Position(f.End()).Line,
		})
	}
	return all
}

// goTest says whether a function is a test, by its name and the number of its parameters, as Go does.
func goTest(f *ast.FuncDecl) bool {
	parameters := f.Type.Params.NumFields()
	for prefix, want := range map[string]int{"Test": 1, "Fuzz": 1, "Example": 0} {
		if rest, ok := strings.CutPrefix(f.Name.Name, prefix); ok && parameters == want && f.Name.Name != "TestMain" {
			first, _ := utf8.DecodeRuneInString(rest)
			return rest == "" || !unicode.IsLower(first)
		}
	}
	return false
}
