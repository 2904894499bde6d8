package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// says is an HTTP server that answers with a text.
func says(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).AddrPort()
}

// fronting is a front on a free port, and a carrier to it from a computer whose local process is at an address.
type fronting struct {
	port    int
	carrier *wire.Carrier
	// asked are the connections that came to the computer.
	asked atomic.Int64
}

func newFronting(t *testing.T, original, local netip.AddrPort) *fronting {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fronting{port: free.Addr().(*net.TCPAddr).Port}
	free.Close()
	f.carrier = serveWith(t, wire.Handlers{
		wire.KindIntercept: func(ctx context.Context, in *wire.Incoming) error {
			asked, err := request.Parse[request.Intercept](in.Params)
			if want := (request.Intercept{Route: "mine", Port: f.port}); err != nil || asked != want {
				t.Errorf("%+v, %v", asked, err)
			}
			f.asked.Add(1)
			conn, err := net.Dial("tcp", local.String())
			if err != nil {
				return refusal(err)
			}
			stream, err := in.Accept()
			if err != nil {
				conn.Close()
				return err
			}
			wire.Join(ctx, stream, conn)
			return nil
		},
	}, func(a *Agent) {
		intercepted := []contract.Intercepted{{Port: f.port, Original: original.String()}}
		a.front = newFront(contract.Agent{Intercepted: intercepted}, a.logger)
		a.front.arrivals, a.front.settle, a.front.onLoopback = 0, 0, true
	})
	return f
}

func (f *fronting) register(t *testing.T) net.Conn {
	t.Helper()
	rule := route.Rule{
		ID:      "mine",
		Ports:   []int{f.port},
		Matches: []route.Match{{Of: route.OfHeader, Name: "dev", Value: "ada"}},
	}
	stream, err := f.carrier.Open(t.Context(), wire.KindRoute, rule)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func (f *fronting) get(t *testing.T, dev string) (text, mark string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", f.port), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("dev", dev)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), response.Header.Get(route.Mark)
}

// until asks until an answer comes.
func (f *fronting) until(t *testing.T, dev, want, mark string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, marked := f.get(t, dev)
		if text == want && marked == mark {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%q, %q; never %q, %q", text, marked, want, mark)
		}
	}
}

// A rule leads requests to its computer for as long as its stream lives; the originals that it tells of answer the
// others.
func TestFront(t *testing.T) {
	t.Parallel()
	f := newFronting(t, says(t, "any"), says(t, "local"))
	f.until(t, "ada", "any", "")
	stream := f.register(t)
	f.until(t, "ada", "local", "")
	f.until(t, "eve", "any", "")
	known := request.Originals{f.port: {says(t, "known")}}
	if err := request.WriteOriginals(stream, known); err != nil {
		t.Fatal(err)
	}
	f.until(t, "eve", "known", "")
	routes, err := ask(t, f.carrier, wire.KindRoutes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range routes.Routes {
		routes.Routes[i].Passed = 0 // as often as it was asked
		for j := range routes.Routes[i].Last {
			routes.Routes[i].Last[j].Time = time.Time{}
		}
	}
	want := []route.Report{{ID: "mine", Matched: 1, Last: []route.Request{{Method: "GET", Path: "/", Status: 200}}}}
	if diff := cmp.Diff(want, routes.Routes); diff != "" {
		t.Error(diff)
	}
	stream.Close()
	f.until(t, "ada", "any", "") // nor does anyone tell of originals
}

// A mirror's copies come by the carrier, and the original answers.
func TestFrontMirror(t *testing.T) {
	t.Parallel()
	marks := make(chan string, 1)
	local := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case marks <- r.Header.Get(route.Mark):
		default:
		}
	}))
	t.Cleanup(local.Close)
	f := newFronting(t, says(t, "any"), local.Listener.Addr().(*net.TCPAddr).AddrPort())
	stream, err := f.carrier.Open(t.Context(), wire.KindMirror, route.Rule{
		ID:     "mine",
		Ports:  []int{f.port},
		Mirror: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	f.until(t, "", "any", "")
	if mark := <-marks; mark != "mine; mirrored" {
		t.Errorf("%q", mark)
	}
}

// ask asks a front.
func ask(t *testing.T, c *wire.Carrier, kind wire.Kind) (request.Routes, error) {
	t.Helper()
	stream, err := c.Open(t.Context(), kind, nil)
	if err != nil {
		return request.Routes{}, err
	}
	defer stream.Close()
	return request.ReadRoutes(stream)
}

// A computer that is away fails open, and the answers say so, for the time of grace.
func TestFrontWithoutCarrier(t *testing.T) {
	t.Parallel()
	f := newFronting(t, says(t, "any"), says(t, "local"))
	f.register(t)
	f.until(t, "ada", "local", "")
	_ = f.carrier.Close()
	f.until(t, "ada", "any", "mine; failed-open=away")
}

// A local process that is down is the computer's answer, with its reason.
func TestFrontRefused(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	f := newFronting(t, says(t, "any"), closed.Addr().(*net.TCPAddr).AddrPort())
	f.register(t)
	f.until(t, "ada", "any", "mine; failed-open=refused")
	if f.asked.Load() == 0 {
		t.Error("the computer was not asked")
	}
}

// What is no rule is refused, and what is no list of originals ends its rule's stream.
func TestFrontChecks(t *testing.T) {
	t.Parallel()
	f := newFronting(t, says(t, "any"), says(t, "local"))
	if _, err := f.carrier.Open(t.Context(), wire.KindRoute, route.Rule{ID: "a\nb", Ports: []int{f.port}}); err == nil {
		t.Error("it was taken")
	}
	stream := f.register(t)
	if err := request.WriteOriginals(stream, request.Originals{-1: nil}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}

// arriving is a listener whose clients come one after the other.
type arriving struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (a *arriving) Accept() (net.Conn, error) {
	select {
	case c := <-a.conns:
		return c, nil
	case <-a.ended:
		return nil, net.ErrClosed
	}
}

func (a *arriving) Close() error {
	a.once.Do(func() { close(a.ended) })
	return nil
}

func (*arriving) Addr() net.Addr { return &net.TCPAddr{Port: 80} }

// A front that ends asks its clients to go once none has come for a while, and does not wait for that for ever.
func TestDrainAfterArrivals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clients int
		every   time.Duration
		want    time.Duration
	}{
		"none":    {0, 0, arrivals},
		"some":    {5, time.Second, 5*time.Second + arrivals},
		"endless": {100, time.Second, contract.ArrivalLimit * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFront(contract.Agent{}, slog.New(slog.DiscardHandler))
				listener := &arriving{conns: make(chan net.Conn), ended: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				var serving sync.WaitGroup
				serving.Go(func() { _ = f.server.Serve(ctx, listener, route.HTTP) })
				serving.Go(func() {
					for range c.clients {
						select {
						case <-time.After(c.every):
						case <-ctx.Done():
							return
						}
						near, far := net.Pipe()
						near.Close()
						select {
						case listener.conns <- far:
						case <-ctx.Done():
						}
					}
				})
				begin := time.Now()
				f.awaitArrivals(t.Context())
				if took := time.Since(begin); took < c.want-arrivals/2 || took > c.want+arrivals {
					t.Errorf("it took %s, want %s", took, c.want)
				}
				cancel()
				serving.Wait()
			})
		})
	}
}
