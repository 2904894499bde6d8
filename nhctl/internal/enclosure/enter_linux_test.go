package enclosure

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// A further command has the network and the files of one that runs, with the user's own folder, user and exit code.
func TestEnter(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := options(t, "sleep 1000 & echo $!; wait")
	o.Stdout = w
	e := begin(t, o)
	dir, reasons, err := e.Mount(t.Context(), []Point{{Path: "/nhctl-test-enter"}})
	if err != nil || reasons[0] != "" {
		t.Fatalf("%v %q", err, reasons)
	}
	defer dir.Close()
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var pid int
	if _, err := fmt.Fscan(r, &pid); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{stage + "=enter", "PATH=" + os.Getenv("PATH"), "TARGET=" + strconv.Itoa(pid), "FOLDER=" + folder}
	out, err := cmd.CombinedOutput()
	want := fmt.Sprintf("%s\n/nhctl-test-enter\n%s\n%d\n0\n", network(pid), folder, os.Getuid())
	if cmd.ProcessState.ExitCode() != 7 || string(out) != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
}

func enterIt() error {
	pid, err := strconv.Atoi(os.Getenv("TARGET"))
	if err != nil {
		return err
	}
	// The command of another user than root has no capabilities.
	const script = `readlink /proc/self/ns/net; ls -d /nhctl-test-enter; pwd; id -u
[ "$(id -u)" = 0 ] && echo 0 || grep CapEff /proc/self/status | tr -d 'CapEf:\t0' | wc -w; exit 7`
	return Enter(pid, os.Getenv("FOLDER"), os.Environ(), []string{"sh", "-c", script})
}

func TestEnterWhatIsNoEnclosure(t *testing.T) {
	for _, pid := range []int{os.Getpid(), 1, 1 << 30} {
		err := Enter(pid, "/", nil, []string{"true"})
		if p := problem.From(err); p.Code != problem.NotFound || !strings.Contains(p.Message, strconv.Itoa(pid)) {
			t.Errorf("%d: %v", pid, err)
		}
	}
}
