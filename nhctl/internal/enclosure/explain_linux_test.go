package enclosure

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		step       step
		errno      syscall.Errno
		system     system
		says, hint string
	}{
		{"Ubuntu", stepMounts, unix.EACCES, system{apparmor: "1", device: true}, "AppArmor", "apparmor_parser"},
		{"Ubuntu, at once", stepNamespaces, unix.EPERM, system{apparmor: "1"}, "AppArmor", "apparmor_parser"},
		{"Debian's setting", stepNamespaces, unix.EPERM, system{clone: "0"}, "kernel.unprivileged_userns_clone",
			"sysctl -w kernel.unprivileged_userns_clone=1"},
		{"none allowed", stepNamespaces, unix.ENOSPC, system{max: "0"}, "allows no user namespaces",
			"sysctl -w user.max_user_namespaces"},
		{"all in use", stepNamespaces, unix.ENOSPC, system{max: "100"}, "allows no more user namespaces",
			"sysctl -w user.max_user_namespaces"},
		{"kernel without", stepNamespaces, unix.EINVAL, system{}, "no user namespaces", "CONFIG_USER_NS"},
		{"no device", stepOpenDevice, unix.ENOENT, system{}, "no TUN device", "modprobe tun"},
		{"no module", stepOpenDevice, unix.ENODEV, system{device: true}, "no TUN device", "modprobe tun"},
		{"root's device", stepOpenDevice, unix.EACCES, system{device: true}, "may not use /dev/net/tun", "chmod 0666"},
		{"container without a device", stepOpenDevice, unix.ENOENT, system{container: true}, "no /dev/net/tun",
			"--device /dev/net/tun"},
		{"container", stepNamespaces, unix.EPERM, system{container: true}, "may not make namespaces", "--cap-add"},
		{"something else", stepDevice, unix.EPERM, system{device: true}, "forbids", "security module"},
		{"an odd error", stepNetwork, unix.EIO, system{}, "no network", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := explain(failure{Step: test.step, Errno: test.errno}, test.system)
			if p.Code != problem.Refused || !strings.Contains(p.Message, test.says) ||
				!strings.Contains(p.Hint, test.hint) {
				t.Errorf("%s: %s\n%s", p.Code, p.Message, p.Hint)
			}
			if !strings.Contains(p.Hint, "nhctl run --method socks -- COMMAND") {
				t.Errorf("no way around: %s", p.Hint)
			}
			if !strings.Contains(p.Message, string(test.step)) || !strings.Contains(p.Message, test.errno.Error()) {
				t.Errorf("no step, or no reason: %s", p.Message)
			}
		})
	}
}

func TestOnlyFilesAndDNS(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"nothing", "", "hosts: files dns\n"},
		{"usual", "passwd: files\nhosts: files mymachines resolve [!UNAVAIL=return] dns\nnetworks: files\n",
			"passwd: files\nnetworks: files\nhosts: files dns\n"},
		{"spaces and no end", "  hosts :\tmdns4_minimal\npasswd: files", "passwd: files\nhosts: files dns\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, onlyFilesAndDNS(test.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
