package filesync

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// fewWatches says that the test runs where it may lower the limit.
const fewWatches = "NHCTL_TEST_FEW_WATCHES"

// Where the system watches no more folders, changes are still found, and it is said what helps. The limit is that of a
// user namespace.
func TestWatchLimit(t *testing.T) {
	if os.Getenv(fewWatches) == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run=^TestWatchLimit$", "-test.timeout="+(2*waitLimit).String())
		cmd.Env = append(os.Environ(), fewWatches+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}
		if out, err := cmd.CombinedOutput(); errors.Is(err, syscall.EPERM) {
			t.Skip("no user namespaces here")
		} else if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("20"), 0); err != nil {
		t.Fatal(err)
	}
	p, a, b := newPair(t, Settings{Type: SendReceive})
	for i := range 40 {
		foldertest.Put(t, a, fmt.Sprintf("dir%d/file", i), "1")
	}
	p.start()
	p.same()
	s := p.local.status()
	if !strings.Contains(s.Limit, "of 41 are watched") ||
		!strings.Contains(s.Limit, "sudo sysctl fs.inotify.max_user_watches=524288") {
		t.Errorf("the status says: %s", s.Limit)
	}
	for i := range 40 {
		foldertest.Put(t, a, fmt.Sprintf("dir%d/file", i), "saved")
	}
	for i := range 40 {
		arrives(t, b, fmt.Sprintf("dir%d/file", i), "saved")
	}
}
