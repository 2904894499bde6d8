package clusterdns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

// Dial makes a connection to a server, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Upstream asks servers one after the other, as the C library does.
type Upstream struct {
	// Servers lists the servers at the time of a question.
	Servers func() []netip.AddrPort
	Dial    Dial
	// Patience is how long each server is waited for before the next is asked.
	Patience time.Duration
}

// Exchange implements Exchanger.
func (u Upstream) Exchange(ctx context.Context, query []byte, tcp bool) ([]byte, error) {
	err := errors.New("no server")
	for _, server := range u.Servers() {
		var answer []byte
		if answer, err = u.ask(ctx, server, query, tcp); err == nil {
			return answer, nil
		}
	}
	return nil, err
}

func (u Upstream) ask(ctx context.Context, server netip.AddrPort, query []byte, tcp bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, u.Patience)
	defer cancel()
	network := "udp"
	if tcp {
		network = "tcp"
	}
	conn, err := u.Dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if tcp {
		if err := WriteTCP(conn, query); err != nil {
			return nil, err
		}
		return ReadTCP(conn)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	answer := make([]byte, maxSize)
	for {
		n, err := conn.Read(answer)
		if err != nil {
			return nil, err
		}
		if n >= 2 && len(query) >= 2 && [2]byte(answer) == [2]byte(query) { // a late answer has another id
			return answer[:n], nil
		}
	}
}

// WriteTCP writes a message as it travels by TCP: with its length before it.
func WriteTCP(w io.Writer, message []byte) error {
	if len(message) > 1<<16-1 {
		return errors.New("a message of more than 64 KiB")
	}
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := w.Write(append(framed, message...))
	return err
}

// ReadTCP reads such a message.
func ReadTCP(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// maxConfig limits how much of a resolv.conf is read.
const maxConfig = 64 << 10

// ResolvConf is what a resolv.conf says.
type ResolvConf struct {
	Servers []netip.AddrPort
	Search  []string
	Options []string
}

// ReadResolvConf reads a file as it is without what nhctl connect has put there; one that can't be read says nothing,
// as for the C library.
func ReadResolvConf(file string) ResolvConf {
	f, err := os.Open(file)
	if err != nil {
		return ResolvConf{}
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, maxConfig))
	return ParseResolvConf(sharedfile.Original(string(data)))
}

// ParseResolvConf reads the text of a resolv.conf.
func ParseResolvConf(text string) ResolvConf {
	var c ResolvConf
	const port = 53
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(words[1]); err == nil {
				c.Servers = append(c.Servers, netip.AddrPortFrom(a, port))
			}
		case "search", "domain": // the last one counts
			c.Search = slices.Clone(words[1:])
		case "options":
			c.Options = append(c.Options, words[1:]...)
		}
	}
	return c
}

// Inside is the resolv.conf of a process in a namespace of the cluster: that of a pod, with the computer's own search
// list behind the cluster's.
func Inside(server netip.Addr, namespace, domain string, outside ResolvConf) string {
	search := []string{namespace + ".svc." + domain, "svc." + domain, domain}
	for _, s := range outside.Search {
		if s != "." && !slices.Contains(search, s) {
			search = append(search, s)
		}
	}
	return "# nhctl run: names of the cluster, and those of this computer\n" +
		"nameserver " + server.String() + "\n" +
		"search " + strings.Join(search, " ") + "\n" +
		"options ndots:5\n"
}
