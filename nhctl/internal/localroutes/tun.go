package localroutes

import (
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// CheckTUN says why this computer can have no TUN device. Whether its user may make one is not asked: root does.
func CheckTUN() error {
	if runtime.GOOS != "linux" {
		const other = "nhctl connect for the whole computer needs Linux so far, not %s"
		return problem.New(problem.Refused, other, runtime.GOOS).
			WithHint("`nhctl connect --socks` works on every system")
	}
	if _, err := os.Stat("/dev/net/tun"); errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.Refused, "there is no /dev/net/tun").
			WithHint("load the kernel's module: sudo modprobe tun\nstart a container with --device /dev/net/tun")
	}
	return nil
}
