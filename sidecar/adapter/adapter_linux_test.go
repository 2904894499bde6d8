package adapter

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The test program is also what Serve starts as `sidecar traceable -- PROGRAM`.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "traceable" {
		fmt.Fprintln(os.Stderr, Traceable(os.Args[3:]))
		os.Exit(127)
	}
	os.Exit(m.Run())
}

// Clients get adapters of their own, at once and one after another, while the program runs; its end is the end of all.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lldb-dap-19"), []byte("#!/bin/sh\nread size\nread empty\nhead -c 2 > "+
		"/dev/null\nprintf 'Content-Length: %d\\r\\n\\r\\n%s' ${#$} $$\nexec cat > /dev/null\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	// Other tests' ports are on the usual host: one of those may be taken again as soon as it is free.
	free, err := net.Listen("tcp", "127.10.20.30:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	reader, writer := io.Pipe()
	ended := make(chan string, 1)
	go func() {
		code, err := Serve(t.Context(), Options{
			Listen: address,
			Argv:   []string{"sh", "-c", "echo up; while [ ! -e " + dir + "/end ]; do sleep 0.01; done; kill -9 $$"},
			Stdout: writer,
			Stderr: io.Discard,
		})
		ended <- fmt.Sprint(code, err)
	}()
	if line, err := bufio.NewReader(reader).ReadString('\n'); line != "up\n" || err != nil {
		t.Fatal(line, err)
	}
	seen := map[int]bool{}
	var last net.Conn
	for range 2 {
		if last, err = net.Dial("tcp", address); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(last, framed("{}"))
		var size, pid int
		if _, err := fmt.Fscanf(bufio.NewReader(last), "Content-Length: %d\r\n\r\n%d", &size, &pid); err != nil {
			t.Fatal(err)
		}
		seen[pid] = true
	}
	if len(seen) != 2 {
		t.Errorf("two clients heard %v", seen)
	}
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("137 <nil>", <-ended); diff != "" {
		t.Error(diff)
	}
	if _, err := last.Read(make([]byte, 1)); err == nil {
		t.Error("a client is served after the program's end")
	}
}

// The adapter of a client that is lost is asked to let the program go on.
func TestClientLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	heard := filepath.Join(dir, "heard")
	path := filepath.Join(dir, "lldb-dap")
	// The shell keeps its output open: an adapter that closes it has left.
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat > "+heard+"\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- server{path: path, stderr: io.Discard}.serve(t.Context(), far) }()
	fmt.Fprint(near, framed("{}"))
	near.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(heard)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(leave, "\r\n\r\n")
	if diff := cmp.Diff(framed("{}")+framed(text), string(got)); diff != "" {
		t.Error(diff)
	}
}

// Without a program it waits for clients until it is told to end.
func TestServeWithoutProgram(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	t.Setenv("PATH", dir)
	if _, err := Serve(ctx, Options{Listen: "127.0.0.1:0"}); err == nil {
		t.Error("no adapter, no error")
	}
	for _, name := range []string{"lldb-vscode-14", "lldb-dap-18", "lldb-dap-19"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := find([]string{t.TempDir(), dir}); err != nil || filepath.Base(found) != "lldb-dap-19" {
		t.Error(found, err)
	}
	if code, err := Serve(ctx, Options{Listen: "127.0.0.1:0"}); code != 0 || err != nil {
		t.Error(code, err)
	}
}
