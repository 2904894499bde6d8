package process

import (
	"os/exec"
	"testing"
)

// A process lives until it has ended, and another one is not taken for it.
func TestLives(t *testing.T) {
	t.Parallel()
	if !Self().Lives() {
		t.Error("this one does not live")
	}
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	other := Of(cmd.Process.Pid)
	if !other.Lives() || other == Self() {
		t.Errorf("%+v", other)
	}
	earlier := ID{PID: other.PID, Started: other.Started - 1}
	if earlier.Lives() || (ID{}).Lives() {
		t.Error("one that has never been lives")
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if other.Lives() {
		t.Error("it lives after its end")
	}
}
