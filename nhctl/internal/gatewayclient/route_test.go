package gatewayclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// halves is a stream whose directions end for themselves.
type halves struct {
	net.Conn
	ended chan struct{}
}

func (h *halves) CloseWrite() error { close(h.ended); return nil }

// A registration tells the front of its rule and of originals, and is over when both ends have said so.
func TestRegistration(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	stream := &halves{Conn: near, ended: make(chan struct{})}
	rule := route.Rule{ID: "a1", Ports: []int{80}}
	c := Client{Open: func(_ context.Context, kind wire.Kind, params any) (net.Conn, error) {
		if kind != wire.KindRoute || !cmp.Equal(params, rule) {
			t.Errorf("%s, %+v", kind, params)
		}
		return stream, nil
	}}
	r, err := c.Register(t.Context(), rule)
	if err != nil {
		t.Fatal(err)
	}
	want := request.Originals{80: {netip.MustParseAddrPort("10.0.0.1:8080")}}
	go func() {
		if err := r.Originals(want); err != nil {
			t.Error(err)
		}
	}()
	got, err := request.ReadOriginals(far)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" || err != nil {
		t.Error(diff, err)
	}
	go func() {
		<-stream.ended
		far.Close()
	}()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	<-r.Over()
}

// A mirror is registered as one, so that a front that knows none refuses it.
func TestRegistrationOfAMirror(t *testing.T) {
	t.Parallel()
	refusal := &wire.Refusal{Code: request.Invalid, Reason: "no such stream"}
	c := Client{Open: func(_ context.Context, kind wire.Kind, _ any) (net.Conn, error) {
		if kind != wire.KindMirror {
			t.Errorf("it is opened as %s", kind)
		}
		return nil, refusal
	}}
	var failed *Error
	if _, err := c.Register(t.Context(), route.Rule{ID: "a1", Mirror: true}); !errors.As(err, &failed) {
		t.Errorf("%v", err)
	}
}

// A front that is not reached is told apart from one that refuses.
func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	for want, cause := range map[string]error{
		NoGateway:       io.ErrUnexpectedEOF,
		request.Invalid: &wire.Refusal{Code: request.Invalid, Reason: "no rule"},
	} {
		c := Client{Open: func(context.Context, wire.Kind, any) (net.Conn, error) { return nil, cause }}
		_, err := c.Register(t.Context(), route.Rule{})
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != want {
			t.Errorf("%v, want code %s", err, want)
		}
	}
}
