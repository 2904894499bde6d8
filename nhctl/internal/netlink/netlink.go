//go:build linux

// Package netlink changes the kernel's network: devices, their addresses and their routes. It knows nothing of what
// they are for.
package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenTUN opens the file that makes TUN devices.
func OpenTUN() (int, error) { return unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0) }

// MakeTUN makes a TUN device of an open file, which lives as long as the file is open, and returns its name. In the
// wanted name, %d stands for any number.
func MakeTUN(fd int, name string) (string, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return "", err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return "", err
	}
	return request.Name(), nil
}

// Index is a device's number.
func Index(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("find the device %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}

// Conn is a way to ask the kernel.
type Conn struct {
	fd       int
	sequence uint32
}

// Open opens a way.
func Open() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its network: %w", err)
	}
	return &Conn{fd: fd}, nil
}

// Close closes it.
func (n *Conn) Close() { unix.Close(n.fd) }

// Up brings a device up; an mtu of 0 leaves it as it is.
func (n *Conn) Up(index, mtu int) error {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP) // of the flags only this one
	if mtu > 0 {
		body = attribute(body, unix.IFLA_MTU, binary.NativeEndian.AppendUint32(nil, uint32(mtu)))
	}
	return n.request(unix.RTM_NEWLINK, 0, body)
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Address gives a device an address.
func (n *Conn) Address(index int, a netip.Addr) error {
	body := make([]byte, unix.SizeofIfAddrmsg)
	body[0], body[1] = family(a), byte(a.BitLen())
	body[2] = unix.IFA_F_NODAD // no one else can have it
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	body = attribute(body, unix.IFA_LOCAL, a.AsSlice())
	body = attribute(body, unix.IFA_ADDRESS, a.AsSlice())
	return n.request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

// Route makes a device the way to a network. It is an error where there is a way of the same kind already.
func (n *Conn) Route(index int, to netip.Prefix) error {
	return n.request(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, route(index, to))
}

// RemoveRoute takes the way to a network from a device.
func (n *Conn) RemoveRoute(index int, to netip.Prefix) error {
	return n.request(unix.RTM_DELROUTE, 0, route(index, to))
}

func route(index int, to netip.Prefix) []byte {
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[1] = family(to.Addr()), byte(to.Bits())
	body[4], body[5] = unix.RT_TABLE_MAIN, unix.RTPROT_BOOT
	body[6], body[7] = unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST
	if to.Bits() > 0 {
		body = attribute(body, unix.RTA_DST, to.Masked().Addr().AsSlice())
	}
	return attribute(body, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(index)))
}

// align4 is the next multiple of 4.
func align4(n int) int { return (n + 3) &^ 3 }

// attribute adds an attribute to a message.
func attribute(body []byte, kind uint16, value []byte) []byte {
	body = append(body, make([]byte, align4(len(body))-len(body))...)
	body = binary.NativeEndian.AppendUint16(body, uint16(unix.SizeofRtAttr+len(value)))
	body = binary.NativeEndian.AppendUint16(body, kind)
	body = append(body, value...)
	return append(body, make([]byte, align4(len(body))-len(body))...)
}

var errAnswer = errors.New("an answer of the kernel that makes no sense")

// request sends a request, and waits for its acknowledgement.
func (n *Conn) request(kind, flags uint16, body []byte) error {
	n.sequence++
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	message = binary.NativeEndian.AppendUint32(message, n.sequence)
	message = binary.NativeEndian.AppendUint32(message, 0)
	message = append(message, body...)
	if err := unix.Sendto(n.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, os.Getpagesize())
	size, _, err := unix.Recvfrom(n.fd, answer, 0)
	if err != nil {
		return err
	}
	if size < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errAnswer
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
