//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubectlPlugin has kubectl find nhctl as its plugin, and run it.
func TestKubectlPlugin(t *testing.T) {
	t.Parallel()
	bin, folder := os.Getenv("NHCTL_TEST_BIN"), t.TempDir()
	if err := os.Symlink(filepath.Join(bin, "nhctl"), filepath.Join(folder, "kubectl-nhctl")); err != nil {
		t.Fatal(err)
	}
	kubectl := func(args ...string) string {
		cmd := exec.Command(filepath.Join(bin, "playground.d", "kube"), append([]string{"kubectl"}, args...)...)
		cmd.Env = append(os.Environ(), "PATH="+folder)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"plugin", "list"}, filepath.Join(folder, "kubectl-nhctl")},
		{[]string{"nhctl", "version"}, "nhctl v"},
		{[]string{"nhctl", "dev", "start", "--help"}, "\n  kubectl nhctl dev start "},
	} {
		if out := kubectl(test.args...); !strings.Contains(out, test.want) {
			t.Errorf("kubectl %s does not say %q:\n%s", strings.Join(test.args, " "), test.want, out)
		}
	}
}
