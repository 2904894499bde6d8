package enclosure

import (
	"net/netip"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/controlsocket"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// What messages are about. The last two come from the helper by themselves.
const (
	opSetup   = "setup"
	opAddress = "address"
	opStart   = "start"
	opListen  = "listen"
	opDial    = "dial"
	opSignal  = "signal"
	opMount   = "mount"
	opExited  = "exited"
	opStopped = "stopped"
)

// setup is what the helper makes at first.
type setup struct {
	MTU        int    `json:"mtu"`
	ResolvConf string `json:"resolvConf"`
}

// message is a request to the helper, or what it says. A descriptor may travel with it: the command's environment comes
// as a file, since no message is as long as one may be.
type message struct {
	ID      int            `json:"id,omitempty"`
	Op      string         `json:"op"`
	Setup   *setup         `json:"setup,omitempty"`
	Device  []netip.Addr   `json:"device,omitempty"`
	Points  []Point        `json:"points,omitempty"`
	Reasons []string       `json:"reasons,omitempty"`
	Address netip.AddrPort `json:"address,omitzero"`
	Signal  int            `json:"signal,omitempty"`
	PID     int            `json:"pid,omitempty"`
	Status  *Status        `json:"status,omitempty"`
	Failure *failure       `json:"failure,omitempty"`
	Problem *problem.Error `json:"problem,omitempty"`
	Errno   syscall.Errno  `json:"errno,omitempty"`
	fd      int
}

func (m message) status() *Status {
	if m.Status == nil {
		return &Status{Code: problem.ExitFailure}
	}
	return m.Status
}

// err is the error that an answer has.
func (m message) err() error {
	switch {
	case m.Failure != nil:
		return m.Failure
	case m.Problem != nil:
		return m.Problem
	case m.Errno != 0:
		return m.Errno
	}
	return nil
}

// control is one end of the socket between nhctl and its helper.
type control struct{ *controlsocket.Conn }

func newControl(fd int) (*control, error) {
	conn, err := controlsocket.New(fd)
	return &control{conn}, err
}

// send sends a message, with its descriptor where m.fd is positive.
func (c *control) send(m message) error { return c.Send(m, m.fd) }

// receive returns the next message; its fd is negative where none has come.
func (c *control) receive() (m message, err error) {
	fd, err := c.Receive(&m)
	m.fd = fd
	return m, err
}
