//go:build e2e

package e2e

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A bundle of a real session has the session's objects and the sidecar's log, and nothing that was a secret. Then nhctl
// is uninstalled, which ends the session and removes nhctl's folder.
func TestSupport(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-in-a-variable"
	ns, dev, src := atSmall(t)
	shared.patchDeployment(t, ns, "it", `{"spec":{"template":{"spec":{"containers":[
		{"name":"main","env":[{"name":"DB_PASSWORD","value":"`+secret+`"}]}]}}}}`)
	shared.deploymentReady(t, ns, "it")
	shared.settled(t, ns, 1) // the pod of before is gone
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	session := only(t, dev)
	state := filepath.Join(dev.home, "state", "nhctl")
	var saved struct{ Data struct{ Token string } }
	text := read(t, filepath.Join(state, "sessions", session.ID, "session.json"))
	if err := json.Unmarshal([]byte(text), &saved); err != nil || saved.Data.Token == "" {
		t.Fatalf("no token: %v", err)
	}

	path := filepath.Join(dev.home, "bundle.zip")
	listed := dev.must(src, "support", "--file", path)
	wanted := map[string]string{
		"versions.json":     `"daemon"`,
		"sessions.json":     session.ID,
		"doctor.json":       `"permissions"`,
		"daemon/daemon.log": "daemon is up",
		"state.txt":         "sessions/" + session.ID,
		"cluster/" + ns + "-" + session.ID + ".yaml": session.Twin,
		"cluster/" + ns + "-" + session.ID + ".log":  "",
	}
	for name, text := range unzipped(t, path) {
		if strings.Contains(text, secret) || strings.Contains(text, saved.Data.Token) {
			t.Errorf("%s has a secret's value", name)
		}
		if !strings.Contains(text, wanted[name]) {
			t.Errorf("%s: %q is not in it:\n%s", name, wanted[name], text)
		}
		delete(wanted, name)
		if !strings.Contains(listed, name) {
			t.Errorf("%s is not listed:\n%s", name, listed)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("missing: %v in\n%s", wanted, listed)
	}

	if out := dev.must(src, "uninstall", "--purge", "--yes"); !strings.Contains(out, "ended session "+session.ID) {
		t.Errorf("said: %s", out)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("%s: %v", state, err)
	}
	shared.restored(t, ns, before)
}

// unzipped are the texts of an archive's files by their names.
func unzipped(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	texts := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		texts[f.Name] = string(text)
	}
	return texts
}
