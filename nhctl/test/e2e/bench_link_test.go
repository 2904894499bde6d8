//go:build e2e && bench

package e2e

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// link is the way to the API server, with a delay in each direction; it can be cut.
type link struct {
	listener net.Listener
	to       string
	host     string
	delay    time.Duration

	mu       sync.Mutex
	broken   bool
	restored time.Time // when the first connection stood after the last cut
	conns    map[net.Conn]bool
}

func newLink(t *testing.T, delay time.Duration) *link {
	t.Helper()
	server, err := url.Parse(shared.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, to: server.Host, host: server.Hostname(), delay: delay, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { l.carry(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); l.cut(); serving.Wait() })
	return l
}

// kubeconfig is one that leads over the link.
func (l *link) kubeconfig(t *testing.T, from string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config.Clusters {
		c.Server, c.TLSServerName = "https://"+l.listener.Addr().String(), l.host
	}
	to := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, to); err != nil {
		t.Fatal(err)
	}
	return to
}

func (l *link) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	l.mu.Lock()
	if l.broken {
		l.mu.Unlock()
		return
	}
	if l.restored.IsZero() {
		l.restored = time.Now()
	}
	l.conns[near], l.conns[far] = true, true
	l.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.copy(far, near) })
	both.Go(func() { l.copy(near, far) })
	both.Wait()
	l.mu.Lock()
	delete(l.conns, near)
	delete(l.conns, far)
	l.mu.Unlock()
}

// copy passes bytes on when their time has come.
func (l *link) copy(to, from net.Conn) {
	type packet struct {
		due  time.Time
		data []byte
	}
	packets := make(chan packet, 4096)
	var writing sync.WaitGroup
	writing.Go(func() {
		for p := range packets {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				from.Close()
			}
		}
		to.Close()
	})
	for {
		data := make([]byte, 32<<10)
		n, err := from.Read(data)
		if n > 0 {
			packets <- packet{time.Now().Add(l.delay), data[:n]}
		}
		if err == io.EOF || err != nil {
			break
		}
	}
	close(packets)
	writing.Wait()
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for c := range l.conns {
		c.Close()
	}
}

func (l *link) restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.restored = false, time.Time{}
}

// first is when the first connection stood after the link was fixed.
func (l *link) first() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.restored
}
