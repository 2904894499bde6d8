package enclosure

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/netlink"
)

// deviceName is the TUN device's, inside.
const deviceName = "nhctl"

// prepare makes network and files inside, and returns the descriptor of the device.
func prepare(s setup) (int, *failure) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return -1, fail(stepMounts, err)
	}
	device, failed := makeDevice()
	if failed != nil {
		return -1, failed
	}
	if err := configure(s.MTU); err != nil {
		unix.Close(device)
		return -1, fail(stepNetwork, err)
	}
	if err := replaceFiles(s.ResolvConf); err != nil {
		unix.Close(device)
		return -1, fail(stepFiles, err)
	}
	return device, nil
}

// makeDevice makes the TUN device.
func makeDevice() (int, *failure) {
	fd, err := netlink.OpenTUN()
	if err != nil {
		return -1, fail(stepOpenDevice, err)
	}
	if _, err := netlink.MakeTUN(fd, deviceName); err != nil {
		unix.Close(fd)
		return -1, fail(stepDevice, err)
	}
	return fd, nil
}

// configure brings loopback and the device up.
func configure(mtu int) error {
	link, err := netlink.Open()
	if err != nil {
		return err
	}
	defer link.Close()
	loopback, err := netlink.Index("lo")
	if err != nil {
		return err
	}
	device, err := netlink.Index(deviceName)
	if err != nil {
		return err
	}
	if err := link.Up(loopback, 0); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	if err := link.Up(device, mtu); err != nil {
		return fmt.Errorf("bring the device up: %w", err)
	}
	// A service's port may be below 1024, as in a pod. Kernels without this setting keep their rule.
	_ = os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	return nil
}

// address gives the device addresses, each with its family's default route.
func address(all []netip.Addr) error {
	link, err := netlink.Open()
	if err != nil {
		return err
	}
	defer link.Close()
	device, err := netlink.Index(deviceName)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := link.Address(device, a); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
		if err := link.Route(device, netip.PrefixFrom(a, 0)); err != nil {
			return fmt.Errorf("default route of %s: %w", a, err)
		}
	}
	return nil
}
