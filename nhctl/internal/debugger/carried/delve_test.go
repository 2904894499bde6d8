package carried

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

// program is as much of an executable as the architecture is read from.
func program(machine byte) []byte {
	header := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, make([]byte, 56)...)
	header[16], header[18], header[20], header[52] = 2, machine, 1, 64
	return header
}

const amd64, arm64 = 62, 183

// command makes a program that does what a script says.
func command(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs of these tests are scripts")
	}
	file := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// The client in nhctl and the program in the pod are of one version.
func TestDelveVersion(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "..", "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Require {
		if r.Mod.Path == delveModule {
			if r.Mod.Version != DelveVersion {
				t.Errorf("go.mod requires %s, and pods get %s", r.Mod.Version, DelveVersion)
			}
			return
		}
	}
	t.Error("go.mod does not require delve")
}

func TestDelve(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(made, program(arm64), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "tools")
	d := Delve{Store: Store{Dir: dir}, Arch: "arm64"}
	d.Env = []string{"PATH=" + os.Getenv("PATH"), "GOOS=plan9", "GOFLAGS=-mod=vendor", "GOPROXY=mine"}
	d.Go = command(t, `echo "$@" > `+made+`.args; env > `+made+`.env; cp go.mod `+made+`.mod; `+
		`cp `+made+` "`+filepath.Base(d.file())+`"`)
	if file := d.Find(); file != "" {
		t.Errorf("it has %s before it was built", file)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dlv-v1.0.0-linux-arm64", "dlv-v1.0.0-linux-amd64"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := d.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found := d.Find(); found != file || found == "" {
		t.Errorf("built %q, found %q", file, found)
	}
	for name, want := range map[string][]string{
		".args": {"build -mod=mod ", "-o dlv-" + DelveVersion + "-linux-arm64 github.com/go-delve/delve/cmd/dlv"},
		".env":  {"GOOS=linux\n", "GOARCH=arm64\n", "CGO_ENABLED=0\n", "GOFLAGS=\n", "GOWORK=off\n", "GOPROXY=mine\n"},
		".mod":  {"require github.com/go-delve/delve " + DelveVersion + "\n"},
	} {
		data, err := os.ReadFile(made + name)
		for _, w := range want {
			if !strings.Contains(string(data), w) {
				t.Errorf("%s lacks %q: %s %v", name, w, data, err)
			}
		}
	}
	want := []string{"dlv-v1.0.0-linux-amd64", "dlv-" + DelveVersion + "-linux-arm64"}
	if diff := cmp.Diff(want, left(t, dir)); diff != "" {
		t.Errorf("left: %s", diff)
	}
}

// left are the files in a store but for its lock.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names
}

// Of several that need the program at the same time, one builds it, and the others wait for that.
func TestDelveIsBuiltOnce(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(made, program(amd64), 0o755); err != nil {
		t.Fatal(err)
	}
	d := Delve{Store: Store{Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")}}, Arch: "amd64"}
	d.Go = command(t, "echo build >> "+made+".builds; cp "+made+" "+filepath.Base(d.file()))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if file, err := d.Make(t.Context()); err != nil || file != d.Find() {
				t.Errorf("%q, %v", file, err)
			}
		})
	}
	all.Wait()
	if builds, err := os.ReadFile(made + ".builds"); string(builds) != "build\n" || err != nil {
		t.Errorf("it was built so often: %q, %v", builds, err)
	}
}

// While another process builds, a call waits no longer than its caller does.
func TestDelveWaits(t *testing.T) {
	t.Parallel()
	d := Delve{Store: Store{Dir: t.TempDir()}, Arch: "amd64", Go: command(t, "exit 1")}
	other := flock.New(filepath.Join(d.Dir, lockName))
	if locked, err := other.TryLock(); !locked || err != nil {
		t.Fatal(locked, err)
	}
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Make(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "another nhctl") {
		t.Errorf("%v", err)
	}
}

func TestDelveFails(t *testing.T) {
	t.Parallel()
	failing := command(t, "for i in 1 2 3 4 5 6 7; do echo line $i; done; echo no proxy >&2; exit 1")
	for name, tt := range map[string]struct {
		command, arch, want string
		is                  error
	}{
		"no Go":                    {arch: "amd64", want: "no go command", is: ErrNoGo},
		"no such architecture":     {command: failing, arch: "s390x", want: `not for "s390x"`},
		"an architecture of a pod": {command: failing, arch: "../../x", want: `not for "../../x"`},
		"Go fails":                 {command: failing, arch: "amd64", want: "line 7\nno proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Delve{Store: Store{Dir: t.TempDir()}, Go: tt.command, Arch: tt.arch}
			file, err := d.Make(t.Context())
			if err == nil || file != "" || !strings.Contains(err.Error(), tt.want) ||
				strings.Contains(err.Error(), "line 1") || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%q, %v", file, err)
			}
			if names := left(t, d.Dir); len(names) > 0 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

// A file that is no program for the architecture is built again.
func TestDelveFind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content []byte
		arch    string
		found   bool
	}{
		"for it":      {program(amd64), "amd64", true},
		"for another": {program(arm64), "amd64", false},
		"cut off":     {program(amd64)[:10], "amd64", false},
		"unknown":     {program(amd64), "unknown", false},
	} {
		d := Delve{Store: Store{Dir: t.TempDir()}, Arch: tt.arch}
		if err := os.WriteFile(d.file(), tt.content, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := d.Find() != ""; got != tt.found {
			t.Errorf("%s: found %v", name, got)
		}
	}
}
