package supervise

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A user without a home gets one that can be written to; any other home stays, also one that is yet to be made.
func TestHome(t *testing.T) {
	dir := t.TempDir()
	file, home := filepath.Join(dir, "file"), filepath.Join(dir, "nhctl", "home")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ is, given, want string }{
		"none":           {"", "", home},
		"no folder":      {file, "", home},
		"below a file":   {filepath.Join(file, "home"), "", home},
		"relative":       {"home", "", home},
		"a home":         {dir, "", dir},
		"yet to be made": {filepath.Join(dir, "yet", "to"), "", filepath.Join(dir, "yet", "to")},
		"the command's":  {file, dir, dir},
	} {
		t.Setenv("HOME", tt.is)
		extra := map[string]string{}
		if tt.given != "" {
			extra["HOME"] = tt.given
		}
		env := surroundings{home: home}.environment(extra)
		if got := valueOf(env, "HOME"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if n := strings.Count("\n"+strings.Join(env, "\n"), "\nHOME="); n != 1 {
			t.Errorf("%s: the environment has %d homes", name, n)
		}
		if !writable(valueOf(env, "HOME")) {
			t.Errorf("%s: it can't be written to", name)
		}
	}
	t.Setenv("HOME", file)
	for name, s := range map[string]surroundings{"none is offered": {}, "neither": {home: filepath.Join(file, "x")}} {
		if got := valueOf(s.environment(nil), "HOME"); got != file {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Tools come after the image's own, and once there are any.
func TestToolsInPath(t *testing.T) {
	tools := filepath.Join(t.TempDir(), "tools")
	t.Setenv("PATH", "/image/bin")
	s := surroundings{tools: tools}
	if got := valueOf(s.environment(nil), "PATH"); got != "/image/bin" {
		t.Errorf("without tools: %q", got)
	}
	if err := s.receive("dlv", strings.NewReader("program"), 7); err != nil {
		t.Fatal(err)
	}
	if got, want := valueOf(s.environment(nil), "PATH"), "/image/bin:"+tools; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if path, err := lookPath("dlv", s.environment(nil)); path != filepath.Join(tools, "dlv") || err != nil {
		t.Errorf("%q, %v", path, err)
	}
}

// A tool is received whole or not at all, and in no other folder.
func TestReceive(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tool, content string
		size          int64
		tools         string
		want          bool
	}{
		"whole":          {"dlv", "program", 7, "tools", true},
		"half":           {"dlv", "pro", 7, "tools", false},
		"too much":       {"dlv", "program", 3, "tools", false},
		"empty":          {"dlv", "", 0, "tools", false},
		"of any size":    {"dlv", "program", -1, "tools", false},
		"too large":      {"dlv", "program", maxTool + 1, "tools", false},
		"elsewhere":      {"../dlv", "program", 7, "tools", false},
		"a hidden file":  {".dlv", "program", 7, "tools", false},
		"without a name": {"", "program", 7, "tools", false},
		"nowhere":        {"dlv", "program", 7, "", false},
	} {
		dir := t.TempDir()
		s := surroundings{}
		if tt.tools != "" {
			s.tools = filepath.Join(dir, tt.tools)
		}
		err := s.receive(tt.tool, strings.NewReader(tt.content), tt.size)
		if (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		var files []string
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		})
		if tt.want != (len(files) == 1) {
			t.Errorf("%s: there is %v", name, files)
		}
	}
}

// What is brought is what commands of the container find and run.
func TestBroughtTool(t *testing.T) {
	c, tools := serveTools(t)
	ctx := t.Context()
	name := "tool-" + strings.ToLower(rand.Text())
	if tool, err := c.Tool(ctx, name); err != nil || tool != (Tool{Arch: runtime.GOARCH}) {
		t.Fatalf("%+v, %v", tool, err)
	}
	program := []byte("#!/bin/sh\necho it runs\n")
	if err := c.Bring(ctx, name, bytes.NewReader(program), int64(len(program))); err != nil {
		t.Fatal(err)
	}
	want := Tool{Arch: runtime.GOARCH, Path: filepath.Join(tools, name)}
	if tool, err := c.Tool(ctx, name); err != nil || tool != want {
		t.Fatalf("%+v, %v; want %+v", tool, err, want)
	}
	start(t, c, Run, Spec{Argv: []string{"sh", "-c", name}})
	if st, err := c.Wait(ctx, Run); err != nil || st.ExitCode == nil || *st.ExitCode != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	var refusal Refusal
	if err := c.Bring(ctx, ".hidden", bytes.NewReader(program), int64(len(program))); !errors.As(err, &refusal) {
		t.Errorf("a name that is none: %v", err)
	}
	if tool, err := c.Tool(ctx, "..."); err != nil || tool.Path != "" {
		t.Errorf("a name that is none: %+v, %v", tool, err)
	}
}

// A terminal's shell has the variables of the image: a profile would replace PATH.
func TestShellKeepsPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	c := serve(t, 0)
	v := visit(t, c, Attach{Shell: "sh", Size: &Size{Columns: 80, Rows: 24}})
	v.say(KindInput, "case $PATH in "+dir+":*) echo it is k''ept;; esac; exit\n")
	v.until("it is kept")
}
