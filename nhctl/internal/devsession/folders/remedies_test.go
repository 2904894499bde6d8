package folders

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// named is a session of which only the id matters.
type named struct{ Session }

func (named) ID() string { return "0a1b2c3d" }

// A conflict brings the calls that decide it, and nothing else: whatever path the pod names.
func TestConflictIsDecidedByItself(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "web")
	f := &Folder{Config: Config{Root: root, Container: "app", Session: named{}}}
	for path, file := range map[string]string{
		"src/main.go":  filepath.Join(root, "src", "main.go"),
		"":             "",
		".":            "",
		"src/..":       "",
		"../other/a":   "",
		"src/../../..": "",
		"/etc/passwd":  "",
	} {
		var got []rpc.SyncDo
		for _, r := range f.conflict(event.InPod, kept.Version{Path: path}).Conflict.Remedies {
			var p rpc.SyncDo
			if err := json.Unmarshal(r.Params, &p); err != nil || r.Method != rpc.MethodSyncDo || r.Title == "" {
				t.Errorf("%+v, %v", r, err)
			}
			got = append(got, p)
		}
		var want []rpc.SyncDo
		for _, side := range []string{event.Here, event.InPod, ""} {
			if file != "" {
				want = append(want, rpc.SyncDo{
					Target: rpc.Target{Session: "0a1b2c3d", Container: "app"},
					Action: rpc.SyncResolve,
					Path:   file,
					Side:   side,
				})
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", path, diff)
		}
	}
}
