// Package tunneltest has ports for tests that name a local port before anyone listens there.
package tunneltest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreePort is a local port that no one listens on. It is none of those that the system gives to whoever asks for any
// port: such a one may be another test's by the time it is used.
func FreePort(t testing.TB) int {
	t.Helper()
	const first, count, tries = 10_000, 20_000, 100
	for range tries {
		port := first + rand.IntN(count)
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
}
