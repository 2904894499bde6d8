package wire

import (
	"context"
	"io"
	"net"
	"testing"
)

// tcpPair returns both ends of a TCP connection on loopback.
func tcpPair(b *testing.B) (near, far net.Conn) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		far, err = listener.Accept()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// BenchmarkForward moves 1 MB from a program at the dialling end to one at the serving end, as a forwarded port does:
// a TCP connection, a carrier on another one, a third.
func BenchmarkForward(b *testing.B) {
	const size = 1 << 20
	client, local := tcpPair(b)
	remote, program := tcpPair(b)
	near, far := tcpPair(b)
	s := server(Handlers{KindForward: func(ctx context.Context, in *Incoming) error {
		stream, err := in.Accept()
		if err == nil {
			Join(ctx, stream, remote)
		}
		return err
	}})
	go s.ServeConn(b.Context(), far)
	carrier, err := Dial(b.Context(), near, []byte("secret"), Options{Hello: Hello{Session: "s1"}})
	if err != nil {
		b.Fatal(err)
	}
	defer carrier.Close()
	go Join(b.Context(), local, opened(b, carrier, KindForward))
	b.SetBytes(size)
	b.ResetTimer()
	go func() {
		chunk := make([]byte, size)
		for range b.N {
			if _, err := client.Write(chunk); err != nil {
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, program, int64(b.N)*size); err != nil {
		b.Fatal(err)
	}
}
