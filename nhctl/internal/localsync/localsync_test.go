package localsync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestCheckRoot(t *testing.T) {
	t.Parallel()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(base, "home", "me")
	for _, dir := range []string{filepath.Join(home, "src", "web"), filepath.Join(base, "other", ".ssh")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		dir  string
		code problem.Code
	}{
		"sources":      {filepath.Join(home, "src", "web"), ""},
		"root":         {"/", problem.Refused},
		"home":         {home, problem.Refused},
		"link to home": {link, problem.Refused},
		"above home":   {filepath.Join(base, "home"), problem.Refused},
		"keys in it":   {filepath.Join(base, "other"), problem.Refused},
		"not there":    {filepath.Join(base, "nothing"), problem.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := CheckRoot(tt.dir, home)
			if tt.code == "" && err != nil || tt.code != "" && (err == nil || problem.From(err).Code != tt.code) {
				t.Errorf("got %v, want code %q", err, tt.code)
			}
		})
	}
}
