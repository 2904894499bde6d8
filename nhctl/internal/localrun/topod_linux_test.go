package localrun

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/loopback"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Ports of the command's localhost lead to the pod's, also where this computer has the same ones. They are not offered
// to this computer, and one that is closed in the pod is so for the command.
func TestToPodInside(t *testing.T) {
	own, err := net.Listen("tcp", "127.0.0.1:0") // this computer's, which no one answers
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	dial := echoServer(t, echo)
	open, closed := uint16(own.Addr().(*net.TCPAddr).Port), uint16(9)
	dialled := &recorder{}
	g := &gateway{tcp: func(to netip.AddrPort, first []byte) (net.Conn, error) {
		dialled.add(to.String())
		if to.Port() == closed {
			return nil, netstack.ErrRefused
		}
		return dial(to, first)
	}}
	got := runWith(t, g, "topod", func(o *Options) {
		o.ToPod = []uint16{open, closed}
		o.Env = append(o.Env, "OPEN="+strconv.Itoa(int(open)))
		o.Notice = func(n loopback.Notice) { t.Errorf("port %d is offered: %v", n.Port, n.Err) }
	})
	if diff := cmp.Diff("127.0.0.1: hello\n[::1]: hello\nreset\n", got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	there := fmt.Sprintf("127.0.0.1:%d", open)
	if diff := cmp.Diff([]string{there, there, "127.0.0.1:9"}, dialled.all); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func useToPod() error {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		conn, err := net.Dial("tcp", host+":"+os.Getenv("OPEN"))
		if err != nil {
			return err
		}
		_, _ = io.WriteString(conn, "hello")
		_ = wire.CloseWrite(conn)
		text, err := io.ReadAll(conn)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", host, text)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:9")
	if err == nil { // the reset may come before the dial returns, or after that
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("a closed port: %w", err)
	}
	fmt.Println("reset")
	return nil
}
