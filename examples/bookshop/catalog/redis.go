package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// redis asks a Redis server for counters, one connection a question: enough for a demo.
type redis struct{ address, password string }

// count returns the number under a key; a missing one is set to 7 first.
func (r *redis) count(ctx context.Context, key string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	answers := bufio.NewReader(conn)
	if r.password != "" {
		if _, err := ask(conn, answers, "AUTH", r.password); err != nil {
			return 0, err
		}
	}
	if _, err := ask(conn, answers, "SET", key, "7", "NX"); err != nil {
		return 0, err
	}
	value, err := ask(conn, answers, "GET", key)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(value)
}

// ask sends a command and returns a simple, integer or bulk answer.
func ask(conn net.Conn, answers *bufio.Reader, words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return "", err
	}
	line, err := answers.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(line, "-"):
		return "", fmt.Errorf("redis: %s", line[1:])
	case line == "$-1":
		return "", nil
	case strings.HasPrefix(line, "$"):
		line, err = answers.ReadString('\n')
		return strings.TrimSpace(line), err
	default:
		return line[1:], nil
	}
}
