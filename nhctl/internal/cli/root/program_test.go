package root

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/program"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// help is the help of a command that a program was called for.
func help(t *testing.T, file string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	f := &factory.Factory{Program: file, Streams: ui.Streams{Out: &out, Err: &out}}
	cmd := New(f)
	cmd.SetOut(f.Out())
	cmd.SetArgs(append(args, "--help"))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Help names commands as the user calls them: nhctl by itself, or kubectl's plugin.
func TestHelpNamesTheProgram(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, program, want, not string }{
		{name: "itself", program: "/usr/local/bin/nhctl", want: "\n  nhctl dev start", not: "kubectl nhctl"},
		{name: "unknown", program: "", want: "\n  nhctl dev start", not: "kubectl nhctl"},
		{name: "plugin", program: "/home/ada/.krew/bin/kubectl-nhctl", want: "\n  kubectl nhctl dev start",
			not: "\n  nhctl "},
		{name: "plugin on Windows", program: "kubectl-nhctl.exe", want: "\n  kubectl nhctl dev start",
			not: "\n  nhctl "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := help(t, test.program, "dev", "start")
			if strings.Count(got, test.want) < 2 { // in the usage and in the examples
				t.Errorf("help does not say %q twice:\n%s", test.want, got)
			}
			if strings.Contains(got, test.not) {
				t.Errorf("help says %q:\n%s", test.not, got)
			}
		})
	}
	if got := help(t, "kubectl-nhctl"); !strings.Contains(got, "\n  kubectl nhctl [command]") ||
		strings.Contains(got, "\n  nhctl ") {
		t.Errorf("help of the whole: %s", got)
	}
}

// Every command that there is is known where commands in texts are found.
func TestCommandsAreFound(t *testing.T) {
	t.Parallel()
	cmd := New(&factory.Factory{})
	cmd.InitDefaultHelpCmd()
	cmd.InitDefaultCompletionCmd()
	if len(cmd.Commands()) < 8 {
		t.Fatalf("only %d commands", len(cmd.Commands()))
	}
	for _, c := range cmd.Commands() {
		if got, want := program.Plugin.Text("nhctl "+c.Name()), "kubectl nhctl "+c.Name(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
