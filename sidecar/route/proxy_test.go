package route

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// knows is a process that tells what the PROXY protocol says of its client, and what comes next.
func knows(t *testing.T) string {
	t.Helper()
	return speaker(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		header, err := proxyproto.Read(in)
		if err != nil {
			fmt.Fprintf(conn, "%v\n", err)
			return
		}
		line, _ := in.ReadString('\n')
		text := fmt.Sprintf("%d %s %s", header.Version, header.SourceAddr, strings.TrimSpace(line))
		if strings.HasSuffix(text, "HTTP/1.1") {
			text = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
		write(conn, text, 1000)
	})
}

// The PROXY protocol says who the client is, before a request and before other bytes.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	b := newBed(t, Unknown, says(t, "original"))
	b.set(t, Rule{ID: "mine", Proxy: true}, to(knows(t)))
	conn := b.dial(t)
	write(conn, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", 100)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("2 %s GET /x HTTP/1.1", conn.LocalAddr())
	if got, err := io.ReadAll(response.Body); string(got) != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	conn = b.dial(t)
	write(conn, "*1\r\n", 100)
	want = fmt.Sprintf("2 %s *1", conn.LocalAddr())
	if got, err := io.ReadAll(conn); string(got) != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A raw exchange takes connections as they are, also of HTTP, and fails open by connection.
func TestRaw(t *testing.T) {
	t.Parallel()
	for name, protocol := range map[string]Protocol{"http": HTTP, "unknown": Unknown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			echo := func(name string) string {
				return speaker(t, func(conn net.Conn) {
					write(conn, name+" ", 100)
					_, _ = io.Copy(conn, conn)
				})
			}
			b := newBed(t, protocol, echo("original"))
			const said = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /again HTTP/1.1\r\nUser-Agent: kube-probe/1\r\n\r\n"
			ask := func(want string) {
				t.Helper()
				conn := b.dial(t)
				write(conn, said, 7)
				_ = conn.CloseWrite()
				if got, err := io.ReadAll(conn); string(got) != want+" "+said || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
			b.set(t, Rule{ID: "mine", Raw: true}, to(echo("mine")))
			ask("mine")
			b.set(t, Rule{ID: "mine", Raw: true}, nil)
			ask("original")
			if r := b.report(t, "mine"); r.Matched != 1 || r.FailedOpen != 1 || len(r.Last) > 0 {
				t.Errorf("%+v", r)
			}
			b.set(t, Rule{ID: "mine", Raw: true, Strict: true}, nil)
			if conn, err := net.Dial("tcp", b.address); err == nil {
				defer conn.Close()
				if got, err := io.ReadAll(conn); err == nil {
					t.Errorf("a strict one: %q", got)
				}
			}
		})
	}
}

// Requests that look like probes of the originals go there, on their ports, unless all are wanted.
func TestProbes(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	rule := Rule{ID: "mine", Probes: []Probe{{port, "/healthz"}, {port + 1, "/other"}}}
	b.set(t, rule, to(says(t, "mine")))
	for path, want := range map[string]string{
		"/healthz":     "original GET /healthz ",
		"/healthz?a=b": "original GET /healthz?a=b ",
		"/healthz/x":   "mine GET /healthz/x ",
		"/other":       "mine GET /other ",
	} {
		if got, mark := b.get(t, path); got != want || mark != "" {
			t.Errorf("%q, %q", got, mark)
		}
	}
	response, err := http.Post("http://"+b.address+"/healthz", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); string(got) != "mine POST /healthz " || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	rule.All = true
	b.set(t, rule, to(says(t, "mine")))
	if got, _ := b.get(t, "/healthz"); got != "mine GET /healthz " {
		t.Errorf("%q", got)
	}
}

// Each client keeps its original; one that goes moves its clients alone, evenly, and one that comes takes its own.
func TestSticky(t *testing.T) {
	t.Parallel()
	const clients = 3000
	o := &Originals{Sticky: true, Fallback: map[int]string{port: "service"}}
	chosen := func(known ...string) (of map[string]string, count map[string]int) {
		o.Set(map[int][]string{port: known})
		of, count = map[string]string{}, map[string]int{}
		for i := range clients {
			client := fmt.Sprintf("10.0.%d.%d", i/256, i%256)
			order := o.order(port, client)
			if order[len(order)-1] != "service" || len(order) > tries+1 {
				t.Fatalf("%q", order)
			}
			of[client] = order[0]
			count[order[0]]++
		}
		return of, count
	}
	four, count := chosen("a", "b", "c", "d")
	for name, n := range count {
		if n < clients/4*8/10 || n > clients/4*12/10 {
			t.Errorf("%s has %d of %d clients", name, n, clients)
		}
	}
	three, _ := chosen("d", "b", "a") // in whatever order they are told
	for client, before := range four {
		if now := three[client]; before != "c" && now != before {
			t.Fatalf("%s moves from %s to %s", client, before, now)
		}
	}
	again, _ := chosen("a", "b", "c", "d")
	for client, before := range four {
		if again[client] != before {
			t.Fatalf("%s does not come back", client)
		}
	}
}

// Requests of a client of a sticky Service go to one original, by whichever connection.
func TestStickyRequests(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "a"), says(t, "b"), says(t, "c"), says(t, "d"))
	b.Originals.Sticky = true
	first, _ := b.get(t, "/")
	for range 20 {
		if got, _ := b.get(t, "/"); got != first {
			t.Errorf("%q and %q", first, got)
		}
	}
}
