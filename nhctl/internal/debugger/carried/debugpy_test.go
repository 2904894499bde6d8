package carried

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing is kept but the wheel itself, whatever an index has.
func TestDebugpyFails(t *testing.T) {
	t.Parallel()
	for title, tt := range map[string]struct {
		script, want string
		is           error
	}{
		"no Python":       {want: "no python3", is: ErrNoPython},
		"pip fails":       {script: "for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 1", want: "line 7"},
		"another content": {script: "echo evil > " + debugpyWheel, want: "another content"},
		"another file":    {script: "echo evil > debugpy-0.whl", want: debugpyWheel},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			d := Debugpy{Store: Store{Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")}}}
			if tt.script != "" {
				d.Python = command(t, tt.script)
			}
			file, err := d.Make(t.Context())
			if err == nil || file != "" || !strings.Contains(err.Error(), tt.want) ||
				strings.Contains(err.Error(), "line 1") || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%q, %v", file, err)
			}
			if names := left(t, d.Dir); len(names) > 0 || d.Find() != "" {
				t.Errorf("left: %v", names)
			}
		})
	}
}

// pip is asked for the wheel of any architecture, whichever this computer has.
func TestDebugpy(t *testing.T) {
	t.Parallel()
	said := filepath.Join(t.TempDir(), "said")
	d := Debugpy{Store: Store{Dir: t.TempDir()}}
	d.Env = []string{"PATH=" + os.Getenv("PATH"), "PIP_INDEX_URL=https://pip.example.com"}
	d.Python = command(t, `echo "$@ $PIP_INDEX_URL" > `+said)
	_, _ = d.Make(t.Context())
	data, err := os.ReadFile(said)
	for _, want := range []string{"-m pip ", "--platform=any", "--only-binary=:all:", DebugpyRequirement,
		"https://pip.example.com"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%q lacks %q, %v", data, want, err)
		}
	}
}

func TestDebugpyFindChecksTheContent(t *testing.T) {
	t.Parallel()
	d := Debugpy{Store: Store{Dir: t.TempDir()}}
	if err := os.WriteFile(d.file(), []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.Find(); got != "" {
		t.Errorf("found %s", got)
	}
}
