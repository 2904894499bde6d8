package mux

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// loopback is a TCP connection's two ends.
func loopback(t testing.TB) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		far, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// inUse is the memory that is in use, after a collection.
func inUse() uint64 {
	var m runtime.MemStats
	for range 2 { // pools are emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// 1,000 streams that were used and are idle take less than 40 MB at each end, with a goroutine that reads at each.
// Both ends are in this process, so it is less than that for the two together.
func TestIdleStreamsAreSmall(t *testing.T) {
	const streams, limit = 1000, 40_000_000
	near, far := loopback(t)
	before := inUse()
	client, server := pair(t, near, far)
	var reading sync.WaitGroup
	echo := func(s *Stream) { reading.Go(func() { _, _ = io.Copy(s, s) }) }
	chunk := make([]byte, 1<<16)
	for i := range streams {
		near, far := joined(t, client, server)
		echo(far)
		go func() { _, _ = near.Write(chunk[:1<<(i%17)]) }()
		if _, err := io.CopyN(io.Discard, near, 1<<(i%17)); err != nil {
			t.Fatal(err)
		}
		reading.Go(func() { _, _ = near.Read(make([]byte, 1)) })
	}
	used := inUse() - before
	t.Logf("%d idle streams: %.1f MB at both ends together", streams, float64(used)/1e6)
	if used > limit {
		t.Errorf("%d idle streams take %d bytes, want at most %d", streams, used, limit)
	}
	client.Close()
	server.Close()
	reading.Wait()
}

func BenchmarkRoundTrip(b *testing.B) {
	near, far := loopback(b)
	client, server := pair(b, near, far)
	here, there := joined(b, client, server)
	go func() { _, _ = io.Copy(there, there) }()
	save := make([]byte, 2<<10)
	for b.Loop() {
		if _, err := here.Write(save); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(here, save); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	near, far := loopback(b)
	client, server := pair(b, near, far)
	go func() {
		for {
			stream, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(stream, stream)
				stream.Close()
			}()
		}
	}()
	for b.Loop() {
		stream, err := client.Open(context.Background(), []byte("x"))
		if err != nil {
			b.Fatal(err)
		}
		_ = stream.SetDeadline(time.Now().Add(time.Minute))
		_ = stream.CloseWrite()
		if _, err := io.ReadAll(stream); err != nil {
			b.Fatal(err)
		}
		stream.Close()
	}
}
