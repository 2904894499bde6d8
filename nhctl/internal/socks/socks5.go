package socks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The words of SOCKS5 (RFC 1928).
const (
	version5 = 5

	noAuthentication = 0
	noMethod         = 0xff

	commandConnect   = 1
	commandAssociate = 3

	typeIPv4 = 1
	typeName = 3
	typeIPv6 = 4
)

var (
	errVersion = errors.New("it does not speak SOCKS5")
	errMethod  = errors.New("it wants to authenticate")
	errType    = errors.New("an unknown type of address")
)

// socks5 serves a client whose first byte, the version, was read.
func (p *Proxy) socks5(ctx context.Context, client net.Conn) error {
	if err := greet(client); err != nil {
		return err
	}
	command, address, err := readRequest(client)
	if err != nil {
		if errors.Is(err, errType) {
			_ = answer(client, addressUnknown, nil)
		}
		return err
	}
	switch command {
	case commandConnect:
		conn, err := p.dial(ctx, "tcp", address)
		if err != nil {
			return errors.Join(err, answer(client, replyTo(p.options.Code(err)).socks, nil))
		}
		if err := answer(client, succeeded, nil); err != nil {
			conn.Close()
			return err
		}
		p.join(ctx, client, conn)
		return nil
	case commandAssociate:
		return p.associate(ctx, client)
	}
	return errors.Join(fmt.Errorf("command %d is unknown", command), answer(client, commandUnknown, nil))
}

// greet reads how a client would authenticate, and takes the way without.
func greet(client io.ReadWriter) error {
	count := make([]byte, 1)
	if _, err := io.ReadFull(client, count); err != nil {
		return err
	}
	methods := make([]byte, count[0])
	if _, err := io.ReadFull(client, methods); err != nil {
		return err
	}
	if !slices.Contains(methods, noAuthentication) {
		_, err := client.Write([]byte{version5, noMethod})
		return errors.Join(errMethod, err)
	}
	_, err := client.Write([]byte{version5, noAuthentication})
	return err
}

// readRequest reads what a client wants.
func readRequest(r io.Reader) (command byte, address string, err error) {
	head := make([]byte, 3)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, "", err
	}
	if head[0] != version5 {
		return 0, "", errVersion
	}
	address, err = readAddress(r)
	return head[1], address, err
}

// readAddress reads a type, an address or name, and a port.
func readAddress(r io.Reader) (string, error) {
	kind := make([]byte, 1)
	if _, err := io.ReadFull(r, kind); err != nil {
		return "", err
	}
	length := 0
	switch kind[0] {
	case typeIPv4:
		length = net.IPv4len
	case typeIPv6:
		length = net.IPv6len
	case typeName:
		size := make([]byte, 1)
		if _, err := io.ReadFull(r, size); err != nil {
			return "", err
		}
		length = int(size[0])
	default:
		return "", fmt.Errorf("%w: %d", errType, kind[0])
	}
	data := make([]byte, length+2)
	if _, err := io.ReadFull(r, data); err != nil {
		return "", err
	}
	host := string(data[:length])
	switch {
	case kind[0] != typeName:
		ip, _ := netip.AddrFromSlice(data[:length]) // it has one of the two lengths
		host = ip.Unmap().String()
	case strings.ContainsAny(host, "[]"):
		return "", fmt.Errorf("%w: a name with brackets", errType)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(data[length:])))), nil
}

// appendAddress adds an address as readAddress reads it.
func appendAddress(b []byte, address netip.AddrPort) []byte {
	ip := address.Addr().Unmap()
	kind := byte(typeIPv6)
	if ip.Is4() {
		kind = typeIPv4
	}
	return binary.BigEndian.AppendUint16(append(append(b, kind), ip.AsSlice()...), address.Port())
}

// answer replies to a request. bound is the proxy's address for it; nil where that means nothing.
func answer(client io.Writer, reply byte, bound net.Addr) error {
	address := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if udp, ok := bound.(*net.UDPAddr); ok {
		address = udp.AddrPort()
	}
	_, err := client.Write(appendAddress([]byte{version5, reply, 0}, address))
	return err
}
