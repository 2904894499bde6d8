package agent

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// pod is a developer's pod: a server at an address of the loopback, on a port. It ends with stop.
func pod(t *testing.T, address, text string, port int) (stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(answer)}}
	s.Start()
	t.Cleanup(s.Close)
	return s.Close
}

// A rule may lead to a pod of the developer's: no request comes to the computer. It follows the pod to another address,
// and the originals answer while the pod is not ready or does not listen.
func TestFrontToPod(t *testing.T) {
	t.Parallel()
	f := newFronting(t, says(t, "any"), says(t, "local"))
	stop := pod(t, "127.0.0.2", "first", f.port)
	pod(t, "127.0.0.3", "second", f.port)
	var last net.Conn
	register := func(address string) {
		stream, err := f.carrier.Open(t.Context(), wire.KindRoute, route.Rule{
			ID:      "mine",
			Ports:   []int{f.port},
			Matches: []route.Match{{Of: route.OfHeader, Name: "dev", Value: "ada"}},
			Pod:     true,
			Address: address,
		})
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			wire.Reset(last, "another one is there")
		}
		last = stream
	}
	register("127.0.0.2")
	f.until(t, "ada", "first", "")
	f.until(t, "eve", "any", "")
	register("127.0.0.3")
	f.until(t, "ada", "second", "")
	register("")
	f.until(t, "ada", "any", "mine; failed-open=not-ready")
	stop()
	register("127.0.0.2")
	f.until(t, "ada", "any", "mine; failed-open=refused")
	last.Close()
	f.until(t, "ada", "any", "")
	if n := f.asked.Load(); n > 0 {
		t.Errorf("%d connections came to the computer", n)
	}
}

// A front leads to pods alone: not to itself, nor where no pod can be.
func TestFrontToNoPod(t *testing.T) {
	t.Parallel()
	f := newFront(contract.Agent{}, slog.New(slog.DiscardHandler))
	for _, address := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		if _, err := f.toPod(address); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	for _, address := range []string{"", "10.0.0.7", "fd00::7"} {
		if _, err := f.toPod(address); err != nil {
			t.Error(err)
		}
	}
	front := newFronting(t, says(t, "any"), netip.AddrPort{})
	for _, address := range []string{"web.shop", "0.0.0.0", "::", "224.0.0.1", "169.254.169.254", "fe80::1",
		"fe80::1%eth0", "255.255.255.255", "10.0.0.7:80"} {
		stream, err := front.carrier.Open(t.Context(), wire.KindRoute,
			route.Rule{ID: "mine", Ports: []int{front.port}, Pod: true, Address: address})
		if err == nil {
			t.Errorf("%s was taken", address)
			stream.Close()
		}
	}
}
