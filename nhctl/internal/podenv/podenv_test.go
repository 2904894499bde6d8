package podenv

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// A command has the container's variables over the computer's, less those that stay the computer's.
func TestApply(t *testing.T) {
	t.Parallel()
	computer := []string{"PATH=/usr/bin", "HOME=/home/ada", "COLOR=red", "LC_TIME=de", "=odd", "EMPTY="}
	container := []string{
		"PATH=/app/bin", "HOME=/", "COLOR=blue", "LC_ALL=C", "HOSTNAME=web-1",
		"LD_PRELOAD=/evil.so", "BASH_FUNC_ls%%=() { id; }", "URL=http://a?b=c",
		"XDG_RUNTIME_DIR=/run", "none", "LCX=1", "EMPTY=no",
	}
	want := []string{
		"PATH=/usr/bin", "HOME=/home/ada", "LC_TIME=de", "=odd", "COLOR=blue", "EMPTY=no", "LCX=1", "URL=http://a?b=c",
	}
	if diff := cmp.Diff(want, Of(container).Apply(computer)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(computer, Changes{}.Apply(computer)); diff != "" {
		t.Errorf("without changes:\n%s", diff)
	}
}

// Files win over the container, --unset over both and the computer.
func TestOwnChanges(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.env")
	text := "# mine\nCOLOR=green\nPATH=/my/bin\nGONE=1\nexport QUOTED=\"a b\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var own Changes
	if err := own.AddFile(file); err != nil {
		t.Fatal(err)
	}
	if err := own.Drop("GONE", "SIZE", "EDITOR"); err != nil {
		t.Fatal(err)
	}
	all := Of([]string{"COLOR=blue", "SIZE=1", "GONE=0", "SHAPE=round"}).With(own)
	want := []string{"A=1", "COLOR=green", "PATH=/my/bin", "QUOTED=a b", "SHAPE=round"}
	if diff := cmp.Diff(want, all.Apply([]string{"A=1", "PATH=/bin", "EDITOR=vi", "SIZE=9"})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, name := range []string{"", "A=B"} {
		if err := own.Drop(name); problem.From(err).Code != problem.Usage {
			t.Errorf("--unset %q: %v", name, err)
		}
	}
}

// An error never has a value.
func TestBadFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.env")
	if err := os.WriteFile(file, []byte("A='secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var own Changes
	err := own.AddFile(file)
	if problem.From(err).Code != problem.Usage || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if err := own.AddFile(file + "-none"); problem.From(err).Code != problem.Usage {
		t.Error(err)
	}
}

// hard are values that careless quoting breaks.
func hard() map[string]string {
	return map[string]string{
		"PLAIN": "a", "EMPTY": "", "SPACES": "  a  b ", "QUOTES": `'it''s' "quoted"`, "DOLLAR": "$HOME `id` $(id)",
		"BACKSLASH": `\n \\ \'`, "LINES": "a\nb\n\n", "TAB": "\ta", "STAR": "*", "HASH": "#a", "UTF8": "ü–\u202e",
		"EQUALS": "a=b=c", "CONTROL": "\x1b[2J\x01", "BANG": "!!",
	}
}

// A shell that evaluates the lines has exactly the values, and without what is unset.
func TestShell(t *testing.T) {
	t.Parallel()
	c := Changes{Set: hard(), Unset: []string{"UNWANTED", "no.name"}}
	c.Set["my.var\nid"] = "no shell can have it"
	var text bytes.Buffer
	if err := c.Print(&text, "sh"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `eval "$1" && exec env -0`, "sh", text.String())
	cmd.Env = []string{"UNWANTED=1", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, &text)
	}
	got := map[string]string{}
	for _, v := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if name, value, _ := strings.Cut(v, "="); name != "PATH" && name != "PWD" && name != "_" && name != "SHLVL" {
			got[name] = value
		}
	}
	if diff := cmp.Diff(hard(), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.Contains(text.String(), `# left out, since no shell can have it: my.var\nid`) {
		t.Error(text.String())
	}
}

// docker reads lines as they are, so a value of several lines is refused, without telling it.
func TestDocker(t *testing.T) {
	t.Parallel()
	c := Changes{Set: hard()}
	var text bytes.Buffer
	p := problem.From(c.Print(&text, "docker"))
	if p.Code != problem.Refused || !strings.Contains(p.Message, "variable LINES has several lines") || text.Len() > 0 {
		t.Errorf("%s: %s (%s), %q", p.Code, p.Message, p.Hint, &text)
	}
	delete(c.Set, "LINES")
	if err := c.Print(&text, "docker"); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(text.String()) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	if diff := cmp.Diff(c.Set, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, name := range []string{"#A", "A B", "A\nB"} {
		if err := (Changes{Set: map[string]string{name: ""}}).Print(&text, "docker"); err == nil {
			t.Errorf("%q is accepted as a name", name)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	if err := (Changes{Set: hard()}).Print(&text, "json"); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hard(), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := (Changes{}).Print(&text, "yaml"); problem.From(err).Code != problem.Usage {
		t.Error(err)
	}
}

// The page about nhctl run lists every variable that stays the computer's.
func TestKeptAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/run.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range KeptGroups() {
		if row := "| " + g.Why + " | `" + strings.Join(g.Names, "`, `") + "` |"; !strings.Contains(string(page), row) {
			t.Errorf("run.md lacks the row\n%s", row)
		}
	}
}
