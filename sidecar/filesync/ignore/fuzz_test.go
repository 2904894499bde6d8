package ignore

import (
	"os"
	"path/filepath"
	"testing"
)

// Rules come with the sources, whoever wrote them.
func FuzzTree(f *testing.F) {
	f.Add("*.o\n!a.o\n/b/**\n", "a/b.o")
	f.Add("[a-\n**/\n\\ \n!\n", "x")
	f.Add("\xff*\n#\n[[:alpha:]]\n", "a/a")
	f.Add("[[:alpha:]\n**a**b**c\n[!]]*\n", "git~1/.g\u200cit")
	f.Fuzz(func(t *testing.T, rules, rel string) {
		if !filepath.IsLocal(rel) || filepath.Clean(rel) != rel || rel == "." || rel == GitIgnoreFile ||
			len(rel) > 200 {
			return
		}
		root := t.TempDir()
		for _, err := range []error{
			os.MkdirAll(filepath.Dir(filepath.Join(root, rel)), 0o755),
			os.WriteFile(filepath.Join(root, rel), nil, 0o600),
			os.WriteFile(filepath.Join(root, GitIgnoreFile), []byte(rules), 0o600),
		} {
			if err != nil {
				return // no name for a file
			}
		}
		name := filepath.ToSlash(rel)
		given := Rules{Above: []Source{{Lines: []string{rules}}}, Tracked: []string{name}}
		tree := New(root, true, given, Protect([]string{name}))
		tree.Rebuild(func(string) {}, func(string) {})
		before := len(tree.Ignored())
		tree.Touch(name, func(string) {})
		if after := len(tree.Ignored()); after != before {
			t.Errorf("a look at %q found %d ignored paths instead of %d", rel, after, before)
		}
	})
}
