package main

import (
	"context"
	"fmt"
	"io"
	"net"
)

// dial connects standard input and output to a port of the pod's loopback, for who may exec here but not port-forward.
// It returns when the other side has said all; the end of the input is passed on.
func dial(ctx context.Context, port string, stdin io.Reader, stdout io.Writer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	go func() { // ends with the input; the process does not wait for it
		_, _ = io.Copy(conn, stdin)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	if _, err := io.Copy(stdout, conn); err != nil {
		return fmt.Errorf("from port %s: %w", port, err)
	}
	return nil
}
