package enclosure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// step is a part of making an enclosure that the system may forbid.
type step string

const (
	stepNamespaces step = "make namespaces"
	stepMounts     step = "change mounts"
	stepOpenDevice step = "open /dev/net/tun"
	stepDevice     step = "make a TUN device"
	stepNetwork    step = "set up the network"
	stepFiles      step = "replace files"
)

// failure is a step that has failed.
type failure struct {
	Step  step          `json:"step"`
	Errno syscall.Errno `json:"errno"`
	// Detail is the whole error.
	Detail string `json:"detail,omitempty"`
}

func fail(s step, err error) *failure {
	f := &failure{Step: s, Errno: unix.EIO, Detail: err.Error()}
	_ = errors.As(err, &f.Errno)
	return f
}

func (f *failure) Error() string {
	if f.Detail != "" {
		return fmt.Sprintf("%s: %s", f.Step, f.Detail)
	}
	return fmt.Sprintf("%s: %s", f.Step, f.Errno)
}

// system is what tells why a system forbids a step.
type system struct {
	// max is user.max_user_namespaces, clone kernel.unprivileged_userns_clone, apparmor
	// kernel.apparmor_restrict_unprivileged_userns; empty where the system has no such setting.
	max, clone, apparmor string
	// device says whether there is a /dev/net/tun, container whether this is one.
	device, container bool
}

// look looks at the system.
func look() system {
	setting := func(name string) string {
		data, _ := os.ReadFile("/proc/sys/" + name)
		return strings.TrimSpace(string(data))
	}
	exists := func(name string) bool {
		_, err := os.Stat(name)
		return !errors.Is(err, fs.ErrNotExist)
	}
	return system{
		max:       setting("user/max_user_namespaces"),
		clone:     setting("kernel/unprivileged_userns_clone"),
		apparmor:  setting("kernel/apparmor_restrict_unprivileged_userns"),
		device:    exists("/dev/net/tun"),
		container: exists("/.dockerenv") || exists("/run/.containerenv") || os.Getenv("KUBERNETES_SERVICE_HOST") != "",
	}
}

// explain says what forbids a step, and how to allow it.
func explain(f failure, s system) *problem.Error {
	denied := f.Errno == unix.EPERM || f.Errno == unix.EACCES
	refuse := func(reason, remedy string) *problem.Error {
		return problem.New(problem.Refused, "%s: %w", reason, error(&f)).
			WithHint("%s", remedy+"or do without, for programs that know a proxy: nhctl run --method socks -- COMMAND")
	}
	const (
		device    = "start the container with --device /dev/net/tun\n"
		container = "start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN " +
			"--security-opt seccomp=unconfined --security-opt apparmor=unconfined --device /dev/net/tun\n"
	)
	opening := f.Step == stepOpenDevice
	missing := f.Errno == unix.ENOENT || f.Errno == unix.ENODEV || f.Errno == unix.ENXIO
	switch {
	case opening && f.Errno == unix.ENOENT && s.container:
		return refuse("this container has no /dev/net/tun", device)
	case opening && missing:
		return refuse("the kernel has no TUN device", "load its module: sudo modprobe tun\n")
	case opening && denied && s.container:
		return refuse("this container may not use /dev/net/tun", device)
	case opening && denied:
		return refuse("you may not use /dev/net/tun",
			"allow it, as most systems do: sudo chmod 0666 /dev/net/tun\n")
	case s.apparmor == "1" && denied:
		return refuse("AppArmor keeps namespaces from programs without a profile", apparmorRemedy())
	case f.Step == stepNamespaces && denied && s.clone == "0":
		return refuse("the system allows namespaces to root alone (kernel.unprivileged_userns_clone)",
			"allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1\n")
	case f.Step == stepNamespaces && (f.Errno == unix.ENOSPC || f.Errno == unix.EUSERS || s.max == "0"):
		allowed := "no more"
		if s.max == "0" {
			allowed = "no"
		}
		return refuse("the system allows "+allowed+" user namespaces (user.max_user_namespaces)",
			"allow more: sudo sysctl -w user.max_user_namespaces=15000\n")
	case f.Step == stepNamespaces && f.Errno == unix.EINVAL:
		return refuse("the kernel has no user namespaces", "use one that was built with CONFIG_USER_NS\n")
	case s.container && denied:
		return refuse("this container may not make namespaces", container)
	case denied:
		return refuse("the system forbids it",
			"a security module (SELinux, AppArmor) or a seccomp filter may be the reason; the kernel's log says more\n")
	}
	return refuse("no network of its own for the command", "")
}

// apparmorRemedy is a profile that allows namespaces to nhctl alone.
func apparmorRemedy() string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/local/bin/nhctl"
	}
	return fmt.Sprintf(`allow them to nhctl:
  printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile nhctl %s flags=(unconfined) {\n  userns,\n}\n' |
    sudo tee /etc/apparmor.d/nhctl && sudo apparmor_parser -r /etc/apparmor.d/nhctl
`, program)
}
