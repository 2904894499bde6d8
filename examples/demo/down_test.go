//go:build !windows

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The daemon is the user's: it may keep sessions on clusters that have nothing to do with the demo.
func TestStopIdleDaemon(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status, calls string
	}{
		"no daemon":      {"exit 1", "daemon status -o json\n"},
		"no session":     {`echo '{"sessions": []}'`, "daemon status -o json\ndaemon stop\n"},
		"a session":      {`echo '{"sessions": [{"id": "1"}]}'`, "daemon status -o json\n"},
		"another format": {`echo 'sessions 1'`, "daemon status -o json\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := t.TempDir()
			calls := filepath.Join(bin, "calls")
			nhctl := "#!/bin/sh\necho \"$*\" >>" + calls + "\n[ \"$2\" = stop ] && exit\n" + tt.status + "\n"
			// A program that another test starts at this moment must not inherit the open file: it could not be run.
			syscall.ForkLock.RLock()
			err := os.WriteFile(filepath.Join(bin, "nhctl"), []byte(nhctl), 0o755)
			syscall.ForkLock.RUnlock()
			if err != nil {
				t.Fatal(err)
			}
			d := &demo{bin: bin}
			if err := d.stopIdleDaemon(t.Context()); (err != nil) != (name == "another format") {
				t.Error(err)
			}
			got, err := os.ReadFile(calls)
			if diff := cmp.Diff(tt.calls, string(got)); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}
