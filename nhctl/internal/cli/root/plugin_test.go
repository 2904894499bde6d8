package root

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
)

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
			var out bytes.Buffer
			cmd := New(&factory.Factory{Program: test.program})
			cmd.SetOut(&out)
			cmd.SetArgs([]string{"dev", "start", "--help"})
			if err := cmd.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if strings.Count(got, test.want) < 2 { // in the usage and in the examples
				t.Errorf("help does not say %q twice:\n%s", test.want, got)
			}
			if strings.Contains(got, test.not) {
				t.Errorf("help says %q:\n%s", test.not, got)
			}
		})
	}
}
