package socks

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/gatewayclient"
	"github.com/nhctl/nhctl/sidecar/agent/request"
)

// cluster has names whose connections lead elsewhere, and others that fail with a code.
type cluster struct {
	leads map[string]string
	fails map[string]string
}

type failure string

func (f failure) Error() string { return "it fails: " + string(f) }

func (c cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if code, fails := c.fails[address]; fails {
		return nil, failure(code)
	}
	to, known := c.leads[address]
	if !known {
		return nil, failure(request.NoSuchName)
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func codeOf(err error) string {
	var f failure
	if errors.As(err, &f) {
		return string(f)
	}
	return ""
}

// serve runs a proxy, and returns its address.
func serve(t *testing.T, c cluster) (*Proxy, string) {
	t.Helper()
	p := New(Options{Dial: c.dial, Code: codeOf, Logger: slog.New(slog.DiscardHandler)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p, listener.Addr().String()
}

// listening serves each TCP connection.
func listening(t *testing.T, handle func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(conn.(*net.TCPConn))
		}
	}()
	return listener.Addr().String()
}

// upper answers in capitals, once it has read all.
func upper(conn *net.TCPConn) {
	defer conn.Close()
	data, _ := io.ReadAll(conn)
	_, _ = conn.Write(bytes.ToUpper(data))
}

func connect(t *testing.T, proxy string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// requestOf is a SOCKS5 client's greeting and request.
func requestOf(command byte, host string, port uint16) []byte {
	b := []byte{version5, 1, noAuthentication, version5, command, 0}
	if ip, err := netip.ParseAddr(host); err == nil {
		return appendAddress(b, netip.AddrPortFrom(ip, port))
	}
	b = append(b, typeName, byte(len(host)))
	return binary.BigEndian.AppendUint16(append(b, host...), port)
}

// ask makes a SOCKS5 request, and returns the reply and the address in it.
func ask(t *testing.T, conn net.Conn, command byte, host string, port uint16) (reply byte, address string) {
	t.Helper()
	if _, err := conn.Write(requestOf(command, host, port)); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != version5 || head[1] != noAuthentication {
		t.Fatalf("%v, %v", head, err)
	}
	address, err := readAddress(conn)
	if err != nil {
		t.Fatal(err)
	}
	return head[3], address
}

// Names reach the cluster as they are, and data, the end of each direction and resets arrive.
func TestConnect(t *testing.T) {
	t.Parallel()
	p, proxy := serve(t, cluster{leads: map[string]string{
		"catalog:80":      listening(t, upper),
		"10.1.2.3:80":     listening(t, upper),
		"[fd00::1]:80":    listening(t, upper),
		"resetting:80":    listening(t, func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() }),
		"server-first:25": listening(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("220")); c.Close() }),
	}})
	for _, host := range []string{"catalog", "10.1.2.3", "fd00::1"} {
		conn := connect(t, proxy)
		if reply, _ := ask(t, conn, commandConnect, host, 80); reply != succeeded {
			t.Fatalf("%s: reply %d", host, reply)
		}
		_, _ = conn.Write([]byte("hello"))
		_ = conn.CloseWrite()
		if got, err := io.ReadAll(conn); string(got) != "HELLO" || err != nil {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	conn := connect(t, proxy)
	if reply, _ := ask(t, conn, commandConnect, "server-first", 25); reply != succeeded {
		t.Fatal(reply)
	}
	if got, err := io.ReadAll(conn); string(got) != "220" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	conn = connect(t, proxy)
	if reply, _ := ask(t, conn, commandConnect, "resetting", 80); reply != succeeded {
		t.Fatal(reply)
	}
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a reset arrives as %v", err)
	}
	want := Counts{Opened: 5, Sent: 15, Received: 18}
	got := p.Counts()
	got.Open = 0 // the last ones may still be on their way out
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Each reason for which nothing is reached has its reply, in each protocol.
func TestReplies(t *testing.T) {
	t.Parallel()
	c := cluster{fails: map[string]string{}}
	wants := map[string]struct {
		socks  byte
		status int
		error  string
	}{
		request.Refused:         {connectionRefused, 502, "connection_refused"},
		request.Unreachable:     {hostUnreachable, 502, "destination_ip_unroutable"},
		request.TimedOut:        {ttlExpired, 504, "connection_timeout"},
		request.NoSuchName:      {hostUnreachable, 502, "dns_error"},
		request.Resolver:        {generalFailure, 502, "dns_error"},
		request.Denied:          {notAllowed, 403, "destination_ip_prohibited"},
		request.Invalid:         {addressUnknown, 400, "http_request_error"},
		gatewayclient.NoGateway: {networkUnreachable, 503, "destination_unavailable"},
		"of a newer agent":      {generalFailure, 502, "proxy_internal_error"},
	}
	hosts := map[string]string{}
	for code := range wants {
		host := strings.ReplaceAll(code, " ", "-")
		hosts[code], c.fails[host+":80"] = host, code
	}
	_, proxy := serve(t, c)
	client := clientOf(proxy)
	for code, want := range wants {
		if reply, _ := ask(t, connect(t, proxy), commandConnect, hosts[code], 80); reply != want.socks {
			t.Errorf("%s: reply %d, want %d", code, reply, want.socks)
		}
		conn := connect(t, proxy)
		fmt.Fprintf(conn, "CONNECT %s:80 HTTP/1.1\r\nHost: %[1]s:80\r\n\r\n", hosts[code])
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		status := "nhctl; error=" + want.error
		if answer.StatusCode != want.status || answer.Header.Get("Proxy-Status") != status {
			t.Errorf("%s: %s, %s", code, answer.Status, answer.Header.Get("Proxy-Status"))
		}
		response, err := client.Get("http://" + hosts[code] + "/")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != want.status || !strings.Contains(string(text), "it fails: "+code) {
			t.Errorf("%s: %s, %q", code, response.Status, text)
		}
	}
}

// clientOf is an HTTP client that uses a proxy for HTTP.
func clientOf(proxy string) *http.Client {
	via := &url.URL{Scheme: "http", Host: proxy}
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableCompression: true}}
}

// Requests with a whole URL go on as they came, and HTTPS goes through CONNECT, first bytes included.
func TestHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host, " ", r.URL, " ", r.Header.Get("X-Forwarded-For"), " ", r.Header.Get("User-Agent"))
	}))
	defer server.Close()
	_, proxy := serve(t, cluster{leads: map[string]string{
		"catalog:80": server.Listener.Addr().String(),
		"secure:443": listening(t, upper),
	}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://catalog/books?a=1;b=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "1.2.3.4")
	r.Header.Set("User-Agent", "test")
	response, err := clientOf(proxy).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); string(text) != "catalog /books?a=1;b=2 1.2.3.4 test" {
		t.Errorf("the server sees %q", text)
	}
	conn := connect(t, proxy)
	fmt.Fprint(conn, "CONNECT secure:443 HTTP/1.1\r\nHost: secure:443\r\n\r\nhello")
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", answer, err)
	}
	_ = conn.CloseWrite() // before the answer, that would be a client who leaves
	if got, err := io.ReadAll(reader); string(got) != "HELLO" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A page in a browser gains nothing here, nor does a client that speaks something else.
func TestStrangers(t *testing.T) {
	t.Parallel()
	_, proxy := serve(t, cluster{leads: map[string]string{"catalog:80": listening(t, upper)}})
	response, err := http.Get("http://" + proxy + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a request that names no server: %s", response.Status)
	}
	for name, tt := range map[string]struct{ says, hears []byte }{
		"only passwords":  {[]byte{5, 1, 2}, []byte{5, 0xff}},
		"no methods":      {[]byte{5, 0}, []byte{5, 0xff}},
		"BIND":            {requestOf(2, "catalog", 80), []byte{5, 0, 5, commandUnknown, 0, 1, 0, 0, 0, 0, 0, 0}},
		"an odd address":  {[]byte{5, 1, 0, 5, 1, 0, 9}, []byte{5, 0, 5, addressUnknown, 0, 1, 0, 0, 0, 0, 0, 0}},
		"another version": {[]byte{5, 1, 0, 4, 1, 0, 1}, []byte{5, 0}},
		"it ends early":   {[]byte{5, 9, 0}, nil},
		"nothing":         {nil, nil},
	} {
		conn := connect(t, proxy)
		_, _ = conn.Write(tt.says)
		_ = conn.CloseWrite()
		got, err := io.ReadAll(conn)
		if !bytes.Equal(got, tt.hears) || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// UDP goes to the addresses that datagrams name, and comes back with theirs.
func TestUDP(t *testing.T) {
	t.Parallel()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(bytes.ToUpper(buffer[:n]), from)
		}
	}()
	_, proxy := serve(t, cluster{leads: map[string]string{
		"10.96.0.10:53": socket.LocalAddr().String(),
		"dns:53":        socket.LocalAddr().String(),
	}})
	control := connect(t, proxy)
	reply, relay := ask(t, control, commandAssociate, "0.0.0.0", 0)
	if reply != succeeded {
		t.Fatal(reply)
	}
	client, err := net.Dial("udp", relay)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	packet := func(host string) []byte { return requestOf(0, host, 53)[5:] }
	fragment := packet("dns")
	for _, odd := range [][]byte{nil, {0}, {0, 0, 0, 9}, append([]byte{0, 0, 1}, fragment[1:]...)} {
		_, _ = client.Write(odd)
	}
	for host, from := range map[string]string{"10.96.0.10": "10.96.0.10:53", "dns": "0.0.0.0:0"} {
		for _, text := range []string{"one", "two"} {
			if _, err := client.Write(append(append([]byte{0, 0}, packet(host)...), text...)); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 100)
			n, err := client.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			address, data, err := parseDatagram(buffer[:n])
			if address != from || string(data) != strings.ToUpper(text) || err != nil {
				t.Errorf("%s: %q from %s, %v", host, data, address, err)
			}
		}
	}
	// The association ends with its connection.
	control.Close()
	for {
		_, _ = client.Write(append(append([]byte{0, 0}, packet("dns")...), "x"...))
		_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := client.Read(make([]byte, 100)); errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
	}
}

// Many clients at once get each their own.
func TestMany(t *testing.T) {
	t.Parallel()
	_, proxy := serve(t, cluster{leads: map[string]string{"catalog:80": listening(t, upper)}})
	var clients sync.WaitGroup
	for i := range 200 {
		clients.Go(func() {
			conn, err := net.Dial("tcp", proxy)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			text := fmt.Sprint("number ", i)
			_, _ = conn.Write(append(requestOf(commandConnect, "catalog", 80), text...))
			_ = conn.(*net.TCPConn).CloseWrite()
			const head = 12
			got, err := io.ReadAll(conn)
			if err != nil || len(got) < head || string(got[head:]) != strings.ToUpper(text) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	clients.Wait()
}

// Whatever a client sends, an address that is read is one that can be dialled.
func FuzzSocks(f *testing.F) {
	f.Add(requestOf(commandConnect, "catalog", 80))
	f.Add(append([]byte{0, 0}, requestOf(0, "fd00::1", 53)[5:]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		client := struct {
			io.Reader
			io.Writer
		}{r, io.Discard}
		if greet(client) == nil {
			if _, address, err := readRequest(r); err == nil {
				if _, _, err := net.SplitHostPort(address); err != nil {
					t.Errorf("%q: %v", address, err)
				}
			}
		}
		if address, rest, err := parseDatagram(data); err == nil {
			if _, _, err := net.SplitHostPort(address); err != nil || len(rest) > len(data) {
				t.Errorf("%q: %v", address, err)
			}
		}
	})
}
