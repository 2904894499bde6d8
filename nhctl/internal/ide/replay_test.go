package ide

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema/recording"
)

// An editor that makes the calls of recorded sessions hears what the daemon said then.
func TestReplay(t *testing.T) {
	t.Parallel()
	recording.Each(t, func(t *testing.T, lines []recording.Line) {
		for _, call := range split(lines) {
			if call[0].Client.Method != rpc.MethodInitialize {
				replay(t, call)
			}
		}
	})
}

// split makes a part of each call: with what followed it until the next one.
func split(lines []recording.Line) (calls [][]recording.Line) {
	for _, l := range lines {
		if l.Client != nil && l.Client.ID != nil {
			calls = append(calls, nil)
		}
		last := len(calls) - 1
		calls[last] = append(calls[last], l)
	}
	return calls
}

// replay has an editor make a call, and cancel it where that was done.
func replay(t *testing.T, lines []recording.Line) {
	t.Helper()
	call := lines[0].Client
	played := make(chan error, 1)
	o := unreachable()
	o.Env = func(env map[string]string, _ string) map[string]string { return env }
	o.Connect = func(_ context.Context, notified client.Notified) (*client.Client, error) {
		here, there := net.Pipe()
		go func() { played <- recording.Play(there, onItsOwn(t, lines, o.Caller)) }()
		return client.Over(here, notified), nil
	}
	e := open(t, o)
	e.call(string(call.ID), call.Method, orNull(call.Params))
	for _, l := range lines[1:] {
		if l.Client != nil {
			e.say(fmt.Sprintf(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":%s}}`, call.ID))
			continue
		}
		var heard recording.Message
		if err := json.Unmarshal([]byte(e.hear()), &heard); err != nil {
			t.Fatal(err)
		}
		said := *l.Daemon
		said.Version = ""
		if said.Error != nil && call.Method == rpc.MethodSubscribe {
			cancelled := *said.Error
			cancelled.Code = rpc.RequestCancelled
			said.Error = &cancelled
		}
		if diff := cmp.Diff(values(t, said), values(t, heard)); diff != "" {
			t.Errorf("%s: (-said +heard)\n%s", call.Method, diff)
		}
	}
	if err := <-played; err != nil {
		t.Error(err)
	}
}

func orNull(params json.RawMessage) string {
	if params == nil {
		return none
	}
	return string(params)
}

// onItsOwn is a call as the only one of its connection, whose parameters have a caller.
func onItsOwn(t *testing.T, lines []recording.Line, caller rpc.Caller) (own []recording.Line) {
	t.Helper()
	const first = `1` // the id that jrpc2 draws
	for _, l := range lines {
		m := l.Daemon
		if m == nil {
			m = l.Client
		}
		renamed := *m
		if m.ID != nil {
			renamed.ID = json.RawMessage(first)
		}
		switch {
		case l.Daemon != nil:
			own = append(own, recording.Line{Daemon: &renamed})
			continue
		case m.Method == rpc.MethodCancel:
			renamed.Params = json.RawMessage(`{"id":"` + first + `"}`)
		case m.Params == nil:
			params, err := json.Marshal(map[string]any{"caller": caller})
			if err != nil {
				t.Fatal(err)
			}
			renamed.Params = params
		}
		own = append(own, recording.Line{Client: &renamed})
	}
	return own
}

// values are a message's, whatever the order of its fields.
func values(t *testing.T, m recording.Message) (v any) {
	t.Helper()
	text, err := json.Marshal(m)
	if err == nil {
		err = json.NewDecoder(strings.NewReader(string(text))).Decode(&v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}
