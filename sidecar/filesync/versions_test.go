package filesync

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// A version that the pod names is never put where sync writes nothing, nor through a link that came by sync.
func TestVersionsOfAHostilePod(t *testing.T) {
	t.Parallel()
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC).Format("20060102T150405.000000000Z") + ".conflict"
	for name, tt := range map[string]struct {
		id, file string // the version, and the file that must not come of it
		imported error
		put      error
	}{
		"protected":          {id: ".git/config/" + stamp, file: ".git/config", imported: ErrProtected},
		"protected, in caps": {id: "sub/.GIT/config/" + stamp, file: "sub/.GIT/config", imported: ErrProtected},
		"one way":            {id: "sub/.npmrc/" + stamp, file: "sub/.npmrc", imported: ErrProtected},
		"below a link":       {id: "dir/authorized_keys/" + stamp, file: "dir/authorized_keys", put: rooted.ErrLink},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, root, _ := newPair(t, Settings{Type: SendReceive, GitIgnore: true})
			p.local.start()
			t.Cleanup(p.local.kill)
			outside := t.TempDir()
			e := p.local.engine
			if err := e.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Import(tt.id, strings.NewReader("evil")); !errors.Is(err, tt.imported) {
				t.Errorf("import: %v, want %v", err, tt.imported)
			}
			// as sync would make it of the pod's
			if err := os.Symlink(outside, filepath.Join(root, "dir")); err != nil {
				t.Fatal(err)
			}
			for how, put := range map[string]func() (int, error){
				"resolve": func() (int, error) { return e.Resolve(t.Context(), "", true) },
				"recover": func() (int, error) { return e.Recover(t.Context(), "") },
			} {
				if _, err := put(); !errors.Is(err, tt.put) {
					t.Errorf("%s: %v, want %v", how, err, tt.put)
				}
			}
			if err := e.RecoverVersion(t.Context(), tt.id); err == nil {
				t.Error("the version was put in place")
			}
			if _, err := os.Stat(filepath.Join(root, tt.file)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", tt.file, err)
			}
		})
	}
}
