package loopback

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Socket is a TCP socket that listens.
type Socket struct {
	Address netip.AddrPort
	// Inode tells it from others of the same address before or after it.
	Inode uint64
}

// maxTable limits how much of a kernel's table is read, in bytes.
const maxTable = 64 << 20

// Listening reads the TCP sockets of a network that listen; dir is a process's /proc/PID/net.
func Listening(dir string) ([]Socket, error) {
	var all []Socket
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == "tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxTable))
		f.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, parse(string(data))...)
	}
	return all, nil
}

// parse reads a table as /proc/net/tcp and tcp6 have it.
func parse(table string) []Socket {
	var all []Socket
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		const address, state, inode, listening = 1, 3, 9, "0A"
		if len(fields) <= inode || fields[state] != listening {
			continue
		}
		a, ok := parseAddress(fields[address])
		n, err := strconv.ParseUint(fields[inode], 10, 64)
		if ok && err == nil {
			all = append(all, Socket{Address: a, Inode: n})
		}
	}
	return all
}

// parseAddress reads an address as the kernel prints it: words of four bytes in the machine's order.
func parseAddress(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, bad := strconv.ParseUint(port, 16, 16)
	const word = 4
	if !ok || err != nil || bad != nil || len(raw) != word && len(raw) != 4*word {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += word {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}
