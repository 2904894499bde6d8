package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestDial(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		question, _ := io.ReadAll(conn) // until the input ends
		_, _ = io.WriteString(conn, "you said "+string(question))
		conn.Close()
	}()
	var out bytes.Buffer
	err = dial(t.Context(), port, strings.NewReader("hello"), &out)
	if err != nil || out.String() != "you said hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
	stdin, in := io.Pipe()
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := listener.Accept(); err == nil {
			defer conn.Close()
			cancel() // a signal
			_, _ = conn.Read(make([]byte, 1))
		}
	}()
	if err := dial(ctx, port, stdin, &out); err == nil {
		t.Error("a signal does not end it")
	}
	const closed = "1" // one that was closed may be another test's by now
	if err := dial(t.Context(), closed, stdin, &out); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nothing listens: %v", err)
	}
}
