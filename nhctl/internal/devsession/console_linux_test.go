package devsession_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
)

// A console's program begins in the sources with what was saved before, and ends once its caller has gone.
func TestConsole(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	ada.Write("input", "saved")
	script := "trap 'echo > hung-up; exit' HUP TERM; cp input output; while :; do read line || sleep 0.1; done"
	p := rpc.Attach{Target: ada.Target(), Synced: true}
	p.Console = rpc.Console{Caller: "test", Argv: []string{"sh", "-c", script}}
	conn, attached, err := client.Attach(t.Context(), ada.Dirs, p)
	if err != nil || attached.ID == "" {
		t.Fatalf("%+v, %v", attached, err)
	}
	ada.Holds(pod, "output", "saved")
	conn.Close()
	ada.Holds(pod, "hung-up", "\n")

	p.Console = rpc.Console{Caller: "test", Argv: []string{"no-such-program"}}
	if _, _, err := client.Attach(t.Context(), ada.Dirs, p); err == nil || problem.From(err).Code != problem.Command {
		t.Errorf("a program that is not there: %v", err)
	}
	p.Console = rpc.Console{Caller: "test", Newest: true}
	if _, _, err := client.Attach(t.Context(), ada.Dirs, p); err == nil || problem.From(err).Code != problem.NotFound {
		t.Errorf("a terminal that is not there: %v", err)
	}
}

// A debugger is reached by a local port, and a second client of the user joins the first.
func TestDebug(t *testing.T) {
	t.Parallel()
	ada, _ := started(t)
	port := tunneltest.FreePort(t)
	ada.Config(fmt.Sprintf("debug: {remoteDebugPort: %d}", port),
		fmt.Sprintf("command: {debug: [%q]}", sessiontest.Listening(port)))
	var d event.DebugData
	p := rpc.Debug{Run: rpc.Run{Target: ada.Target()}}
	p.LocalPort = tunneltest.FreePort(t) // the pod's own are this computer's, too
	if err := ada.Call(rpc.MethodDebug, p, &d); err != nil || d.RemotePort != port || d.Command.State != "running" {
		t.Fatalf("%+v, %v", d, err)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.Port))
	if err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	var joined event.DebugData
	p.Join = true
	if err := ada.Call(rpc.MethodDebug, p, &joined); err != nil || joined.Command.PID != d.Command.PID {
		t.Errorf("joined: %+v, %v", joined, err)
	}
}
