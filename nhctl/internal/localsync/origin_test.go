package localsync

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	const head = "ref: refs/heads/main\n"
	base := t.TempDir()
	for file, text := range map[string]string{
		"repo/.git/config":                   "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://example.com/shop/web.git\n[remote \"mine\"]\n\turl = x\n",
		"repo/.git/HEAD":                     head,
		"repo/deep/down/file":                "",
		"repo/none/.git/config":              "[remote \"origin\"]\n\turl = y\n",
		"repo/.git/worktrees/tree/HEAD":      head,
		"repo/.git/worktrees/tree/commondir": "../..\n",
		"tree/.git":                          "gitdir: " + filepath.Join(base, "repo/.git/worktrees/tree") + "\n",
		"lonely/.git/HEAD":                   head,
		"lonely/.git/config":                 "[core]\n\tbare = false\n",
		"broken/.git":                        "nonsense",
	} {
		path := filepath.Join(base, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]string{
		"repo":           "https://example.com/shop/web.git",
		"repo/deep/down": "https://example.com/shop/web.git",
		"repo/none":      "https://example.com/shop/web.git", // git takes no folder without HEAD for a repository
		"tree":           "https://example.com/shop/web.git",
		"lonely":         "",
	} {
		if got := Origin(filepath.Join(base, dir)); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}

func TestSameRepository(t *testing.T) {
	t.Parallel()
	const one = "https://example.com/shop/web.git"
	for other, want := range map[string]bool{
		one: true, "git@example.com:shop/web.git": true, "ssh://git@example.com:22/shop/web": true, "https://user:secret@example.com/shop/web/": true,
		"https://Example.com/Shop/web": true, "https://example.com/shop/website": false, "git@other.com:shop/web.git": false, "": false,
	} {
		if got := SameRepository(one, other); got != want {
			t.Errorf("%s: %v", other, got)
		}
	}
}
